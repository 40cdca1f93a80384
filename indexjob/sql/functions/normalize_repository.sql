-- One repository is one repository: scheme, case of the host, user, default port, `.git` and trailing slashes don't count, and ssh is https.
-- Refuses what must never be stored or run: passwords, remote helpers (`ext::`), options (a leader dash).
CREATE OR REPLACE FUNCTION indexjob.normalize_repository(repository text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    url text := btrim(repository, E' \t\r\n');
    part text[];
    scheme text;
    host text;
    path text;
BEGIN
    IF url IS NULL OR url = '' THEN
        RAISE EXCEPTION 'the repository is missing' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give its https URL, for example https://github.com/org/name.';
    ELSIF url LIKE '-%' THEN
        RAISE EXCEPTION 'a repository must not begin with a dash' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give its https URL, for example https://github.com/org/name.';
    ELSIF length(url) > 2000 THEN
        RAISE EXCEPTION 'the repository''s URL is longer than 2000 characters' USING ERRCODE = 'invalid_parameter_value';
    ELSIF octet_length(url) > 2000 THEN  -- an index takes no more
        RAISE EXCEPTION 'the repository''s URL is longer than 2000 bytes' USING ERRCODE = 'invalid_parameter_value', HINT = 'Letters beyond ASCII take 2 to 4 bytes each.';
    ELSIF url ~ '^[A-Za-z0-9]+::' THEN
        RAISE EXCEPTION 'git''s remote helpers ("%::") are not allowed', split_part(url, '::', 1)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give an https or ssh URL.';
    END IF;
    part := regexp_match(url, '^([A-Za-z][A-Za-z0-9+.-]*)://(.*)$');
    IF part IS NULL AND url LIKE '/%' THEN
        part := ARRAY['file', url];
    ELSIF part IS NULL AND url ~ '^[^/@:]+@[^/:]+:[^/]' THEN
        part := ARRAY['ssh', regexp_replace(url, '^([^:]+):', '\1/')];
    ELSIF part IS NULL THEN
        RAISE EXCEPTION 'this is no URL of a repository' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give its https URL, for example https://github.com/org/name.';
    END IF;
    scheme := lower(part[1]);
    IF scheme NOT IN ('https', 'ssh', 'http', 'file') THEN
        RAISE EXCEPTION 'repositories are not read over "%"', scheme USING ERRCODE = 'invalid_parameter_value', HINT = 'Give an https or ssh URL.';
    ELSIF scheme = 'file' THEN
        path := part[2];
        IF path !~ '^/' THEN
            RAISE EXCEPTION 'a local repository needs an absolute path' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF path ~ '[[:cntrl:]]' THEN
            RAISE EXCEPTION 'a repository''s path holds no control characters' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        RETURN 'file://' || coalesce(nullif(rtrim(path, '/'), ''), '/');
    ELSIF part[2] ~ '[[:space:][:cntrl:]]' THEN
        RAISE EXCEPTION 'a repository''s URL holds no spaces or control characters' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    host := split_part(part[2], '/', 1);
    IF position('@' in host) > 0 AND (scheme <> 'ssh' OR position(':' in regexp_replace(host, '@[^@]*$', '')) > 0) THEN
        RAISE EXCEPTION 'a repository''s URL must hold no user name, password or token'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Keep it in a Kubernetes Secret and name that one in the option credentials_secret.';
    END IF;
    host := lower(regexp_replace(host, '^.*@', ''));
    host := regexp_replace(host, CASE scheme WHEN 'ssh' THEN ':22$' WHEN 'http' THEN ':80$' ELSE ':443$' END, '');
    IF host !~ '^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$' THEN
        RAISE EXCEPTION 'the repository''s URL names no valid host' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give its https URL, for example https://github.com/org/name.';
    END IF;
    IF host ~ ':[0-9]+$' AND substring(host, ':([0-9]+)$')::integer NOT BETWEEN 1 AND 65535 THEN
        RAISE EXCEPTION 'the repository''s URL names a port that doesn''t exist' USING ERRCODE = 'invalid_parameter_value', HINT = 'Ports are 1 to 65535; without one it is the scheme''s own.';
    END IF;
    path := substr(part[2], length(split_part(part[2], '/', 1)) + 1);
    IF position('?' in path) > 0 OR position('#' in path) > 0 THEN
        RAISE EXCEPTION 'a repository''s URL ends with its path' USING ERRCODE = 'invalid_parameter_value', HINT = 'Take off what follows "?" or "#"; the revision is a parameter of its own.';
    ELSIF path ~ '(^|/)\.\.?(/|$)' THEN
        RAISE EXCEPTION 'a repository''s URL holds no "." or ".." in its path' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    path := regexp_replace(regexp_replace(rtrim(regexp_replace(path, '/+', '/', 'g'), '/'), '\.git$', ''), '/+$', '');
    IF path = '' THEN
        RAISE EXCEPTION 'the repository''s URL names a host but no repository' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the whole URL, for example https://github.com/org/name.';
    END IF;
    RETURN CASE scheme WHEN 'http' THEN 'http://' ELSE 'https://' END || rtrim(host, '.') || path;
END $$;
REVOKE ALL ON FUNCTION indexjob.normalize_repository(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.normalize_repository(text) TO indexjob_reader, indexjob_producer, indexjob_worker, indexjob_operator;

-- Refuses, before anything is stored, what no run could make sense of. Each sentence says what to do.
CREATE OR REPLACE FUNCTION indexjob.check_request(repository text, revision text, backoff_limit integer, profile text, options jsonb) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller name := coalesce(nullif(current_setting('role', true), 'none'), session_user::text)::name;
    key text;
    value jsonb;
    bad text;
BEGIN
    IF repository ~ '^(file|http)://' AND NOT (SELECT s.local_repositories FROM indexjob.settings s) THEN
        RAISE EXCEPTION '% are not allowed here', CASE WHEN repository LIKE 'file:%' THEN 'local repositories' ELSE 'plain http URLs' END
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give an https or ssh URL. For trials on one machine an administrator may set indexjob.settings.local_repositories.';
    ELSIF repository ~ '^http://' AND repository !~ '^http://(localhost|127\.[0-9.]+|\[::1\])(:|/)' THEN
        RAISE EXCEPTION 'plain http is allowed to this machine alone' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give an https URL.';
    END IF;
    IF revision IS NULL OR revision = '' OR octet_length(revision) > 255 OR revision ~ '^-' OR revision ~ '[[:space:][:cntrl:]~^:?*\[\\]' OR revision ~ '(\.\.|@\{|//|\.lock$|/$|^/|\.$)' THEN
        RAISE EXCEPTION 'this is no valid revision' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a branch, a tag, a full ref, a commit id or HEAD.';
    ELSIF backoff_limit IS NULL OR backoff_limit NOT BETWEEN 0 AND 100 THEN
        RAISE EXCEPTION 'backoff_limit must be between 0 and 100, not %', coalesce(backoff_limit::text, 'NULL') USING ERRCODE = 'invalid_parameter_value';
    ELSIF profile IS NULL OR profile !~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' THEN
        RAISE EXCEPTION 'profile "%" is no valid name', profile USING ERRCODE = 'invalid_parameter_value', HINT = 'Use lower-case letters, digits and dashes.';
    ELSIF options IS NULL OR jsonb_typeof(options) <> 'object' THEN
        RAISE EXCEPTION 'options must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR key, value IN SELECT * FROM jsonb_each(options) LOOP
        CASE key
            WHEN 'credentials_secret' THEN
                IF jsonb_typeof(value) <> 'string' OR value #>> '{}' !~ '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$' THEN
                    bad := 'the name of a Kubernetes Secret';
                END IF;
            WHEN 'credentials_namespace' THEN
                -- The mirror says so of an IndexJob, for it knows where that one is; nobody else may point at a namespace.
                IF NOT indexjob.serves_all_tenants(caller) THEN
                    RAISE EXCEPTION 'the option "credentials_namespace" is the operator''s own'
                        USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out: the Secret is looked for in the namespace that Jobs run in.';
                ELSIF jsonb_typeof(value) <> 'string' OR value #>> '{}' !~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' THEN
                    bad := 'the name of a namespace';
                END IF;
            WHEN 'ttl_seconds_after_finished' THEN
                IF jsonb_typeof(value) <> 'number' OR (value #>> '{}')::numeric NOT BETWEEN 0 AND 2147483647 OR (value #>> '{}')::numeric % 1 <> 0 THEN
                    bad := 'a whole number of seconds, 0 or more';
                END IF;
            WHEN 'active_deadline_seconds' THEN
                IF jsonb_typeof(value) <> 'number' OR (value #>> '{}')::numeric NOT BETWEEN 1 AND 2147483647 OR (value #>> '{}')::numeric % 1 <> 0 THEN
                    bad := 'a whole number of seconds, at least 1';
                END IF;
            WHEN 'include', 'exclude' THEN
                IF NOT indexjob.is_text_array(value) THEN
                    bad := 'an array of patterns, such as ["src/**"]';
                END IF;
            WHEN 'languages' THEN
                IF NOT indexjob.is_text_array(value) OR EXISTS (SELECT FROM jsonb_array_elements_text(value) l WHERE l <> ALL (indexjob.languages())) THEN
                    bad := 'an array of ' || array_to_string(indexjob.languages(), ', ');
                END IF;
            ELSE
                RAISE EXCEPTION 'unknown option "%"', left(key, 100)
                    USING ERRCODE = 'invalid_parameter_value', HINT = 'The options are credentials_secret, active_deadline_seconds, ttl_seconds_after_finished, include, exclude and languages.';
        END CASE;
        IF bad IS NOT NULL THEN
            RAISE EXCEPTION 'option "%" must be %', key, bad USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION indexjob.check_request(text, text, integer, text, jsonb) FROM PUBLIC;

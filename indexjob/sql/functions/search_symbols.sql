-- Definitions whose name begins with this text, whatever the case (of a to z); the whole name first, then in alphabetical order. No substrings:
-- those would need the extension pg_trgm, which not every server has. It has its own predicate on tenants: the index on lower(name) can't be used
-- through a view that hides other tenants' rows from the caller's functions.
CREATE OR REPLACE FUNCTION indexjob.search_symbols(text text, repository text DEFAULT NULL, max_rows integer DEFAULT 100)
RETURNS SETOF indexjob.found_symbol
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    low text COLLATE "C" := lower(search_symbols.text COLLATE "C");
    matches text := '
        SELECT n.repository, n.revision, n.commit, f.path, s.name, s.kind::text, s.line, s.end_line, s.signature, s.doc, p.name AS parent, s.exported, n.tenant
        FROM indexjob.symbol s
        JOIN indexjob.manifest_file f ON f.content_id = s.content_id
        JOIN indexjob.current_snapshots n ON n.manifest_id = f.manifest_id
        LEFT JOIN indexjob.symbol p ON p.content_id = s.content_id AND p.ord = s.parent_ord
        WHERE lower(s.name) >= $1 AND lower(s.name) < $2';
BEGIN
    IF low <> '' AND repository IS NULL THEN
        RETURN QUERY EXECUTE matches || ' ORDER BY lower(s.name) LIMIT $3' USING low, low || chr(1114111), max_rows;
    ELSIF low <> '' THEN
        -- OFFSET 0 keeps it from going through all repositories' names in order until enough are of this one.
        RETURN QUERY EXECUTE 'SELECT * FROM (' || matches || ' AND n.repository = $4 OFFSET 0) AS m ORDER BY lower(m.name) LIMIT $3'
            USING low, low || chr(1114111), max_rows, indexjob.normalize_repository(repository);
    END IF;
END $$;
REVOKE ALL ON FUNCTION indexjob.search_symbols(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.search_symbols(text, text, integer) TO indexjob_reader, indexjob_producer, indexjob_operator;

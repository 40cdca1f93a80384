-- Definitions whose name begins with this text, whatever the case (of a to z); the whole name first, then in alphabetical order. No substrings:
-- those would need the extension pg_trgm, which not every server has. Its own predicate on tenants: an index on lower(name) can't be used
-- through a view that hides other tenants' rows from the caller's functions.
CREATE OR REPLACE FUNCTION indexjob.search_symbols(text text, repository text DEFAULT NULL, max_rows integer DEFAULT 100)
RETURNS SETOF indexjob.found_symbol
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted_repository text := CASE WHEN search_symbols.repository IS NOT NULL THEN indexjob.normalize_repository(search_symbols.repository) END;
    low text COLLATE "C" := lower(search_symbols.text COLLATE "C");
BEGIN
    IF low = '' THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT n.repository, n.revision, n.commit, f.path, s.name, s.kind::text, s.line, s.end_line, s.signature, s.doc, p.name, s.exported, n.tenant
        FROM indexjob.symbol s
        JOIN indexjob.manifest_file f ON f.content_id = s.content_id
        JOIN indexjob.current_snapshots n ON n.manifest_id = f.manifest_id AND (wanted_repository IS NULL OR n.repository = wanted_repository)
        LEFT JOIN indexjob.symbol p ON p.content_id = s.content_id AND p.ord = s.parent_ord
        WHERE lower(s.name) >= low AND lower(s.name) < low || chr(1114111)
        ORDER BY lower(s.name) LIMIT max_rows;
END $$;
REVOKE ALL ON FUNCTION indexjob.search_symbols(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.search_symbols(text, text, integer) TO indexjob_reader, indexjob_producer, indexjob_operator;

-- Where a name is used, and which definition is meant, in one repository or all of the caller's. Of a name that is used very often three times as many uses are looked at as are
-- wanted, so that no name is slow.
CREATE OR REPLACE FUNCTION indexjob.find_references(name text, repository text DEFAULT NULL, max_rows integer DEFAULT 100)
RETURNS SETOF indexjob.found_reference
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF find_references.repository IS NULL THEN
        RETURN QUERY
            SELECT * FROM (SELECT * FROM indexjob.resolved_references s WHERE s.name = find_references.name LIMIT 3 * max_rows) AS f
            ORDER BY f.repository, f.revision, f.path, f.line, f.col LIMIT max_rows;
    ELSE
        -- EXECUTE plans it for these very values: by the name if that is rare, by the repository's files if it is not.
        RETURN QUERY EXECUTE
            'SELECT * FROM (SELECT * FROM indexjob.resolved_references s WHERE s.name = $1 AND s.repository = $2 LIMIT 3 * $3) AS f
            ORDER BY f.repository, f.revision, f.path, f.line, f.col LIMIT $3'
            USING find_references.name, indexjob.normalize_repository(find_references.repository), max_rows;
    END IF;
END $$;
REVOKE ALL ON FUNCTION indexjob.find_references(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.find_references(text, text, integer) TO indexjob_reader, indexjob_producer, indexjob_operator;

-- Where a name is defined, in one repository or all of the caller's; exported definitions first. Of a name that is defined very often three
-- times as many are looked at as are wanted, so that no name is slow.
CREATE OR REPLACE FUNCTION indexjob.find_definitions(name text, repository text DEFAULT NULL, max_rows integer DEFAULT 100)
RETURNS SETOF indexjob.found_symbol
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF find_definitions.repository IS NULL THEN
        RETURN QUERY
            SELECT * FROM (SELECT * FROM indexjob.symbols s WHERE s.name = find_definitions.name LIMIT 3 * max_rows) AS f
            ORDER BY f.exported DESC, f.repository, f.revision, f.path, f.line LIMIT max_rows;
    ELSE
        -- EXECUTE plans it for these very values: by the name if that is rare, by the repository's files if it is not.
        RETURN QUERY EXECUTE
            'SELECT * FROM (SELECT * FROM indexjob.symbols s WHERE s.name = $1 AND s.repository = $2 LIMIT 3 * $3) AS f
            ORDER BY f.exported DESC, f.repository, f.revision, f.path, f.line LIMIT $3'
            USING find_definitions.name, indexjob.normalize_repository(find_definitions.repository), max_rows;
    END IF;
END $$;
REVOKE ALL ON FUNCTION indexjob.find_definitions(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.find_definitions(text, text, integer) TO indexjob_reader, indexjob_producer, indexjob_operator;

-- Where a name is defined, in one repository or all of the caller's; exported definitions first. A name that is defined more than a thousand times
-- is answered from the first thousand, so that no name is slow.
CREATE OR REPLACE FUNCTION indexjob.find_definitions(name text, repository text DEFAULT NULL, max_rows integer DEFAULT 100)
RETURNS SETOF indexjob.found_symbol
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted_repository text;
BEGIN
    IF find_definitions.repository IS NULL THEN
        RETURN QUERY
            SELECT * FROM (SELECT * FROM indexjob.symbols s WHERE s.name = find_definitions.name LIMIT greatest(max_rows, 1000)) AS f
            ORDER BY f.exported DESC, f.repository, f.revision, f.path, f.line LIMIT max_rows;
    ELSE
        wanted_repository := indexjob.normalize_repository(find_definitions.repository);
        RETURN QUERY
            SELECT * FROM (
                SELECT * FROM indexjob.symbols s WHERE s.name = find_definitions.name AND s.repository = wanted_repository LIMIT greatest(max_rows, 1000)
            ) AS f
            ORDER BY f.exported DESC, f.repository, f.revision, f.path, f.line LIMIT max_rows;
    END IF;
END $$;
REVOKE ALL ON FUNCTION indexjob.find_definitions(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.find_definitions(text, text, integer) TO indexjob_reader, indexjob_producer, indexjob_operator;

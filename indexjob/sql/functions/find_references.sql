-- Where a name is used, in one repository or all of the caller's. A name that is used more than a thousand times is answered from the first
-- thousand, so that no name is slow.
CREATE OR REPLACE FUNCTION indexjob.find_references(name text, repository text DEFAULT NULL, max_rows integer DEFAULT 100)
RETURNS SETOF indexjob.found_reference
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted_repository text;
BEGIN
    IF find_references.repository IS NULL THEN
        RETURN QUERY
            SELECT * FROM (SELECT * FROM indexjob.symbol_references s WHERE s.name = find_references.name LIMIT greatest(max_rows, 1000)) AS f
            ORDER BY f.repository, f.revision, f.path, f.line, f.col LIMIT max_rows;
    ELSE
        wanted_repository := indexjob.normalize_repository(find_references.repository);
        RETURN QUERY
            SELECT * FROM (
                SELECT * FROM indexjob.symbol_references s
                WHERE s.name = find_references.name AND s.repository = wanted_repository LIMIT greatest(max_rows, 1000)
            ) AS f
            ORDER BY f.repository, f.revision, f.path, f.line, f.col LIMIT max_rows;
    END IF;
END $$;
REVOKE ALL ON FUNCTION indexjob.find_references(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.find_references(text, text, integer) TO indexjob_reader, indexjob_producer, indexjob_operator;

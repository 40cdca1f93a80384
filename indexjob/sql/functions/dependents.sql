-- Which files need this one, directly (depth 1) or through others, at most so many steps away. Each file once, by its shortest way: a level at a time,
-- so that circles end and no path is followed twice.
CREATE OR REPLACE FUNCTION indexjob.dependents(repository text, path text, depth integer DEFAULT 10)
RETURNS SETOF indexjob.found_dependent
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted_repository text := indexjob.normalize_repository(dependents.repository);
    of_graph bigint;
    found_at integer;
    level text[] COLLATE "C";
    seen text[] COLLATE "C";
BEGIN
    FOR of_graph IN SELECT DISTINCT n.graph_id FROM indexjob.current_snapshots n WHERE n.repository = wanted_repository LOOP
        level := ARRAY[dependents.path];
        seen := level;
        FOR found_at IN 1 .. dependents.depth LOOP
            level := ARRAY(
                SELECT d.path FROM indexjob.dependency d WHERE d.graph_id = of_graph AND d.target_path = ANY (level)
                EXCEPT SELECT unnest(seen)
                ORDER BY 1
            );
            EXIT WHEN level = '{}';
            seen := seen || level;
            RETURN QUERY
                SELECT n.revision, n.commit, p.path, found_at, n.tenant
                FROM indexjob.current_snapshots n, unnest(level) AS p (path)
                WHERE n.repository = wanted_repository AND n.graph_id = of_graph;
        END LOOP;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION indexjob.dependents(text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.dependents(text, text, integer) TO indexjob_reader, indexjob_producer, indexjob_operator;

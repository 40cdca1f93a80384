-- Counts a new graph's dependencies and cycles.
CREATE OR REPLACE FUNCTION indexjob.seal_graph(graph bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE indexjob.graph g SET
        dependencies = (SELECT count(*) FROM indexjob.dependency d WHERE d.graph_id = graph),
        cycles = (SELECT count(*) FROM indexjob.cycle c WHERE c.graph_id = graph)
    WHERE g.id = graph AND g.dependencies IS NULL
$$;
REVOKE ALL ON FUNCTION indexjob.seal_graph(bigint) FROM PUBLIC;

-- Whether a worker need not compute this graph, because its tenant has it.
CREATE OR REPLACE FUNCTION indexjob.graph_is_known(job_id uuid, launch integer, token text, hash bytea) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    its_tenant text := indexjob.require_launch(graph_is_known.job_id, graph_is_known.launch, graph_is_known.token);
BEGIN
    RETURN EXISTS (SELECT FROM indexjob.graph g WHERE g.tenant = its_tenant AND g.hash = graph_is_known.hash);
END $$;
REVOKE ALL ON FUNCTION indexjob.graph_is_known(uuid, integer, text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.graph_is_known(uuid, integer, text, bytea) TO indexjob_worker;

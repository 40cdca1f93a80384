-- The graph of the launch's tenant with this hash, made if there is none: `is_new` asks the caller to add its dependencies and cycles and to publish it,
-- in the same transaction. Opened after the manifest, always: so two workers never wait for each other.
CREATE OR REPLACE FUNCTION indexjob.open_graph(job_id uuid, launch integer, token text, hash bytea, OUT id bigint, OUT is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    its_tenant text := indexjob.require_launch(open_graph.job_id, open_graph.launch, open_graph.token);
BEGIN
    LOOP
        SELECT g.id, false INTO id, is_new FROM indexjob.graph g WHERE g.tenant = its_tenant AND g.hash = open_graph.hash FOR KEY SHARE;
        EXIT WHEN FOUND;
        INSERT INTO indexjob.graph AS g (tenant, hash) VALUES (its_tenant, open_graph.hash) ON CONFLICT DO NOTHING RETURNING g.id, true INTO id, is_new;
        EXIT WHEN FOUND;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION indexjob.open_graph(uuid, integer, text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.open_graph(uuid, integer, text, bytea) TO indexjob_worker;

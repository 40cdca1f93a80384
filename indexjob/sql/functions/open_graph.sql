-- The graph with this hash, made if there is none: `is_new` asks the caller to add its dependencies and cycles in the same transaction.
-- Opened after the manifest, always: so two workers never wait for each other.
CREATE OR REPLACE FUNCTION indexjob.open_graph(tenant text, hash bytea, OUT id bigint, OUT is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    LOOP
        SELECT g.id, false INTO id, is_new FROM indexjob.graph g WHERE g.tenant = open_graph.tenant AND g.hash = open_graph.hash FOR KEY SHARE;
        EXIT WHEN FOUND;
        INSERT INTO indexjob.graph AS g (tenant, hash) VALUES (open_graph.tenant, open_graph.hash) ON CONFLICT DO NOTHING RETURNING g.id, true INTO id, is_new;
        EXIT WHEN FOUND;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION indexjob.open_graph(text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.open_graph(text, bytea) TO indexjob_worker;

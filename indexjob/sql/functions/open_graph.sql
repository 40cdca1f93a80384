-- The graph with this hash, made if there is none: `is_new` asks the caller to add its dependencies and cycles in the same transaction.
-- Opened after the manifest, always: so two workers never wait for each other.
CREATE OR REPLACE FUNCTION indexjob.open_graph(tenant text, hash bytea, OUT id bigint, OUT is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    LOOP
        SELECT g.id, false INTO id, is_new FROM indexjob.graph g WHERE g.tenant = $1 AND g.hash = $2 FOR KEY SHARE;
        EXIT WHEN FOUND;
        INSERT INTO indexjob.graph AS g (tenant, hash) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING g.id, true INTO id, is_new;
        EXIT WHEN FOUND;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION indexjob.open_graph(text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.open_graph(text, bytea) TO indexjob_worker;

-- Of what waits beside these, each tenant's best `reach` of them, those that another transaction holds: a producer may have hold of as many as it likes (a batch
-- that it cancels), and all that is behind them goes on. The others are held by this transaction then, which is the leader's, and short.
CREATE OR REPLACE FUNCTION indexjob.held_near(ids uuid[], reach integer) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    near uuid[] := ARRAY(
        SELECT best.id FROM (SELECT DISTINCT i.tenant FROM indexjob.index_jobs i WHERE i.id = ANY (ids)) AS t CROSS JOIN LATERAL (
            (SELECT n.id FROM indexjob.index_jobs n WHERE n.line = 'new' AND n.tenant = t.tenant ORDER BY n.priority DESC, n.seq LIMIT reach)
            UNION ALL
            (SELECT r.id FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = t.tenant ORDER BY r.priority DESC, r.seq LIMIT reach)) AS best);
BEGIN
    RETURN ARRAY(
        WITH free AS MATERIALIZED (SELECT j.id FROM indexjob.index_jobs j WHERE j.id = ANY (near) FOR NO KEY UPDATE SKIP LOCKED)
        SELECT unnest(near) EXCEPT SELECT f.id FROM free f);
END $$;
REVOKE ALL ON FUNCTION indexjob.held_near(uuid[], integer) FROM PUBLIC;

-- Links the requests that are equal to these, at most 1000 to each, so that one run serves them all. What another transaction holds is passed over.
CREATE OR REPLACE FUNCTION indexjob.coalesce_with(leaders uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    WITH equal AS MATERIALIZED (
        SELECT l.id AS leader, e.id
        FROM indexjob.index_jobs l
        CROSS JOIN LATERAL (
            SELECT q.id FROM indexjob.index_jobs q
            WHERE q.line IN ('new', 'blocked') AND q.tenant = l.tenant AND q.repository = l.repository AND q.revision = l.revision
              AND jsonb_hash_extended(q.options, 0) = jsonb_hash_extended(l.options, 0) AND q.options = l.options AND q.profile = l.profile
              AND q.run_after <= now()
            LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED) AS e
        WHERE l.id = ANY (leaders)
    )
    UPDATE indexjob.index_jobs j SET line = 'coalesced', gave_way_to = e.leader, updated_at = now() FROM equal e WHERE j.id = e.id;
END $$;
REVOKE ALL ON FUNCTION indexjob.coalesce_with(uuid[]) FROM PUBLIC;

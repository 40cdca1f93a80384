-- Makes the next due job of each of these repositories claimable, where the repository is free and has none; one that a producer's transaction holds is
-- passed over. The leader alone calls it.
CREATE OR REPLACE FUNCTION indexjob.promote(tenants text[], repositories text[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    promoted integer;
BEGIN
    WITH free AS (
        SELECT DISTINCT u.t, u.r FROM unnest(tenants, repositories) AS u (t, r)
        WHERE NOT EXISTS (SELECT FROM indexjob.slots s WHERE s.tenant = u.t AND s.repository = u.r)
          AND NOT EXISTS (SELECT FROM indexjob.index_jobs r WHERE r.tenant = u.t AND r.repository = u.r AND r.line = 'ready')
    ), heads AS MATERIALIZED (  -- locked once: asked again, it would pass over what this very statement has changed
        SELECT head.id FROM free CROSS JOIN LATERAL (
            SELECT n.id FROM indexjob.index_jobs n
            WHERE n.tenant = free.t AND n.repository = free.r AND n.line = 'blocked'
            ORDER BY n.priority DESC, n.seq LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) AS head
    )
    UPDATE indexjob.index_jobs j SET line = 'ready', updated_at = now() FROM heads h WHERE j.id = h.id;
    GET DIAGNOSTICS promoted = ROW_COUNT;
    RETURN promoted;
END $$;
REVOKE ALL ON FUNCTION indexjob.promote(text[], text[]) FROM PUBLIC;

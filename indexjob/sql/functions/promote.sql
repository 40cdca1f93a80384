-- Makes the next due job of each of these repositories claimable, where the repository is free and has none; one that a producer's transaction holds is
-- passed over. Only the leader calls it: who has just freed these repositories, or who is alone at putting jobs in line.
CREATE OR REPLACE FUNCTION indexjob.promote(tenants text[], repositories text[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_tenants text[];
    of_repositories text[];
    promoted integer;
BEGIN
    -- Most repositories have nobody waiting.
    SELECT array_agg(u.t), array_agg(u.r) INTO of_tenants, of_repositories FROM (SELECT DISTINCT d.t, d.r FROM unnest(tenants, repositories) AS d (t, r)) AS u
    WHERE (SELECT true FROM indexjob.index_jobs b WHERE b.tenant = u.t AND b.repository = u.r AND b.line = 'blocked' LIMIT 1);
    IF of_tenants IS NULL THEN
        RETURN 0;
    END IF;
    WITH free AS (
        SELECT u.t, u.r FROM unnest(of_tenants, of_repositories) AS u (t, r)
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

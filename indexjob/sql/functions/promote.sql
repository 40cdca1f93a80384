-- Makes the next due job of each of these repositories claimable, where the repository is free and has none. The leader alone calls it.
CREATE OR REPLACE FUNCTION indexjob.promote(tenants text[], repositories text[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    promoted integer;
BEGIN
    UPDATE indexjob.index_jobs j SET line = 'ready', updated_at = now()
    FROM (
        SELECT next.id
        FROM (SELECT DISTINCT u.t, u.r FROM unnest(tenants, repositories) AS u (t, r)) AS touched
        CROSS JOIN LATERAL (
            SELECT n.id, n.line FROM indexjob.index_jobs n
            WHERE n.tenant = touched.t AND n.repository = touched.r AND n.line IN ('blocked', 'ready')
            ORDER BY n.priority DESC, n.seq LIMIT 1
        ) AS next
        WHERE next.line = 'blocked'
          AND NOT EXISTS (SELECT FROM indexjob.slots s WHERE s.tenant = touched.t AND s.repository = touched.r)
          AND NOT EXISTS (SELECT FROM indexjob.index_jobs r WHERE r.tenant = touched.t AND r.repository = touched.r AND r.line = 'ready')
    ) AS head
    WHERE j.id = head.id AND j.line = 'blocked';
    GET DIAGNOSTICS promoted = ROW_COUNT;
    RETURN promoted;
END $$;
REVOKE ALL ON FUNCTION indexjob.promote(text[], text[]) FROM PUBLIC;

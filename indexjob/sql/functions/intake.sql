-- Puts new and newly due jobs in line, best first, at most so many: how many it took. The leader alone calls it.
CREATE OR REPLACE FUNCTION indexjob.intake(at_most integer) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ids uuid[];
    touched_tenants text[];
    touched_repositories text[];
BEGIN
    WITH fresh AS (
        SELECT j.id, j.tenant, j.repository FROM indexjob.index_jobs j WHERE j.line = 'new'
        ORDER BY j.priority DESC, j.seq LIMIT at_most FOR NO KEY UPDATE SKIP LOCKED
    ), due AS (
        SELECT j.id, j.tenant, j.repository FROM indexjob.index_jobs j WHERE j.line = 'scheduled' AND j.run_after <= now()
        ORDER BY j.run_after LIMIT at_most FOR NO KEY UPDATE SKIP LOCKED
    )
    SELECT array_agg(b.id), array_agg(b.tenant), array_agg(b.repository) INTO ids, touched_tenants, touched_repositories
    FROM (SELECT * FROM fresh UNION ALL SELECT * FROM due) AS b;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    -- The next of a repository gives way to a better one that has just come.
    UPDATE indexjob.index_jobs j SET line = 'blocked', updated_at = now()
    WHERE j.line = 'ready' AND j.id IN (
        SELECT r.id
        FROM (
            SELECT DISTINCT ON (i.tenant, i.repository) i.tenant, i.repository, i.priority, i.seq
            FROM indexjob.index_jobs i WHERE i.id = ANY (ids) AND i.run_after <= now()
            ORDER BY i.tenant, i.repository, i.priority DESC, i.seq
        ) AS best
        JOIN indexjob.index_jobs r ON r.line = 'ready' AND r.tenant = best.tenant AND r.repository = best.repository
         AND (best.priority > r.priority OR (best.priority = r.priority AND best.seq < r.seq))
        FOR NO KEY UPDATE OF r SKIP LOCKED);
    UPDATE indexjob.index_jobs j
    SET updated_at = now(), line = CASE
        WHEN NOT placed.due THEN 'scheduled'
        WHEN placed.place = 1 AND placed.free AND NOT placed.behind THEN 'ready'
        ELSE 'blocked' END::indexjob.line_place
    FROM (
        SELECT b.id, b.due, b.place,
            NOT EXISTS (SELECT FROM indexjob.slots s WHERE s.tenant = b.tenant AND s.repository = b.repository) AS free,
            b.place > 1 OR EXISTS (SELECT FROM indexjob.index_jobs r WHERE r.tenant = b.tenant AND r.repository = b.repository AND r.line = 'ready')
            OR coalesce((
                SELECT (w.priority > b.priority OR (w.priority = b.priority AND w.seq < b.seq)) FROM indexjob.index_jobs w
                WHERE w.tenant = b.tenant AND w.repository = b.repository AND w.line IN ('blocked', 'ready')
                ORDER BY w.priority DESC, w.seq LIMIT 1), false) AS behind
        FROM (
            SELECT i.id, i.tenant, i.repository, i.priority, i.seq, i.run_after <= now() AS due,
                row_number() OVER (PARTITION BY i.tenant, i.repository, i.run_after <= now() ORDER BY i.priority DESC, i.seq) AS place
            FROM indexjob.index_jobs i WHERE i.id = ANY (ids)
        ) AS b
    ) AS placed
    WHERE j.id = placed.id;
    PERFORM indexjob.promote(touched_tenants, touched_repositories);
    RETURN cardinality(ids);
END $$;
REVOKE ALL ON FUNCTION indexjob.intake(integer) FROM PUBLIC;

-- The jobs to launch next, at most `free` and in this order: tenants share by weight within their caps, priority and age order within a tenant. Each tenant's
-- best few come from an index, so what stands behind costs nothing; `running` is how many each tenant has, `passed_over` are those that another transaction holds.
-- A tenant's turn comes the sooner the less it runs and the less it was `served` before, by weight: by what runs alone, the first of two tenants would have every
-- single slot. Nobody saves up turns: who wasn't in line begins at the `base`, the least that those who were had been served, which is given back for the next call.
-- Tenants are found from the far end of their lines: at the near one are the dead entries of what was launched since the last vacuum.
-- The planner is told to take the indexes: what its statistics say of a queue is never what is there.
CREATE OR REPLACE FUNCTION indexjob.best_of_line(
    free integer, running jsonb, served jsonb, passed_over uuid[], INOUT base double precision, OUT best uuid[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    WITH RECURSIVE waiting AS (
        SELECT greatest(
            (SELECT n.tenant FROM indexjob.index_jobs n WHERE n.line = 'new' ORDER BY n.tenant DESC, n.priority, n.seq DESC LIMIT 1),
            (SELECT r.tenant FROM indexjob.index_jobs r WHERE r.line = 'ready' ORDER BY r.tenant DESC, r.priority, r.seq DESC LIMIT 1)) AS tenant
        UNION ALL
        SELECT greatest(
            (SELECT n.tenant FROM indexjob.index_jobs n WHERE n.line = 'new' AND n.tenant < w.tenant
             ORDER BY n.tenant DESC, n.priority, n.seq DESC LIMIT 1),
            (SELECT r.tenant FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant < w.tenant
             ORDER BY r.tenant DESC, r.priority, r.seq DESC LIMIT 1))
        FROM waiting w WHERE w.tenant IS NOT NULL
    ), shares AS (
        SELECT w.tenant, coalesce(t.weight, 1) AS weight, r.running, least(free, t.cap - r.running) AS room,
            greatest((best_of_line.served ->> w.tenant)::float8, best_of_line.base) AS served
        FROM waiting w
        LEFT JOIN indexjob.tenants t ON t.name = w.tenant
        CROSS JOIN LATERAL (SELECT coalesce((best_of_line.running ->> w.tenant)::integer, 0) AS running) AS r
        WHERE w.tenant IS NOT NULL
    )
    SELECT (SELECT min(s.served) FROM shares s WHERE s.room > 0), array_agg(best.id ORDER BY best.turn, best.priority DESC, best.seq)
    INTO base, best
    FROM (
        SELECT b.id, b.priority, b.seq, shares.served + (shares.running + 2 * b.place - 1)::float8 / shares.weight AS turn
        FROM shares
        CROSS JOIN LATERAL (
            SELECT j.id, j.priority, j.seq, row_number() OVER (ORDER BY j.priority DESC, j.seq) AS place
            FROM (
                (SELECT n.id, n.priority, n.seq FROM indexjob.index_jobs n
                 WHERE n.line = 'new' AND n.tenant = shares.tenant AND n.id <> ALL (passed_over)
                 ORDER BY n.priority DESC, n.seq LIMIT greatest(shares.room, 0))
                UNION ALL
                (SELECT r.id, r.priority, r.seq FROM indexjob.index_jobs r
                 WHERE r.line = 'ready' AND r.tenant = shares.tenant AND r.id <> ALL (passed_over)
                 ORDER BY r.priority DESC, r.seq LIMIT greatest(shares.room, 0))
            ) AS j
            ORDER BY j.priority DESC, j.seq LIMIT greatest(shares.room, 0)
        ) AS b
        ORDER BY turn, b.priority DESC, b.seq LIMIT free
    ) AS best;
END $$;
REVOKE ALL ON FUNCTION indexjob.best_of_line(integer, jsonb, jsonb, uuid[], double precision) FROM PUBLIC;

-- Takes up to `wanted` jobs for launching, so that no more than `at_once` are under way: each tenant's best few, shared fairly by weight within the caps, priority and age within a tenant.
-- Only rows that are the next of a free repository are read, so that what is blocked costs nothing.
CREATE OR REPLACE FUNCTION indexjob.claim(held bigint, wanted integer, at_once integer, in_namespace text)
RETURNS TABLE (id uuid, launch integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    free integer;
    taken uuid[];
BEGIN
    PERFORM indexjob.lead(held);
    PERFORM indexjob.intake(1000);
    SELECT least(wanted, least(at_once, s.running_cap) - (SELECT count(*) FROM indexjob.slots))::integer INTO free
    FROM indexjob.settings s WHERE NOT s.claiming_paused;
    IF free IS NULL OR free <= 0 THEN
        RETURN;
    END IF;
    WITH RECURSIVE ready_tenants AS (
        (SELECT j.tenant FROM indexjob.index_jobs j WHERE j.line = 'ready' ORDER BY j.tenant LIMIT 1)
        UNION ALL
        SELECT (SELECT j.tenant FROM indexjob.index_jobs j WHERE j.line = 'ready' AND j.tenant > rt.tenant ORDER BY j.tenant LIMIT 1)
        FROM ready_tenants rt WHERE rt.tenant IS NOT NULL
    ), shares AS (
        SELECT rt.tenant, coalesce(t.weight, 1) AS weight, coalesce(r.n, 0) AS running, least(free, coalesce(t.cap - coalesce(r.n, 0), free)) AS room
        FROM ready_tenants rt
        LEFT JOIN indexjob.tenants t ON t.name = rt.tenant
        LEFT JOIN (SELECT s.tenant, count(*)::integer AS n FROM indexjob.slots s GROUP BY s.tenant) AS r ON r.tenant = rt.tenant
        WHERE rt.tenant IS NOT NULL
    ), picked AS (
        SELECT best.id
        FROM shares
        CROSS JOIN LATERAL (
            SELECT j.id, j.priority, j.seq, row_number() OVER (ORDER BY j.priority DESC, j.seq) AS place
            FROM indexjob.index_jobs j WHERE j.line = 'ready' AND j.tenant = shares.tenant
            ORDER BY j.priority DESC, j.seq LIMIT greatest(shares.room, 0)
        ) AS best
        ORDER BY (shares.running + best.place)::float8 / shares.weight, best.priority DESC, best.seq
        LIMIT free
    ), locked AS (
        SELECT j.id, j.tenant, j.repository, j.launch FROM indexjob.index_jobs j
        WHERE j.id IN (SELECT p.id FROM picked p) AND j.line = 'ready'
        FOR NO KEY UPDATE SKIP LOCKED
    ), won AS (
        INSERT INTO indexjob.slots (tenant, repository, job_id, launch)
        SELECT l.tenant, l.repository, l.id, l.launch + 1 FROM locked l ORDER BY l.tenant, l.repository
        ON CONFLICT DO NOTHING
        RETURNING job_id
    ), launched AS (
        UPDATE indexjob.index_jobs j
        SET state = 'launching', line = NULL, launch = j.launch + 1, job_name = j.id || '-' || (j.launch + 1), namespace = in_namespace,
            reason = NULL, message = NULL, launched_at = now(), started_at = NULL, updated_at = now()
        FROM won WHERE j.id = won.job_id
        RETURNING j.id
    )
    SELECT array_agg(l.id) INTO taken FROM launched l;
    PERFORM indexjob.coalesce_with(one) FROM unnest(taken) AS one;
    RETURN QUERY SELECT j.id, j.launch FROM indexjob.index_jobs j WHERE j.id = ANY (taken) ORDER BY j.priority DESC, j.seq;
END $$;
REVOKE ALL ON FUNCTION indexjob.claim(bigint, integer, integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.claim(bigint, integer, integer, text) TO indexjob_operator;

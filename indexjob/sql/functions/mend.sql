-- The sweep's part of the queue: promotes and settles what was missed, sees that no job waits for one that will not answer. How much it mended.
CREATE OR REPLACE FUNCTION indexjob.mend(held bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    mended integer;
    released integer;
    heads text[];
    of_tenants text[];
BEGIN
    PERFORM indexjob.lead(held);
    SELECT indexjob.settle_coalesced(array_agg(l.id)) INTO mended FROM indexjob.index_jobs l
    WHERE l.finished_at IS NOT NULL AND l.id IN (SELECT DISTINCT c.gave_way_to FROM indexjob.index_jobs c WHERE c.line = 'coalesced');
    UPDATE indexjob.index_jobs j SET line = 'new', gave_way_to = NULL, updated_at = now()
    WHERE j.id IN (
        SELECT c.id FROM indexjob.index_jobs c
        WHERE c.line = 'coalesced' AND NOT EXISTS (
            SELECT FROM indexjob.index_jobs l WHERE l.id = c.gave_way_to AND l.state IN ('launching', 'running', 'completed', 'failed', 'skipped'))
        FOR NO KEY UPDATE OF c SKIP LOCKED);
    GET DIAGNOSTICS released = ROW_COUNT;
    -- Repositories with nobody but their next have nothing to promote: a whole backlog may be such, and the lease waits for this.
    WITH RECURSIVE lines AS (
        (SELECT j.tenant, j.repository FROM indexjob.index_jobs j WHERE j.line = 'blocked' ORDER BY j.tenant, j.repository LIMIT 1)
        UNION ALL
        SELECT n.tenant, n.repository FROM lines l CROSS JOIN LATERAL (
            SELECT j.tenant, j.repository FROM indexjob.index_jobs j
            WHERE j.line = 'blocked' AND (j.tenant, j.repository) > (l.tenant, l.repository)
            ORDER BY j.tenant, j.repository LIMIT 1) AS n
    )
    SELECT array_agg(l.tenant), array_agg(l.repository) INTO of_tenants, heads FROM lines l;
    RETURN coalesce(mended, 0) + released + coalesce(indexjob.promote(of_tenants, heads), 0);
END $$;
REVOKE ALL ON FUNCTION indexjob.mend(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.mend(bigint) TO indexjob_operator;

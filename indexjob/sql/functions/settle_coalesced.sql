-- Hands the outcome of finished jobs to those that were coalesced with them, at most 1000: how many it settled. The sweep does the rest.
CREATE OR REPLACE FUNCTION indexjob.settle_coalesced(leader uuid[]) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    settled uuid[];
BEGIN
    WITH done AS (
        UPDATE indexjob.index_jobs j
        SET state = l.state, line = NULL, reason = l.reason, message = l.message, commit = l.commit, verdict = l.verdict, progress = l.progress, stats = l.stats,
            started_at = l.started_at, finished_at = l.finished_at, updated_at = now()
        FROM indexjob.index_jobs l
        WHERE l.id = j.gave_way_to AND l.finished_at IS NOT NULL AND l.state <> 'cancelled' AND j.id IN (
            SELECT c.id FROM indexjob.index_jobs c
            WHERE c.line = 'coalesced' AND c.gave_way_to = ANY (leader) LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING j.id
    )
    SELECT array_agg(d.id) INTO settled FROM done d;
    PERFORM pg_notify('indexjob_finished', s::text) FROM unnest(settled) AS s;
    RETURN coalesce(cardinality(settled), 0);
END $$;
REVOKE ALL ON FUNCTION indexjob.settle_coalesced(uuid[]) FROM PUBLIC;

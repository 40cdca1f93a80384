-- Retries the caller's failed jobs, those that failed first at the head, at most so many: how many it queued. Call it again until it says 0.
-- `tenant`, `batch` and `reason` (as in indexjob.jobs) narrow it down. Jobs that another transaction holds are left to it.
CREATE OR REPLACE FUNCTION indexjob.redrive(tenant text DEFAULT NULL, batch text DEFAULT NULL, reason text DEFAULT NULL, at_most integer DEFAULT 1000) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    failed uuid[] := ARRAY(
        SELECT j.id FROM indexjob.index_jobs j
        WHERE j.state = 'failed' AND j.finished_at IS NOT NULL AND j.tenant = ANY (ARRAY(SELECT indexjob.own_tenants()))
          AND (redrive.tenant IS NULL OR j.tenant = redrive.tenant) AND (redrive.batch IS NULL OR j.batch = redrive.batch)
          AND (redrive.reason IS NULL OR j.reason = redrive.reason)
        ORDER BY j.finished_at LIMIT greatest(redrive.at_most, 0) FOR NO KEY UPDATE SKIP LOCKED);
BEGIN
    PERFORM indexjob.start_over(failed);
    RETURN cardinality(failed);
END $$;
REVOKE ALL ON FUNCTION indexjob.redrive(text, text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.redrive(text, text, text, integer) TO indexjob_producer, indexjob_operator;

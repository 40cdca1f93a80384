-- Ends a job that is not finished: true if this call did it, false if it was finished already. Recorded at once; what it started can publish no more,
-- and the operator takes it down. (In a transaction that is older than the job's start, now() would be before that.)
CREATE OR REPLACE FUNCTION indexjob.cancel(id uuid, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job indexjob.index_jobs := indexjob.own_job(id);
BEGIN
    IF job.finished_at IS NOT NULL OR job.verdict IS NOT NULL THEN
        RAISE NOTICE 'index job % is % already', job.id, CASE WHEN job.verdict IS NOT NULL THEN job.verdict ELSE job.state END;
        RETURN false;
    END IF;
    UPDATE indexjob.index_jobs j
    SET state = 'cancelled', line = NULL, gave_way_to = NULL, reason = 'Cancelled', message = coalesce(left(cancel.reason, 1000), 'Cancelled on request.'),
        finished_at = greatest(now(), j.launched_at, j.started_at), updated_at = now()
    WHERE j.id = job.id;
    PERFORM indexjob.release_coalesced(job.id);
    PERFORM pg_notify('indexjob_finished', job.id::text);
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION indexjob.cancel(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.cancel(uuid, text) TO indexjob_producer, indexjob_operator;

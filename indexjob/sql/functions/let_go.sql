-- No resource looks at this row any more: it is cancelled unless it is finished, and may be pruned in its time.
CREATE OR REPLACE FUNCTION indexjob.let_go(job indexjob.index_jobs, why text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF job.finished_at IS NULL THEN
        PERFORM indexjob.cancel(job.id, why);
    END IF;
    UPDATE indexjob.index_jobs j SET idempotency_key = NULL WHERE j.id = job.id;
END $$;
REVOKE ALL ON FUNCTION indexjob.let_go(indexjob.index_jobs, text) FROM PUBLIC;

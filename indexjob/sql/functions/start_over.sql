-- Queues ended jobs as if they were new, but for their launches' numbers: those go on.
CREATE OR REPLACE FUNCTION indexjob.start_over(ended uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE indexjob.index_jobs j
    SET state = 'queued', line = 'new', gave_way_to = NULL, run_after = now(), failures = 0, resets = 0, reason = NULL, message = NULL, commit = NULL, verdict = NULL,
        progress = 0, stats = NULL, launched_at = NULL, started_at = NULL, finished_at = NULL, updated_at = now()
    WHERE j.id = ANY (ended) AND j.state IN ('failed', 'cancelled');
    DELETE FROM indexjob.progress p WHERE p.job_id = ANY (ended);
END $$;
REVOKE ALL ON FUNCTION indexjob.start_over(uuid[]) FROM PUBLIC;

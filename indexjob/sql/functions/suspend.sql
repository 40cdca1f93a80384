-- Sets a job aside: true if this call did it, false (with a notice) if it is finished or suspended. A run of it is taken down and can publish no more.
CREATE OR REPLACE FUNCTION indexjob.suspend(id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job indexjob.index_jobs := indexjob.own_job(id);
BEGIN
    IF job.state NOT IN ('queued', 'launching', 'running') OR job.verdict IS NOT NULL THEN
        RAISE NOTICE 'index job % is %; only queued, launching and running ones can be suspended', job.id, coalesce(job.verdict, job.state);
        RETURN false;
    END IF;
    UPDATE indexjob.index_jobs j
    SET state = 'suspended', line = NULL, gave_way_to = NULL, reason = NULL, message = NULL, started_at = NULL, launched_at = NULL, updated_at = now()
    WHERE j.id = job.id;
    PERFORM indexjob.release_coalesced(job.id);
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION indexjob.suspend(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.suspend(uuid) TO indexjob_producer, indexjob_operator;

-- Queues a failed or cancelled job again, with its full backoff_limit: true if this call did it, false (with a notice) in any other state.
CREATE OR REPLACE FUNCTION indexjob.retry(id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job indexjob.index_jobs := indexjob.own_job(id);
BEGIN
    IF job.state NOT IN ('failed', 'cancelled') THEN
        RAISE NOTICE 'index job % is %; only failed and cancelled ones can be retried', job.id, job.state;
        RETURN false;
    END IF;
    PERFORM indexjob.start_over(ARRAY[job.id]);
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION indexjob.retry(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.retry(uuid) TO indexjob_producer, indexjob_operator;

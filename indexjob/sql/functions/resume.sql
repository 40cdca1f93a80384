-- Queues a suspended job again, as its next launch, which waits from now on: true if this call did it, false (with a notice) in any other state.
CREATE OR REPLACE FUNCTION indexjob.resume(id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job indexjob.index_jobs := indexjob.own_job(id);
BEGIN
    IF job.state <> 'suspended' THEN
        RAISE NOTICE 'index job % is %; only suspended ones can be resumed', job.id, job.state;
        RETURN false;
    END IF;
    UPDATE indexjob.index_jobs j SET state = 'queued', line = 'new', run_after = greatest(j.run_after, now()), updated_at = now() WHERE j.id = job.id;
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION indexjob.resume(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.resume(uuid) TO indexjob_producer, indexjob_operator;

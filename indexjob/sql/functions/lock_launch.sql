-- Locks a job for the last transaction of its worker: SQLSTATE IJ002 if this launch must not publish (any more), IJ021 if it has done so already.
CREATE OR REPLACE FUNCTION indexjob.lock_launch(job uuid, of_launch integer, token text) RETURNS indexjob.index_jobs
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    locked indexjob.index_jobs;
BEGIN
    SELECT * INTO locked FROM indexjob.index_jobs j WHERE j.id = job FOR NO KEY UPDATE;
    IF locked.launch = of_launch AND locked.verdict IS NOT NULL AND token = indexjob.launch_token(job, of_launch) THEN
        RAISE EXCEPTION 'launch % of index job % has published already', of_launch, job USING ERRCODE = 'IJ021';
    END IF;
    PERFORM indexjob.require_launch(job, of_launch, token);
    RETURN locked;
END $$;
REVOKE ALL ON FUNCTION indexjob.lock_launch(uuid, integer, text) FROM PUBLIC;

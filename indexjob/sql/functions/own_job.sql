-- Finds and locks one of the caller's own jobs, for cancel, retry, suspend and resume.
CREATE OR REPLACE FUNCTION indexjob.own_job(job uuid) RETURNS indexjob.index_jobs
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_job indexjob.index_jobs;
BEGIN
    SELECT * INTO found_job FROM indexjob.index_jobs j
    WHERE j.id = job AND j.tenant = ANY (ARRAY(SELECT indexjob.own_tenants())) FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no index job %, or it is not yours', coalesce(job::text, 'NULL')
            USING ERRCODE = 'no_data_found', HINT = 'The view indexjob.jobs lists yours.';
    END IF;
    RETURN found_job;
END $$;
REVOKE ALL ON FUNCTION indexjob.own_job(uuid) FROM PUBLIC;

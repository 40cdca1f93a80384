-- Lets a worker go on only if it speaks for the launch that is current (SQLSTATE IJ002): not one that was cancelled, suspended, lost or finished. Whose
-- launch it is decides what the worker sees and adds: its tenant.
CREATE OR REPLACE FUNCTION indexjob.require_launch(job uuid, of_launch integer, token text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    its_tenant text;
BEGIN
    IF token IS DISTINCT FROM indexjob.launch_token(job, of_launch) THEN
        RAISE EXCEPTION 'this token is not of launch % of index job %', of_launch, job USING ERRCODE = 'IJ002';
    END IF;
    SELECT j.tenant INTO its_tenant FROM indexjob.index_jobs j WHERE j.id = job AND j.launch = of_launch AND j.state IN ('launching', 'running');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'launch % of index job % is over', of_launch, job USING ERRCODE = 'IJ002';
    END IF;
    RETURN its_tenant;
END $$;
REVOKE ALL ON FUNCTION indexjob.require_launch(uuid, integer, text) FROM PUBLIC;

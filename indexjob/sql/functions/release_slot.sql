-- The launch is gone, and its row has moved on before: its repository is free for the next.
CREATE OR REPLACE FUNCTION indexjob.release_slot(held bigint, job uuid, of_launch integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    freed indexjob.slots;
BEGIN
    PERFORM indexjob.lead_beside(held);
    DELETE FROM indexjob.slots s USING indexjob.index_jobs j
    WHERE j.id = job AND s.tenant = j.tenant AND s.repository = j.repository AND s.job_id = job AND s.launch = of_launch
        AND NOT (j.launch = of_launch AND j.state IN ('launching', 'running'))
    RETURNING s.* INTO freed;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE indexjob.index_job_attempts a
    SET finished_at = now(), reason = coalesce(a.reason, 'Terminated'), message = coalesce(a.message, 'It was taken down with its launch.')
    WHERE a.job_id = job AND a.launch = of_launch AND a.finished_at IS NULL;
    PERFORM indexjob.promote(ARRAY[freed.tenant], ARRAY[freed.repository]);
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION indexjob.release_slot(bigint, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.release_slot(bigint, uuid, integer) TO indexjob_operator;

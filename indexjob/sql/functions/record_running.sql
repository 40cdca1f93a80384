-- launching -> running: a pod of this launch has started.
CREATE OR REPLACE FUNCTION indexjob.record_running(held bigint, job uuid, of_launch integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM indexjob.lead_beside(held);
    UPDATE indexjob.index_jobs j SET state = 'running', started_at = coalesce(j.started_at, now()), updated_at = now(),
        reason = NULL, message = NULL
    WHERE j.id = job AND j.launch = of_launch AND j.state = 'launching';
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION indexjob.record_running(bigint, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.record_running(bigint, uuid, integer) TO indexjob_operator;

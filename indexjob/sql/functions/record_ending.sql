-- Why a launch is being taken down, before the first of it goes: once it is gone nothing shows that any more, and whoever leads by then ends it as judged here.
-- Whether the launch is still the job's own, under way.
CREATE OR REPLACE FUNCTION indexjob.record_ending(held bigint, job uuid, of_launch integer, judged jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM indexjob.lead_beside(held);
    UPDATE indexjob.slots s SET ending = judged FROM indexjob.index_jobs j
    WHERE j.id = job AND j.launch = of_launch AND j.state IN ('launching', 'running')
        AND s.tenant = j.tenant AND s.repository = j.repository AND s.job_id = job AND s.launch = of_launch;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION indexjob.record_ending(bigint, uuid, integer, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.record_ending(bigint, uuid, integer, jsonb) TO indexjob_operator;

-- Finds or makes the attempt of a pod; worker and operator may come in any order. Numbers run on over the launches of a job.
CREATE OR REPLACE FUNCTION indexjob.note_attempt(job uuid, of_launch integer, uid text, its_pod text, its_node text, began timestamptz) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    its_number integer;
BEGIN
    PERFORM pg_advisory_xact_lock(490672913, hashtext(job::text));
    UPDATE indexjob.index_job_attempts a
    SET pod = coalesce(a.pod, its_pod), node = coalesce(a.node, its_node), started_at = least(a.started_at, began)
    WHERE a.job_id = job AND a.pod_uid = uid RETURNING a.number INTO its_number;
    IF NOT FOUND THEN
        INSERT INTO indexjob.index_job_attempts (job_id, launch, number, pod_uid, pod, node, started_at)
        SELECT job, of_launch, coalesce(max(a.number), 0) + 1, uid, its_pod, its_node, began FROM indexjob.index_job_attempts a WHERE a.job_id = job
        RETURNING number INTO its_number;
    END IF;
    RETURN its_number;
END $$;
REVOKE ALL ON FUNCTION indexjob.note_attempt(uuid, integer, text, text, text, timestamptz) FROM PUBLIC;

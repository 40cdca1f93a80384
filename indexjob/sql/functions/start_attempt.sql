-- A pod of this launch begins: its attempt's number. A launch has one pod at a time: one that went unseen before (evicted, and removed between two looks) is gone by now.
CREATE OR REPLACE FUNCTION indexjob.start_attempt(job_id uuid, launch integer, token text, pod_uid text, pod text, node text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM indexjob.require_launch(job_id, launch, token);
    UPDATE indexjob.index_job_attempts a SET finished_at = now(), reason = coalesce(a.reason, 'Killed')
    WHERE a.job_id = start_attempt.job_id AND a.launch = start_attempt.launch AND a.pod_uid <> left(start_attempt.pod_uid, 253) AND a.finished_at IS NULL;
    RETURN indexjob.note_attempt(job_id, launch, left(pod_uid, 253), left(pod, 253), left(node, 253), now());  -- as long as Kubernetes' names get
END $$;
REVOKE ALL ON FUNCTION indexjob.start_attempt(uuid, integer, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.start_attempt(uuid, integer, text, text, text, text) TO indexjob_worker;

-- The worker's last words about its own attempt; taken also when the launch is over, as long as the token is the launch's.
CREATE OR REPLACE FUNCTION indexjob.finish_attempt(
    job_id uuid, pod_uid text, launch integer, token text, exit_code integer, reason text, message text, peak_memory_bytes bigint, steps jsonb, log_tail text
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    IF token IS DISTINCT FROM indexjob.launch_token(finish_attempt.job_id, finish_attempt.launch) THEN
        RAISE EXCEPTION 'this token is not of launch % of index job %', finish_attempt.launch, finish_attempt.job_id USING ERRCODE = 'IJ002';
    END IF;
    UPDATE indexjob.index_job_attempts a
    SET finished_at = coalesce(a.finished_at, now()), exit_code = coalesce(a.exit_code, finish_attempt.exit_code),
        reason = coalesce(a.reason, left(finish_attempt.reason, 100)), message = coalesce(a.message, left(finish_attempt.message, 4000)),
        peak_memory_bytes = coalesce(finish_attempt.peak_memory_bytes, a.peak_memory_bytes), steps = coalesce(finish_attempt.steps, a.steps),
        log_tail = coalesce(right(finish_attempt.log_tail, 65536), a.log_tail)
    WHERE a.job_id = finish_attempt.job_id AND a.pod_uid = finish_attempt.pod_uid AND a.launch = finish_attempt.launch;
END $$;
REVOKE ALL ON FUNCTION indexjob.finish_attempt(uuid, text, integer, text, integer, text, text, bigint, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.finish_attempt(uuid, text, integer, text, integer, text, text, bigint, jsonb, text) TO indexjob_worker;

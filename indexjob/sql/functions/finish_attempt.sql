-- The worker's last words about its own attempt; taken also when the launch is over, as long as the token is the launch's.
-- What is longer than anybody needs is cut off or left out, and so is a figure that can't be: no run is lost for words.
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
    SET finished_at = coalesce(a.finished_at, now()),
        exit_code = coalesce(a.exit_code, CASE WHEN finish_attempt.exit_code BETWEEN 0 AND 255 THEN finish_attempt.exit_code END),
        reason = coalesce(a.reason, left(finish_attempt.reason, 100)), message = coalesce(a.message, left(finish_attempt.message, 4000)),
        peak_memory_bytes = coalesce(CASE WHEN finish_attempt.peak_memory_bytes >= 0 THEN finish_attempt.peak_memory_bytes END, a.peak_memory_bytes),
        steps = coalesce(CASE WHEN length(finish_attempt.steps::text) <= 65536 THEN finish_attempt.steps END, a.steps),
        log_tail = coalesce(right(finish_attempt.log_tail, 65536), a.log_tail)
    WHERE a.job_id = finish_attempt.job_id AND a.pod_uid = left(finish_attempt.pod_uid, 253) AND a.launch = finish_attempt.launch;
END $$;
REVOKE ALL ON FUNCTION indexjob.finish_attempt(uuid, text, integer, text, integer, text, text, bigint, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.finish_attempt(uuid, text, integer, text, integer, text, text, bigint, jsonb, text) TO indexjob_worker;

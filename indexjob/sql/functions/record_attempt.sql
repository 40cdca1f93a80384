-- What the runtime saw of a pod, laid over what its worker said: {"pod_uid", "pod", "node", "started_at", "finished_at", "exit_code", "reason", "message",
-- "peak_memory_bytes", "steps", "log_tail"}. A missing key changes nothing. The runtime's exit code and reason win: the worker may have been killed after its last words.
CREATE OR REPLACE FUNCTION indexjob.record_attempt(held bigint, job uuid, of_launch integer, attempt jsonb) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    its_number integer;
BEGIN
    PERFORM indexjob.lead_beside(held);
    its_number := indexjob.note_attempt(job, of_launch, attempt ->> 'pod_uid', attempt ->> 'pod', attempt ->> 'node',
                                        coalesce((attempt ->> 'started_at')::timestamptz, now()));
    UPDATE indexjob.index_job_attempts a
    SET finished_at = coalesce((attempt ->> 'finished_at')::timestamptz, a.finished_at), exit_code = coalesce((attempt ->> 'exit_code')::integer, a.exit_code),
        reason = coalesce(attempt ->> 'reason', a.reason), message = coalesce(attempt ->> 'message', a.message),
        peak_memory_bytes = coalesce((attempt ->> 'peak_memory_bytes')::bigint, a.peak_memory_bytes),
        steps = CASE WHEN attempt -> 'steps' IS NULL THEN a.steps ELSE coalesce(a.steps, '{}') || (attempt -> 'steps') END,
        log_tail = coalesce(right(attempt ->> 'log_tail', 65536), a.log_tail)
    WHERE a.job_id = job AND a.number = its_number;
    RETURN its_number;
END $$;
REVOKE ALL ON FUNCTION indexjob.record_attempt(bigint, uuid, integer, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.record_attempt(bigint, uuid, integer, jsonb) TO indexjob_operator;

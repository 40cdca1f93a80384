-- Back in line for another launch, once none of this one's pods is left: `spent` of its backoff_limit is gone, or (infrastructure) a reset is counted, and
-- beyond the limit of resets the job has failed as Stalled. What was published is finished instead. NULL if the launch was somebody else's.
CREATE OR REPLACE FUNCTION indexjob.record_requeued(
    held bigint, job uuid, of_launch integer, due timestamptz, why text, sentence text, spent integer, infrastructure boolean
) RETURNS indexjob.job_state
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    now_in indexjob.index_jobs;
    reset_limit integer;
BEGIN
    PERFORM indexjob.lead_beside(held);
    SELECT * INTO now_in FROM indexjob.index_jobs j
    WHERE j.id = job AND j.launch = of_launch AND j.state IN ('launching', 'running') FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT s.reset_limit INTO reset_limit FROM indexjob.settings s;
    IF now_in.verdict IS NOT NULL THEN
        PERFORM indexjob.record_finished(held, jsonb_build_array(jsonb_build_object('id', job, 'launch', of_launch)));
        RETURN now_in.verdict;
    ELSIF infrastructure AND now_in.resets >= reset_limit THEN
        PERFORM indexjob.record_finished(held, jsonb_build_array(jsonb_build_object('id', job, 'launch', of_launch, 'reason', 'Stalled',
            'message', format('Given up after %s launches were lost; the last one: %s', now_in.resets + 1, sentence))));
        RETURN 'failed';
    END IF;
    UPDATE indexjob.index_jobs j
    SET state = 'queued', line = 'new', run_after = greatest(j.run_after, due, now()), reason = why, message = sentence, failures = j.failures + spent,
        resets = j.resets + infrastructure::integer, started_at = NULL, launched_at = NULL, updated_at = now()
    WHERE j.id = job;
    PERFORM indexjob.release_coalesced(job);
    PERFORM indexjob.release_slot(held, job, of_launch);
    RETURN 'queued';
END $$;
REVOKE ALL ON FUNCTION indexjob.record_requeued(bigint, uuid, integer, timestamptz, text, text, integer, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.record_requeued(bigint, uuid, integer, timestamptz, text, text, integer, boolean) TO indexjob_operator;

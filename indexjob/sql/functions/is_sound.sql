-- What is true of every index job, whoever writes: the table's CHECK. A row that breaks a rule is refused under the rule's name.
-- One expression, so that it costs a row next to nothing.
CREATE OR REPLACE FUNCTION indexjob.is_sound(job indexjob.index_jobs) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
    broken text := CASE
        WHEN (job.state = 'queued') <> (job.line IS NOT NULL) THEN 'line_is_of_queued_rows'
        WHEN job.line = 'coalesced' AND job.gave_way_to IS NULL THEN 'coalesced_names_its_leader'
        WHEN (job.state IN ('completed', 'failed', 'cancelled', 'skipped')) <> (job.finished_at IS NOT NULL) THEN 'finished_has_a_time'
        WHEN job.finished_at IS NOT NULL AND job.reason IS NULL THEN 'finished_has_a_reason'
        WHEN job.state = 'completed' AND job.progress <> 100 THEN 'completed_is_whole'
        WHEN job.state = 'completed' AND job.verdict IS DISTINCT FROM 'completed' AND job.gave_way_to IS NULL THEN 'completed_was_published'
        WHEN job.verdict NOT IN ('completed', 'skipped') THEN 'verdict_is_a_good_end'
        WHEN job.state IN ('launching', 'running') AND (job.job_name IS NULL OR job.launch <= 0) THEN 'launched_has_a_name'
        WHEN job.progress NOT BETWEEN 0 AND 100 THEN 'progress_is_a_percentage'
        WHEN job.backoff_limit NOT BETWEEN 0 AND 100 THEN 'backoff_limit_is_sane'
    END;
BEGIN
    IF broken IS NULL THEN
        RETURN true;
    END IF;
    RAISE EXCEPTION 'index job % breaks the rule "%"', job.id, broken
        USING ERRCODE = 'check_violation', SCHEMA = 'indexjob', TABLE = 'index_jobs', CONSTRAINT = broken;
END $$;
REVOKE ALL ON FUNCTION indexjob.is_sound(indexjob.index_jobs) FROM PUBLIC;

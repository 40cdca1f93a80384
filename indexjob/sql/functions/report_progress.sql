-- The sign of life of a run, with its step and percentage. False: this launch is over, stop.
CREATE OR REPLACE FUNCTION indexjob.report_progress(job_id uuid, launch integer, token text, step text, progress integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM indexjob.require_launch(report_progress.job_id, report_progress.launch, token);
    INSERT INTO indexjob.progress AS p (job_id, launch, step, progress)
    VALUES (report_progress.job_id, report_progress.launch, left(report_progress.step, 100), least(greatest(report_progress.progress, 0), 100))
    ON CONFLICT (job_id) DO UPDATE
    SET launch = excluded.launch, step = excluded.step, heartbeat_at = now(),
        progress = CASE WHEN p.launch = excluded.launch THEN greatest(p.progress, excluded.progress) ELSE excluded.progress END
    WHERE p.launch <= excluded.launch;
    RETURN true;
EXCEPTION WHEN SQLSTATE 'IJ002' THEN
    RETURN false;
END $$;
REVOKE ALL ON FUNCTION indexjob.report_progress(uuid, integer, text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.report_progress(uuid, integer, text, text, integer) TO indexjob_worker;

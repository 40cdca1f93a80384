-- A worker's last statement when this commit's snapshot is there already: the job's revision shows it again, and the verdict is `skipped`.
-- Errors: IJ002 fenced, IJ021 has published already, IJ023 there is no such snapshot (any more): the commit has to be indexed.
CREATE OR REPLACE FUNCTION indexjob.publish_unchanged(
    job_id uuid, launch integer, token text, commit text, extractor_version integer, limits text, seconds jsonb DEFAULT '{}'
) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    job indexjob.index_jobs;
    known bigint;
BEGIN
    job := indexjob.lock_launch(publish_unchanged.job_id, publish_unchanged.launch, publish_unchanged.token);
    SELECT s.id INTO known
    FROM indexjob.snapshot s JOIN indexjob.repository r ON r.id = s.repository_id
    WHERE r.tenant = job.tenant AND r.url = job.repository
        AND s.commit = publish_unchanged.commit AND s.selection = indexjob.selection(job.options) AND s.limits = publish_unchanged.limits
        AND s.extractor_version = publish_unchanged.extractor_version
    FOR NO KEY UPDATE OF s;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no snapshot of commit % with this selection, extractor and limits', publish_unchanged.commit USING ERRCODE = 'IJ023';
    END IF;
    RETURN indexjob.show_snapshot(job, known, 'skipped', publish_unchanged.seconds);
END $$;
REVOKE ALL ON FUNCTION indexjob.publish_unchanged(uuid, integer, text, text, integer, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.publish_unchanged(uuid, integer, text, text, integer, text, jsonb) TO indexjob_worker;

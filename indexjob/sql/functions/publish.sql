-- A worker's last statement: the manifest and the graph that it opened in this transaction become the snapshot of its job's repository, and the
-- job's verdict is `completed`. What is published where comes from the job's row, so a worker can publish its own launch and nothing else.
-- Errors: IJ002 fenced, IJ021 has published already, IJ022 the content, manifest or graph is not (any more) this tenant's.
CREATE OR REPLACE FUNCTION indexjob.publish(
    job_id uuid, launch integer, token text, commit text, extractor_version integer, manifest_id bigint, graph_id bigint, seconds jsonb DEFAULT '{}'
) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job indexjob.index_jobs;
    of_repository bigint;
    made bigint;
BEGIN
    PERFORM indexjob.seal_manifest($6);
    PERFORM indexjob.seal_graph($7);
    job := indexjob.lock_launch($1, $2, $3);
    PERFORM FROM indexjob.manifest m, indexjob.graph g WHERE m.id = $6 AND m.tenant = job.tenant AND g.id = $7 AND g.tenant = job.tenant;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the manifest or the graph is not of tenant %', job.tenant USING ERRCODE = 'IJ022';
    END IF;
    INSERT INTO indexjob.repository (tenant, url) VALUES (job.tenant, job.repository) ON CONFLICT DO NOTHING;
    SELECT r.id INTO STRICT of_repository FROM indexjob.repository r WHERE r.tenant = job.tenant AND r.url = job.repository;
    INSERT INTO indexjob.snapshot AS s (repository_id, manifest_id, graph_id, extractor_version, commit, selection)
    VALUES (of_repository, $6, $7, $5, $4, indexjob.selection(job.options))
    ON CONFLICT (repository_id, commit, selection, extractor_version) DO UPDATE SET manifest_id = $6, graph_id = $7
        WHERE (s.manifest_id, s.graph_id) IS DISTINCT FROM ($6, $7);
    SELECT s.id INTO STRICT made FROM indexjob.snapshot s
    WHERE s.repository_id = of_repository AND s.commit = $4 AND s.selection = indexjob.selection(job.options) AND s.extractor_version = $5;
    RETURN indexjob.show_snapshot(job, made, 'completed', seconds);
END $$;
REVOKE ALL ON FUNCTION indexjob.publish(uuid, integer, text, text, integer, bigint, bigint, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.publish(uuid, integer, text, text, integer, bigint, bigint, jsonb) TO indexjob_worker;

-- A worker's last statement: the manifest and the graph that it opened in this transaction become the snapshot of its job's repository, and the
-- job's verdict is `completed`. What is published where comes from the job's row, so a worker can publish its own launch and nothing else.
-- Errors: IJ002 fenced, IJ021 has published already, IJ022 the content, manifest or graph is not (any more) this tenant's.
CREATE OR REPLACE FUNCTION indexjob.publish(
    job_id uuid, launch integer, token text, commit text, extractor_version integer, manifest_id bigint, graph_id bigint, limits text,
    seconds jsonb DEFAULT '{}'
) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    job indexjob.index_jobs;
    of_repository bigint;
    made bigint;
BEGIN
    PERFORM indexjob.seal_manifest(publish.manifest_id);
    PERFORM indexjob.seal_graph(publish.graph_id);
    job := indexjob.lock_launch(publish.job_id, publish.launch, publish.token);
    PERFORM FROM indexjob.manifest m, indexjob.graph g WHERE m.id = publish.manifest_id AND m.tenant = job.tenant AND g.id = publish.graph_id AND g.tenant = job.tenant;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the manifest or the graph is not of tenant %', job.tenant USING ERRCODE = 'IJ022';
    END IF;
    INSERT INTO indexjob.repository (tenant, url) VALUES (job.tenant, job.repository) ON CONFLICT DO NOTHING;
    SELECT r.id INTO STRICT of_repository FROM indexjob.repository r WHERE r.tenant = job.tenant AND r.url = job.repository;
    INSERT INTO indexjob.snapshot AS s (repository_id, manifest_id, graph_id, extractor_version, commit, limits, selection)
    VALUES (of_repository, publish.manifest_id, publish.graph_id, publish.extractor_version, publish.commit, publish.limits, indexjob.selection(job.options))
    ON CONFLICT (repository_id, commit, selection, limits, extractor_version) DO UPDATE SET manifest_id = publish.manifest_id, graph_id = publish.graph_id
        WHERE (s.manifest_id, s.graph_id) IS DISTINCT FROM (publish.manifest_id, publish.graph_id);
    SELECT s.id INTO STRICT made FROM indexjob.snapshot s
    WHERE s.repository_id = of_repository AND s.commit = publish.commit AND s.selection = indexjob.selection(job.options) AND s.limits = publish.limits
        AND s.extractor_version = publish.extractor_version;
    RETURN indexjob.show_snapshot(job, made, 'completed', publish.seconds);
END $$;
REVOKE ALL ON FUNCTION indexjob.publish(uuid, integer, text, text, integer, bigint, bigint, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.publish(uuid, integer, text, text, integer, bigint, bigint, text, jsonb) TO indexjob_worker;

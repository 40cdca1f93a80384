-- One row per index job, for producers and people: each sees those of its own tenants.
CREATE OR REPLACE VIEW indexjob.jobs WITH (security_barrier) AS
SELECT j.id, j.repository, j.revision, j.commit, j.state::text AS state, j.reason, j.message,
    CASE WHEN j.state = 'running' THEN coalesce(p.step, 'clone') END AS step,
    CASE WHEN j.state IN ('launching', 'running') THEN coalesce(p.progress, 0::smallint) ELSE j.progress END AS progress,
    (SELECT count(*) FROM indexjob.index_job_attempts a WHERE a.job_id = j.id)::integer AS attempts,
    j.launch AS launches, j.priority, j.tenant, j.batch, j.run_after, j.created_at, j.updated_at, p.heartbeat_at, j.started_at, j.finished_at,
    j.job_name, j.namespace, j.stats
FROM indexjob.index_jobs j
LEFT JOIN indexjob.progress p ON p.job_id = j.id AND p.launch = j.launch
WHERE j.tenant = ANY (ARRAY(SELECT indexjob.own_tenants()));
GRANT SELECT ON indexjob.jobs TO indexjob_reader, indexjob_producer, indexjob_operator;

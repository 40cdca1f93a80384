-- The rows that IndexJob resources are shown: one for each that the operator has handled, by the resource's uid and the token of its re-run.
CREATE OR REPLACE VIEW indexjob.resources AS
SELECT j.id, split_part(j.idempotency_key, ':', 2) AS uid, substr(j.idempotency_key, length(split_part(j.idempotency_key, ':', 2)) + 11) AS token,
    j.state::text AS state, j.line::text AS line, j.gave_way_to, j.reason, j.message, j.commit, j.launch, j.run_after, j.job_name, j.namespace,
    CASE WHEN j.state = 'running' THEN coalesce(p.step, 'clone') END AS step,
    CASE WHEN j.state IN ('launching', 'running') THEN coalesce(p.progress, 0::smallint) ELSE j.progress END AS progress,
    (SELECT count(*) FROM indexjob.index_job_attempts a WHERE a.job_id = j.id)::integer AS attempts,
    CASE WHEN j.state = 'failed' THEN
        (SELECT right(a.log_tail, 4000) FROM indexjob.index_job_attempts a WHERE a.job_id = coalesce(j.gave_way_to, j.id) ORDER BY a.number DESC LIMIT 1) END AS log_tail,
    j.stats, j.created_at, j.updated_at, p.heartbeat_at, j.started_at, j.finished_at
FROM indexjob.index_jobs j
LEFT JOIN indexjob.progress p ON p.job_id = j.id AND p.launch = j.launch
WHERE j.idempotency_key LIKE 'indexjob:%';
REVOKE ALL ON indexjob.resources FROM PUBLIC;
GRANT SELECT ON indexjob.resources TO indexjob_operator;

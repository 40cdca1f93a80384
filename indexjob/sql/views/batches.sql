-- One row per batch: its jobs by state, and the progress of the whole in percent; what has finished, however, counts as done.
CREATE OR REPLACE VIEW indexjob.batches WITH (security_barrier) AS
SELECT j.tenant, j.batch, count(*) AS jobs,
    count(*) FILTER (WHERE j.state = 'queued') AS queued, count(*) FILTER (WHERE j.state = 'launching') AS launching,
    count(*) FILTER (WHERE j.state = 'running') AS running, count(*) FILTER (WHERE j.state = 'suspended') AS suspended,
    count(*) FILTER (WHERE j.state = 'completed') AS completed, count(*) FILTER (WHERE j.state = 'failed') AS failed,
    count(*) FILTER (WHERE j.state = 'cancelled') AS cancelled, count(*) FILTER (WHERE j.state = 'skipped') AS skipped,
    floor(avg(CASE WHEN j.finished_at IS NOT NULL THEN 100 WHEN j.state IN ('launching', 'running') THEN coalesce(p.progress, 0) ELSE 0 END))::integer AS progress,
    min(j.created_at) AS created_at, CASE WHEN bool_and(j.finished_at IS NOT NULL) THEN max(j.finished_at) END AS finished_at
FROM indexjob.index_jobs j
LEFT JOIN indexjob.progress p ON p.job_id = j.id AND p.launch = j.launch
WHERE j.batch IS NOT NULL AND j.tenant = ANY (ARRAY(SELECT indexjob.own_tenants()))
GROUP BY j.tenant, j.batch;
REVOKE ALL ON indexjob.batches FROM PUBLIC;
GRANT SELECT ON indexjob.batches TO indexjob_reader, indexjob_producer, indexjob_operator;

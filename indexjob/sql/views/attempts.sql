-- One row per pod of an index job, oldest first.
CREATE OR REPLACE VIEW indexjob.attempts WITH (security_barrier) AS
SELECT a.job_id, a.launch, a.number, a.started_at, a.finished_at, a.exit_code, a.reason, a.message, a.pod, a.node, a.peak_memory_bytes, a.steps, a.log_tail
FROM indexjob.index_job_attempts a
JOIN indexjob.index_jobs j ON j.id = a.job_id
WHERE j.tenant = ANY (ARRAY(SELECT indexjob.own_tenants()));
GRANT SELECT ON indexjob.attempts TO indexjob_reader, indexjob_producer, indexjob_operator;

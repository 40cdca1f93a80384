-- What failed within 24 hours, the last one first.
CREATE OR REPLACE VIEW indexjob.recent_failures WITH (security_barrier) AS
SELECT j.id, j.tenant, j.repository, j.revision, j.batch, j.reason, j.message, j.launch AS launches,
    (SELECT count(*) FROM indexjob.index_job_attempts a WHERE a.job_id = j.id)::integer AS attempts, j.created_at, j.finished_at
FROM indexjob.index_jobs j
WHERE j.finished_at > now() - interval '24 hours' AND j.state = 'failed' AND j.tenant = ANY (ARRAY(SELECT indexjob.own_tenants()))
ORDER BY j.finished_at DESC;
REVOKE ALL ON indexjob.recent_failures FROM PUBLIC;
GRANT SELECT ON indexjob.recent_failures TO indexjob_reader, indexjob_producer, indexjob_operator;

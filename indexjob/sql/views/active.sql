-- What the operator has to look after: launches under way, and slots that wait for theirs to be gone.
CREATE OR REPLACE VIEW indexjob.active AS
SELECT j.id, j.tenant, j.repository, j.clone_url, j.revision, j.profile, j.options, j.state::text AS state, j.launch, s.launch AS slot_launch,
    j.backoff_limit - j.failures AS backoff_left, j.verdict::text AS verdict, j.job_name, j.reason, j.launched_at, j.started_at, p.heartbeat_at
FROM indexjob.index_jobs j
LEFT JOIN indexjob.slots s ON s.job_id = j.id
LEFT JOIN indexjob.progress p ON p.job_id = j.id AND p.launch = j.launch
WHERE j.state IN ('launching', 'running') OR s.job_id IS NOT NULL;
REVOKE ALL ON indexjob.active FROM PUBLIC;
GRANT SELECT ON indexjob.active TO indexjob_operator;

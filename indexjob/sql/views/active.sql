-- What the operator has to look after: every launch that holds a slot, whether it still counts or only has yet to go. `oom_kills`: how often launches before it
-- ran out of memory; `disruptions`: how many of its pods the cluster ended; `ending`: why it is being taken down.
CREATE OR REPLACE VIEW indexjob.active AS
SELECT j.id, j.tenant, j.repository, j.clone_url, j.revision, j.profile, j.options, j.state::text AS state, j.launch, s.launch AS slot_launch,
    j.backoff_limit - j.failures AS backoff_left, j.verdict::text AS verdict, j.reason, j.launched_at, j.started_at, p.heartbeat_at,
    greatest(j.created_at, j.run_after) AS due_at,
    j.ttl_seconds_after_finished, j.message,
    (SELECT count(*) FROM indexjob.index_job_attempts a WHERE a.job_id = j.id AND a.launch < s.launch AND a.reason = 'OOMKilled')::integer AS oom_kills,
    (SELECT count(*) FROM indexjob.index_job_attempts a WHERE a.job_id = j.id AND a.reason IN ('Evicted', 'NodeLost'))::integer AS disruptions,
    s.ending
FROM indexjob.slots s
JOIN indexjob.index_jobs j ON j.id = s.job_id AND j.tenant = s.tenant AND j.repository = s.repository
LEFT JOIN indexjob.progress p ON p.job_id = j.id AND p.launch = j.launch;
REVOKE ALL ON indexjob.active FROM PUBLIC;
GRANT SELECT ON indexjob.active TO indexjob_operator;

-- What should have moved and hasn't for 10 minutes: runs without a sign of life, launches that were cancelled or suspended and aren't gone, and due jobs
-- that no dispatcher has looked at. Empty when all is well, so an alert can count its rows.
CREATE OR REPLACE VIEW indexjob.stuck WITH (security_barrier) AS
SELECT o.id, o.tenant, o.repository, o.revision, o.state, o.launch, o.what, o.last_sign, now() - o.last_sign AS silent_for
FROM (
    SELECT j.id, j.tenant, j.repository, j.revision, j.state::text AS state, j.launch,
        CASE WHEN j.state IN ('launching', 'running') THEN 'no sign of life' ELSE 'its launch is not gone' END AS what,
        CASE WHEN j.state IN ('launching', 'running') THEN greatest(p.heartbeat_at, j.started_at, j.launched_at) ELSE j.updated_at END AS last_sign
    FROM indexjob.slots s
    JOIN indexjob.index_jobs j ON j.id = s.job_id
    LEFT JOIN indexjob.progress p ON p.job_id = j.id AND p.launch = j.launch
    UNION ALL
    SELECT j.id, j.tenant, j.repository, j.revision, j.state::text, j.launch, 'no dispatcher has looked at it' AS what, greatest(j.updated_at, j.run_after)
    FROM indexjob.index_jobs j WHERE j.line = 'new'
    UNION ALL
    SELECT j.id, j.tenant, j.repository, j.revision, j.state::text, j.launch, 'no dispatcher has looked at it' AS what, j.run_after
    FROM indexjob.index_jobs j WHERE j.line = 'scheduled' AND j.run_after < now() - interval '10 minutes'
) AS o
WHERE o.last_sign < now() - interval '10 minutes' AND o.tenant = ANY (ARRAY(SELECT indexjob.own_tenants()));
REVOKE ALL ON indexjob.stuck FROM PUBLIC;
GRANT SELECT ON indexjob.stuck TO indexjob_reader, indexjob_producer, indexjob_operator;

-- What should have moved and hasn't for 10 minutes: runs without a sign of life, launches that were cancelled or suspended and aren't gone, and due jobs
-- that nobody takes, because no dispatcher has run for so long. While one runs, who waits for a turn is not stuck, however long that is.
-- Empty when all is well, so an alert can count its rows.
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
    SELECT j.id, j.tenant, j.repository, j.revision, j.state::text, j.launch, 'no dispatcher runs' AS what,
        greatest((SELECT max(l.expires_at) FROM indexjob.lease l), j.updated_at, j.run_after)
    FROM (
        SELECT * FROM indexjob.index_jobs WHERE line = 'new'
        UNION ALL
        SELECT * FROM indexjob.index_jobs WHERE line = 'scheduled'
        UNION ALL
        SELECT * FROM indexjob.index_jobs WHERE line IN ('blocked', 'ready')
    ) AS j
    WHERE (SELECT max(l.expires_at) FROM indexjob.lease l) < now() - interval '10 minutes' AND NOT (SELECT s.claiming_paused FROM indexjob.settings s)
) AS o
WHERE o.last_sign < now() - interval '10 minutes' AND o.tenant = ANY (ARRAY(SELECT indexjob.own_tenants()));
REVOKE ALL ON indexjob.stuck FROM PUBLIC;
GRANT SELECT ON indexjob.stuck TO indexjob_reader, indexjob_producer, indexjob_operator;

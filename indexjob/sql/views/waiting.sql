-- Why a job isn't running, what is in its way (`behind`), and its place: how many of its tenant's go first, plus one, counted no further than some 10,000.
-- The head of the line comes first: `LIMIT 20` reads no more than it shows, and one job costs what it has to count, however long the line is.
-- `message` is a sentence where the cluster is in the way: of a launch that waits for room or its image, and of a job that was put back in line for that.
-- (Each count is ordered as its index is: else the planner, sure of finding 10,000 rows soon, reads the table.)
CREATE OR REPLACE VIEW indexjob.waiting WITH (security_barrier) AS
WITH own AS MATERIALIZED (SELECT indexjob.own_tenants() AS tenant)
(SELECT j.id, j.tenant, j.repository, j.revision, j.batch, j.priority, j.created_at, j.run_after,
    (1 + (SELECT count(*) FROM (
        (SELECT FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.priority > j.priority
         ORDER BY r.priority DESC, r.seq LIMIT 10000)
        UNION ALL
        (SELECT FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.priority = j.priority AND r.seq < j.seq
         ORDER BY r.priority DESC, r.seq LIMIT 10000)) AS first))::integer AS place,
    CASE WHEN (SELECT s.claiming_paused FROM indexjob.settings s) THEN 'paused'
        WHEN (SELECT count(*) FROM indexjob.slots s) >= (SELECT s.running_cap FROM indexjob.settings s) THEN 'overall cap'
        WHEN (SELECT count(*) FROM indexjob.slots s WHERE s.tenant = j.tenant) >= (SELECT t.cap FROM indexjob.tenants t WHERE t.name = j.tenant) THEN 'tenant''s cap'
        ELSE 'next in turn' END AS reason,
    NULL::uuid AS behind, NULL::text AS message
FROM indexjob.index_jobs j WHERE j.line = 'ready' AND j.tenant = ANY (ARRAY(SELECT o.tenant FROM own o))
ORDER BY j.tenant, j.priority DESC, j.seq)
UNION ALL
SELECT j.id, j.tenant, j.repository, j.revision, j.batch, j.priority, j.created_at, j.run_after,
    (1 + (SELECT count(*) FROM (
        (SELECT FROM indexjob.index_jobs b WHERE b.line IN ('blocked', 'ready') AND b.tenant = j.tenant AND b.repository = j.repository
            AND b.priority > j.priority ORDER BY b.priority DESC, b.seq LIMIT 10000)
        UNION ALL
        (SELECT FROM indexjob.index_jobs b WHERE b.line IN ('blocked', 'ready') AND b.tenant = j.tenant AND b.repository = j.repository
            AND b.priority = j.priority AND b.seq < j.seq ORDER BY b.priority DESC, b.seq LIMIT 10000)) AS first)
       + (SELECT count(*) FROM (
        (SELECT FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.priority > j.priority
         ORDER BY r.priority DESC, r.seq LIMIT 10000)
        UNION ALL
        (SELECT FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.priority = j.priority AND r.seq < j.seq
         ORDER BY r.priority DESC, r.seq LIMIT 10000)) AS first)
       - (SELECT count(*) FROM indexjob.index_jobs r  -- its repository's own head is in both
        WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.repository = j.repository AND (r.priority > j.priority OR (r.priority = j.priority AND r.seq < j.seq))))::integer,
    CASE WHEN (SELECT s.claiming_paused FROM indexjob.settings s) THEN 'paused' ELSE 'behind a job of the same repository' END,
    coalesce((SELECT s.job_id FROM indexjob.slots s WHERE s.tenant = j.tenant AND s.repository = j.repository),
             (SELECT r.id FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.repository = j.repository)), NULL
FROM indexjob.index_jobs j WHERE j.line = 'blocked' AND j.tenant = ANY (ARRAY(SELECT o.tenant FROM own o))
UNION ALL
SELECT j.id, j.tenant, j.repository, j.revision, j.batch, j.priority, j.created_at, j.run_after, NULL,
    CASE WHEN j.run_after > now() THEN coalesce(j.reason, 'due time') WHEN (SELECT s.claiming_paused FROM indexjob.settings s) THEN 'paused'
        ELSE 'not looked at yet' END, NULL, j.message
FROM indexjob.index_jobs j WHERE j.line = 'new' AND j.tenant = ANY (ARRAY(SELECT o.tenant FROM own o))
UNION ALL
SELECT j.id, j.tenant, j.repository, j.revision, j.batch, j.priority, j.created_at, j.run_after, NULL,
    CASE WHEN j.run_after > now() THEN coalesce(j.reason, 'due time') WHEN (SELECT s.claiming_paused FROM indexjob.settings s) THEN 'paused'
        ELSE 'not looked at yet' END, NULL, j.message
FROM indexjob.index_jobs j WHERE j.line = 'scheduled' AND j.tenant = ANY (ARRAY(SELECT o.tenant FROM own o))
UNION ALL
SELECT j.id, j.tenant, j.repository, j.revision, j.batch, j.priority, j.created_at, j.run_after, NULL, 'takes the outcome of an equal job', j.gave_way_to, NULL
FROM indexjob.index_jobs j WHERE j.line = 'coalesced' AND j.tenant = ANY (ARRAY(SELECT o.tenant FROM own o))
UNION ALL
SELECT j.id, j.tenant, j.repository, j.revision, j.batch, j.priority, j.created_at, j.run_after, NULL, 'suspended', NULL, NULL
FROM indexjob.index_jobs j WHERE j.state = 'suspended' AND j.tenant = ANY (ARRAY(SELECT o.tenant FROM own o))
UNION ALL
SELECT j.id, j.tenant, j.repository, j.revision, j.batch, j.priority, j.created_at, j.run_after, NULL, j.reason, NULL, j.message
FROM indexjob.slots s JOIN indexjob.index_jobs j ON j.id = s.job_id AND j.launch = s.launch
WHERE j.state = 'launching' AND j.reason IS NOT NULL AND j.tenant = ANY (ARRAY(SELECT o.tenant FROM own o));
REVOKE ALL ON indexjob.waiting FROM PUBLIC;
GRANT SELECT ON indexjob.waiting TO indexjob_reader, indexjob_producer, indexjob_operator;

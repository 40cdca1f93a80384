-- Why a job isn't running, what is in its way (`behind`), and its place: how many of its tenant's go first, plus one, counted no further than some 10,000.
-- What no claim has looked at yet has a place among those that are ready and those that are new: a claim takes the best of both.
-- The head of the line comes first: `LIMIT 20` reads no more than it shows, and one job costs what it has to count, however long the line is.
-- `message` is a sentence where the cluster is in the way: of a launch that waits for room or its image, and of a job that was put back in line for that.
-- (Each count is ordered as its index is: else the planner, sure of finding 10,000 rows soon, reads the table.)
CREATE OR REPLACE VIEW indexjob.waiting WITH (security_barrier) AS
WITH own AS MATERIALIZED (SELECT indexjob.own_tenants() AS tenant),
halted AS MATERIALIZED (
    SELECT CASE WHEN s.claiming_paused THEN 'paused'
        WHEN NOT EXISTS (SELECT FROM indexjob.lease l WHERE l.expires_at > now()) THEN 'no dispatcher runs' END AS reason
    FROM indexjob.settings s
), full_up AS MATERIALIZED (
    SELECT CASE WHEN taken.slots >= s.running_cap THEN 'overall cap'
        WHEN taken.slots >= (SELECT min(l.at_once) FROM indexjob.lease l) THEN 'every slot of the dispatcher is taken' END AS reason
    FROM indexjob.settings s, (SELECT count(*) AS slots FROM indexjob.slots) AS taken
)
(SELECT j.id, j.tenant, j.repository, j.revision, j.batch, j.priority, j.created_at, j.run_after,
    (1 + (SELECT count(*) FROM (
        (SELECT FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.priority > j.priority
         ORDER BY r.priority DESC, r.seq LIMIT 10000)
        UNION ALL
        (SELECT FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.priority = j.priority AND r.seq < j.seq
         ORDER BY r.priority DESC, r.seq LIMIT 10000)) AS first))::integer AS place,
    coalesce((SELECT h.reason FROM halted h), (SELECT f.reason FROM full_up f), CASE
        WHEN (SELECT count(*) FROM indexjob.slots s WHERE s.tenant = j.tenant) >= (SELECT t.cap FROM indexjob.tenants t WHERE t.name = j.tenant) THEN 'tenant''s cap'
        ELSE 'next in turn' END) AS reason,
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
    coalesce((SELECT h.reason FROM halted h),
             (SELECT 'its launch is not gone'::text AS reason FROM indexjob.slots s WHERE s.tenant = j.tenant AND s.repository = j.repository AND s.job_id = j.id),
             'behind a job of the same repository'),
    coalesce((SELECT s.job_id FROM indexjob.slots s WHERE s.tenant = j.tenant AND s.repository = j.repository AND s.job_id <> j.id),
             (SELECT r.id FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.repository = j.repository)), NULL
FROM indexjob.index_jobs j WHERE j.line = 'blocked' AND j.tenant = ANY (ARRAY(SELECT o.tenant FROM own o))
UNION ALL
(SELECT j.id, j.tenant, j.repository, j.revision, j.batch, j.priority, j.created_at, j.run_after,
    CASE WHEN j.run_after <= now() THEN 1 + (SELECT count(*) FROM (
        (SELECT FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.priority > j.priority
         ORDER BY r.priority DESC, r.seq LIMIT 10000)
        UNION ALL
        (SELECT FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.priority = j.priority AND r.seq < j.seq
         ORDER BY r.priority DESC, r.seq LIMIT 10000)
        UNION ALL
        (SELECT FROM indexjob.index_jobs n WHERE n.line = 'new' AND n.tenant = j.tenant AND n.priority > j.priority
         ORDER BY n.priority DESC, n.seq LIMIT 10000)
        UNION ALL
        (SELECT FROM indexjob.index_jobs n WHERE n.line = 'new' AND n.tenant = j.tenant AND n.priority = j.priority AND n.seq < j.seq
         ORDER BY n.priority DESC, n.seq LIMIT 10000)) AS first) END::integer,
    CASE WHEN j.run_after > now() THEN coalesce(j.reason, 'due time')
        ELSE coalesce((SELECT h.reason FROM halted h), CASE WHEN slot.job_id = j.id THEN 'its launch is not gone'
            WHEN slot.job_id IS NOT NULL THEN 'behind a job of the same repository' END,
            (SELECT f.reason FROM full_up f), CASE
            WHEN (SELECT count(*) FROM indexjob.slots s WHERE s.tenant = j.tenant) >= (SELECT t.cap FROM indexjob.tenants t WHERE t.name = j.tenant) THEN 'tenant''s cap'
            ELSE 'next in turn' END) END,
    nullif(slot.job_id, j.id), j.message
FROM indexjob.index_jobs j LEFT JOIN indexjob.slots slot ON slot.tenant = j.tenant AND slot.repository = j.repository AND j.run_after <= now()
WHERE j.line = 'new' AND j.tenant = ANY (ARRAY(SELECT o.tenant FROM own o))
ORDER BY j.tenant, j.priority DESC, j.seq)
UNION ALL
SELECT j.id, j.tenant, j.repository, j.revision, j.batch, j.priority, j.created_at, j.run_after,
    CASE WHEN j.run_after <= now() THEN 1 + (SELECT count(*) FROM (
        (SELECT FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.priority > j.priority
         ORDER BY r.priority DESC, r.seq LIMIT 10000)
        UNION ALL
        (SELECT FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant = j.tenant AND r.priority = j.priority AND r.seq < j.seq
         ORDER BY r.priority DESC, r.seq LIMIT 10000)
        UNION ALL
        (SELECT FROM indexjob.index_jobs n WHERE n.line = 'new' AND n.tenant = j.tenant AND n.priority > j.priority
         ORDER BY n.priority DESC, n.seq LIMIT 10000)
        UNION ALL
        (SELECT FROM indexjob.index_jobs n WHERE n.line = 'new' AND n.tenant = j.tenant AND n.priority = j.priority AND n.seq < j.seq
         ORDER BY n.priority DESC, n.seq LIMIT 10000)) AS first) END::integer,
    CASE WHEN j.run_after > now() THEN coalesce(j.reason, 'due time')
        ELSE coalesce((SELECT h.reason FROM halted h), CASE WHEN slot.job_id = j.id THEN 'its launch is not gone'
            WHEN slot.job_id IS NOT NULL THEN 'behind a job of the same repository' END,
            (SELECT f.reason FROM full_up f), CASE
            WHEN (SELECT count(*) FROM indexjob.slots s WHERE s.tenant = j.tenant) >= (SELECT t.cap FROM indexjob.tenants t WHERE t.name = j.tenant) THEN 'tenant''s cap'
            ELSE 'next in turn' END) END,
    nullif(slot.job_id, j.id), j.message
FROM indexjob.index_jobs j LEFT JOIN indexjob.slots slot ON slot.tenant = j.tenant AND slot.repository = j.repository AND j.run_after <= now()
WHERE j.line = 'scheduled' AND j.tenant = ANY (ARRAY(SELECT o.tenant FROM own o))
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

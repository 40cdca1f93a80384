-- How many unfinished jobs a tenant has in each state, and how long the oldest of its queued ones that are due has waited. For the operator's metrics, every few
-- seconds: it reads the indexes of what is unfinished, never the table.
CREATE OR REPLACE VIEW indexjob.depths AS
SELECT u.tenant, u.state, count(*) AS jobs, coalesce(extract(epoch FROM now() - min(u.due_at)), 0)::double precision AS oldest_seconds
FROM (
    SELECT j.tenant, 'queued' AS state, greatest(j.created_at, j.run_after) AS due_at FROM indexjob.index_jobs j WHERE j.line IN ('blocked', 'ready')
    UNION ALL
    SELECT j.tenant, 'queued' AS state, CASE WHEN j.run_after <= now() THEN greatest(j.created_at, j.run_after) END AS due_at FROM indexjob.index_jobs j WHERE j.line = 'new'
    UNION ALL
    SELECT j.tenant, 'queued' AS state, CASE WHEN j.run_after <= now() THEN j.run_after END AS due_at FROM indexjob.index_jobs j WHERE j.line = 'scheduled'
    UNION ALL
    SELECT j.tenant, 'queued' AS state, NULL AS due_at FROM indexjob.index_jobs j WHERE j.line = 'coalesced'
    UNION ALL
    SELECT j.tenant, 'suspended' AS state, NULL AS due_at FROM indexjob.index_jobs j WHERE j.state = 'suspended'
    UNION ALL
    SELECT j.tenant, j.state::text, NULL AS due_at FROM indexjob.slots s JOIN indexjob.index_jobs j ON j.id = s.job_id WHERE j.state IN ('launching', 'running')
) AS u
GROUP BY u.tenant, u.state;
REVOKE ALL ON indexjob.depths FROM PUBLIC;
GRANT SELECT ON indexjob.depths TO indexjob_operator;

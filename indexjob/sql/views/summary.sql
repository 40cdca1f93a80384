-- Rows by tenant and state. It reads the whole table: for people, and for alerts now and then.
CREATE OR REPLACE VIEW indexjob.summary WITH (security_barrier) AS
SELECT j.tenant, j.state::text AS state, count(*) AS jobs, min(j.created_at) AS oldest
FROM indexjob.index_jobs j
WHERE j.tenant = ANY (ARRAY(SELECT indexjob.own_tenants()))
GROUP BY j.tenant, j.state;
REVOKE ALL ON indexjob.summary FROM PUBLIC;
GRANT SELECT ON indexjob.summary TO indexjob_reader, indexjob_producer, indexjob_operator;

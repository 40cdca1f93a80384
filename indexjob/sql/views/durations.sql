-- How long jobs that ended within 7 days waited (from being due to their last start) and ran, by tenant. Those that took another job's outcome are left out.
CREATE OR REPLACE VIEW indexjob.durations WITH (security_barrier) AS
SELECT t.tenant, count(*) AS jobs,
    avg(t.waited) AS waiting_average, percentile_cont(0.5) WITHIN GROUP (ORDER BY t.waited) AS waiting_p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY t.waited) AS waiting_p95,
    avg(t.ran) AS running_average, percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ran) AS running_p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY t.ran) AS running_p95
FROM (
    SELECT j.tenant, greatest(coalesce(j.started_at, j.launched_at) - greatest(j.created_at, j.run_after), '0') AS waited,
        j.finished_at - coalesce(j.started_at, j.launched_at) AS ran
    FROM indexjob.index_jobs j
    WHERE j.finished_at > now() - interval '7 days' AND j.state IN ('completed', 'skipped', 'failed') AND j.gave_way_to IS NULL AND j.launched_at IS NOT NULL
      AND j.tenant = ANY (ARRAY(SELECT indexjob.own_tenants()))
) AS t
GROUP BY t.tenant;
REVOKE ALL ON indexjob.durations FROM PUBLIC;
GRANT SELECT ON indexjob.durations TO indexjob_reader, indexjob_producer, indexjob_operator;

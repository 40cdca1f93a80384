-- Ends launches for good, many in one call: [{"id", "launch", "reason", "message", "attempts"}], once none of their pods is left. `attempts` are as `record_attempt`
-- takes them: whoever hears of an end finds what its pods left behind. What was published is completed (or skipped),
-- whatever is said here; anything else has failed. Gives back the ids that this call finished: the others were somebody else's, or are held by another
-- transaction just now, which keeps none of the rest waiting. Where all are held, it waits for a moment, and fails then (55P03).
CREATE OR REPLACE FUNCTION indexjob.record_finished(held bigint, outcomes jsonb) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    seen bigint;
    finished uuid[];
    freed_tenants text[];
    freed_repositories text[];
BEGIN
    PERFORM indexjob.lead_beside(held);
    PERFORM indexjob.record_attempt(held, o.id, o.launch, a)
    FROM jsonb_to_recordset(outcomes) AS o (id uuid, launch integer, attempts jsonb) CROSS JOIN LATERAL jsonb_array_elements(o.attempts) AS a;
    LOOP
        WITH said AS MATERIALIZED (
            SELECT DISTINCT ON (o.id) o.* FROM jsonb_to_recordset(outcomes) AS o (id uuid, launch integer, reason text, message text) ORDER BY o.id, o.launch DESC
        ), own AS MATERIALIZED (
            SELECT j.tenant, j.repository, s.id, s.launch, s.reason, s.message FROM said s JOIN indexjob.index_jobs j ON j.id = s.id FOR NO KEY UPDATE OF j SKIP LOCKED
        ), ended AS (
            UPDATE indexjob.index_jobs j
            SET state = coalesce(j.verdict, 'failed'),
                reason = CASE j.verdict WHEN 'completed' THEN 'Completed' WHEN 'skipped' THEN 'Unchanged' ELSE o.reason END,
                message = CASE WHEN j.verdict IS NULL THEN o.message END,
                progress = CASE WHEN j.verdict IS NULL THEN coalesce(p.progress, 0) ELSE 100 END,
                finished_at = greatest(now(), j.launched_at, j.started_at), updated_at = now()
            FROM own o LEFT JOIN indexjob.progress p ON p.job_id = o.id AND p.launch = o.launch
            WHERE j.id = o.id AND j.launch = o.launch AND j.state IN ('launching', 'running')
            RETURNING j.id
        ), freed AS (
            DELETE FROM indexjob.slots s USING own o WHERE s.tenant = o.tenant AND s.repository = o.repository AND s.job_id = o.id AND s.launch = o.launch
            RETURNING s.tenant, s.repository
        ), closed AS (
            UPDATE indexjob.index_job_attempts a
            SET finished_at = now(), reason = coalesce(a.reason, 'Terminated'), message = coalesce(a.message, 'It was taken down with its launch.')
            FROM own o WHERE a.job_id = o.id AND a.launch = o.launch AND a.finished_at IS NULL
        )
        SELECT (SELECT count(*) FROM own), ARRAY(SELECT e.id FROM ended e), ARRAY(SELECT f.tenant FROM freed f), ARRAY(SELECT f.repository FROM freed f)
        INTO seen, finished, freed_tenants, freed_repositories;
        EXIT WHEN seen > 0;
        PERFORM FROM indexjob.index_jobs j WHERE j.id IN (SELECT o.id FROM jsonb_to_recordset(outcomes) AS o (id uuid)) FOR NO KEY UPDATE;
        EXIT WHEN NOT FOUND;
    END LOOP;
    -- In statements of their own, which see what the claim has put in line while the slots were waited for.
    IF EXISTS (SELECT FROM indexjob.index_jobs c WHERE c.line = 'coalesced' AND c.gave_way_to = ANY (finished)) THEN
        PERFORM indexjob.settle_coalesced(finished);
    END IF;
    PERFORM indexjob.promote(freed_tenants, freed_repositories);
    PERFORM pg_notify('indexjob_finished', f::text) FROM unnest(finished) AS f;
    RETURN QUERY SELECT unnest(finished);
END $$;
REVOKE ALL ON FUNCTION indexjob.record_finished(bigint, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.record_finished(bigint, jsonb) TO indexjob_operator;

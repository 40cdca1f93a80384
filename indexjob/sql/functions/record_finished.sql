-- Ends launches for good, many in one call: [{"id", "launch", "reason", "message"}], once none of their pods is left. What was published is completed (or skipped),
-- whatever is said here; anything else has failed. Gives back the ids that this call finished: the others were somebody else's.
CREATE OR REPLACE FUNCTION indexjob.record_finished(held bigint, outcomes jsonb) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    finished uuid[];
    freed_tenants text[];
    freed_repositories text[];
BEGIN
    PERFORM indexjob.lead(held);
    WITH ended AS (
        UPDATE indexjob.index_jobs j
        SET state = coalesce(j.verdict, 'failed'),
            reason = CASE j.verdict WHEN 'completed' THEN 'Completed' WHEN 'skipped' THEN 'Unchanged' ELSE o.reason END,
            message = CASE WHEN j.verdict IS NULL THEN o.message END,
            progress = CASE WHEN j.verdict IS NULL THEN coalesce(p.progress, 0) ELSE 100 END,
            finished_at = now(), updated_at = now()
        FROM jsonb_to_recordset(outcomes) AS o (id uuid, launch integer, reason text, message text)
        LEFT JOIN indexjob.progress p ON p.job_id = o.id AND p.launch = o.launch
        WHERE j.id = o.id AND j.launch = o.launch AND j.state IN ('launching', 'running')
        RETURNING j.id
    )
    SELECT array_agg(e.id) INTO finished FROM ended e;
    WITH freed AS (
        DELETE FROM indexjob.slots s USING jsonb_to_recordset(outcomes) AS o (id uuid, launch integer)
        WHERE s.job_id = o.id AND s.launch = o.launch
        RETURNING s.tenant, s.repository
    )
    SELECT array_agg(f.tenant), array_agg(f.repository) INTO freed_tenants, freed_repositories FROM freed f;
    UPDATE indexjob.index_job_attempts a
    SET finished_at = now(), reason = coalesce(a.reason, 'Terminated'), message = coalesce(a.message, 'It was taken down with its launch.')
    FROM jsonb_to_recordset(outcomes) AS o (id uuid, launch integer)
    WHERE a.job_id = o.id AND a.launch = o.launch AND a.finished_at IS NULL;
    PERFORM indexjob.settle_coalesced(finished);
    PERFORM indexjob.promote(freed_tenants, freed_repositories);
    PERFORM pg_notify('indexjob_finished', f::text) FROM unnest(finished) AS f;
    RETURN QUERY SELECT unnest(finished);
END $$;
REVOKE ALL ON FUNCTION indexjob.record_finished(bigint, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.record_finished(bigint, jsonb) TO indexjob_operator;

-- Deletes jobs that finished that long ago, with their attempts, the oldest first, at most so many: how many. Call it again until it says 0. `kept` are
-- ids that somebody still looks at. The row of an IndexJob resource is kept while that one exists. What was indexed stays. A pruned idempotency key is free
-- to be used again.
CREATE OR REPLACE FUNCTION indexjob.prune(older_than interval DEFAULT '30 days', at_most integer DEFAULT 10000, kept uuid[] DEFAULT '{}') RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pruned integer;
BEGIN
    IF older_than IS NULL OR older_than < '0' THEN
        RAISE EXCEPTION 'older_than must be a time that is not negative' USING ERRCODE = 'invalid_parameter_value', HINT = 'For example ''30 days''.';
    END IF;
    DELETE FROM indexjob.index_jobs d WHERE d.id = ANY (ARRAY(
        SELECT j.id FROM indexjob.index_jobs j
        WHERE j.finished_at < now() - older_than AND j.id <> ALL (kept) AND (j.idempotency_key LIKE 'indexjob:%') IS NOT TRUE
          AND NOT EXISTS (SELECT FROM indexjob.slots s WHERE s.tenant = j.tenant AND s.repository = j.repository AND s.job_id = j.id)
          AND NOT EXISTS (SELECT FROM indexjob.index_jobs c WHERE c.gave_way_to = j.id AND c.line = 'coalesced')
        ORDER BY j.finished_at LIMIT greatest(at_most, 0) FOR UPDATE OF j SKIP LOCKED));
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END $$;
REVOKE ALL ON FUNCTION indexjob.prune(interval, integer, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.prune(interval, integer, uuid[]) TO indexjob_operator;

-- Links the requests that are equal to this one, at most 1000, so that one run serves them all: how many it linked.
CREATE OR REPLACE FUNCTION indexjob.coalesce_with(leader uuid) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    linked integer;
BEGIN
    UPDATE indexjob.index_jobs j SET line = 'coalesced', gave_way_to = leader, updated_at = now()
    WHERE j.id IN (
        SELECT e.id FROM indexjob.index_jobs e
        JOIN indexjob.index_jobs l ON l.id = leader
        WHERE e.line = 'blocked' AND e.tenant = l.tenant AND e.repository = l.repository AND e.revision = l.revision
          AND jsonb_hash_extended(e.options, 0) = jsonb_hash_extended(l.options, 0) AND e.options = l.options AND e.profile = l.profile
        LIMIT 1000 FOR NO KEY UPDATE OF e SKIP LOCKED);
    GET DIAGNOSTICS linked = ROW_COUNT;
    RETURN linked;
END $$;
REVOKE ALL ON FUNCTION indexjob.coalesce_with(uuid) FROM PUBLIC;

-- Those that were to take this job's outcome stand in line for themselves again; one that another transaction holds is left to the sweep.
CREATE OR REPLACE FUNCTION indexjob.release_coalesced(leader uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE indexjob.index_jobs j SET line = 'new', gave_way_to = NULL, updated_at = now()
    WHERE j.id IN (SELECT c.id FROM indexjob.index_jobs c WHERE c.gave_way_to = leader AND c.line = 'coalesced' FOR NO KEY UPDATE SKIP LOCKED)
$$;
REVOKE ALL ON FUNCTION indexjob.release_coalesced(uuid) FROM PUBLIC;

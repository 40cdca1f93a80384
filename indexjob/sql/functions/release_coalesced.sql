-- Those that were to take this job's outcome stand in line for themselves again.
CREATE OR REPLACE FUNCTION indexjob.release_coalesced(leader uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE indexjob.index_jobs SET line = 'new', gave_way_to = NULL, updated_at = now()
    WHERE gave_way_to = leader AND line = 'coalesced'
$$;
REVOKE ALL ON FUNCTION indexjob.release_coalesced(uuid) FROM PUBLIC;

-- Why no pod of a launch has started yet (no room, no image), for people to see; NULL once one has.
CREATE OR REPLACE FUNCTION indexjob.record_waiting(held bigint, job uuid, of_launch integer, why text, sentence text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM indexjob.lead_beside(held);
    UPDATE indexjob.index_jobs j SET reason = why, message = sentence, updated_at = now()
    WHERE j.id = job AND j.launch = of_launch AND j.state IN ('launching', 'running') AND j.verdict IS NULL
        AND (j.reason, j.message) IS DISTINCT FROM (why, sentence);
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION indexjob.record_waiting(bigint, uuid, integer, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.record_waiting(bigint, uuid, integer, text, text) TO indexjob_operator;

-- Deletes content that was marked before the horizon, with all that was extracted from it; what a manifest names after all is taken back into use.
CREATE OR REPLACE FUNCTION indexjob.collect_contents(horizon timestamptz, max_rows integer) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    locked bigint[];
    doomed bigint[];
BEGIN
    locked := ARRAY(
        SELECT c.id FROM indexjob.content c WHERE c.unused_since < horizon ORDER BY c.id LIMIT max_rows FOR UPDATE SKIP LOCKED
    );
    -- Only now that they are locked can it be seen who uses them.
    UPDATE indexjob.content c SET unused_since = NULL
    WHERE c.id = ANY (locked) AND EXISTS (SELECT FROM indexjob.manifest_file f WHERE f.content_id = c.id);
    WITH gone AS (DELETE FROM indexjob.content c WHERE c.id = ANY (locked) AND c.unused_since IS NOT NULL RETURNING c.id)
    SELECT coalesce(array_agg(g.id), '{}') INTO doomed FROM gone g;
    DELETE FROM indexjob.symbol s WHERE s.content_id = ANY (doomed);
    DELETE FROM indexjob.reference x WHERE x.content_id = ANY (doomed);
    DELETE FROM indexjob.import i WHERE i.content_id = ANY (doomed);
    RETURN cardinality(doomed);
END $$;
REVOKE ALL ON FUNCTION indexjob.collect_contents(timestamptz, integer) FROM PUBLIC;

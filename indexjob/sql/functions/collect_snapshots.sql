-- Deletes snapshots that were set aside before the horizon; those that a revision shows again are taken back into use.
CREATE OR REPLACE FUNCTION indexjob.collect_snapshots(horizon timestamptz, max_rows integer) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    locked bigint[];
    deleted integer;
BEGIN
    locked := ARRAY(
        SELECT s.id FROM indexjob.snapshot s WHERE s.unused_since < horizon ORDER BY s.id LIMIT max_rows FOR UPDATE SKIP LOCKED
    );
    -- Only now that they are locked can it be seen who uses them.
    UPDATE indexjob.snapshot s SET unused_since = NULL
    WHERE s.id = ANY (locked) AND EXISTS (SELECT FROM indexjob.publication p WHERE p.snapshot_id = s.id);
    DELETE FROM indexjob.snapshot s WHERE s.id = ANY (locked) AND s.unused_since IS NOT NULL;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END $$;
REVOKE ALL ON FUNCTION indexjob.collect_snapshots(timestamptz, integer) FROM PUBLIC;

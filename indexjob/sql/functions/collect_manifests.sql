-- Deletes manifests that no snapshot holds, as many as have some `max_rows` files together, and marks the content that none of the others names.
CREATE OR REPLACE FUNCTION indexjob.collect_manifests(max_rows integer) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one bigint;
    named bigint[];
    rows_left bigint := max_rows;
    deleted integer := 0;
BEGIN
    WHILE rows_left > 0 LOOP
        SELECT m.id INTO one FROM indexjob.manifest m WHERE NOT EXISTS (SELECT FROM indexjob.snapshot s WHERE s.manifest_id = m.id)
        ORDER BY m.id LIMIT 1 FOR UPDATE SKIP LOCKED;
        EXIT WHEN NOT FOUND;
        -- Only now that it is locked can it be seen whether somebody has just published it.
        EXIT WHEN EXISTS (SELECT FROM indexjob.snapshot s WHERE s.manifest_id = one);
        WITH gone AS (DELETE FROM indexjob.manifest_file f WHERE f.manifest_id = one RETURNING f.content_id)
        SELECT coalesce(array_agg(DISTINCT g.content_id) FILTER (WHERE g.content_id IS NOT NULL), '{}'), rows_left - count(*) - 1
        INTO named, rows_left FROM gone g;
        DELETE FROM indexjob.manifest m WHERE m.id = one;
        UPDATE indexjob.content c SET unused_since = clock_timestamp()
        WHERE c.id IN (
            SELECT u.id FROM indexjob.content u
            WHERE u.id = ANY (named) AND u.unused_since IS NULL AND NOT EXISTS (SELECT FROM indexjob.manifest_file f WHERE f.content_id = u.id)
            ORDER BY u.id FOR NO KEY UPDATE
        );
        deleted := deleted + 1;
    END LOOP;
    RETURN deleted;
END $$;
REVOKE ALL ON FUNCTION indexjob.collect_manifests(integer) FROM PUBLIC;

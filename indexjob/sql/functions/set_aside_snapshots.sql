-- Retention: forgets all but each revision's newest publications of a selection and limits, and marks the snapshots that are left without any.
CREATE OR REPLACE FUNCTION indexjob.set_aside_snapshots(keep_snapshots integer) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    WITH ranked AS (
        SELECT p.repository_id, p.revision, p.snapshot_id, p.published_at,
            row_number() OVER (PARTITION BY p.repository_id, p.revision, s.selection, s.limits ORDER BY p.published_at DESC) AS place
        FROM indexjob.publication p JOIN indexjob.snapshot s ON s.id = p.snapshot_id
    ), forgotten AS (
        -- A publication that is renewed meanwhile is another time's, or current. What a publisher holds is left for the next time: it may wait for us already.
        SELECT p.repository_id, p.revision, p.snapshot_id
        FROM ranked r JOIN indexjob.publication p ON p.repository_id = r.repository_id AND p.revision = r.revision AND p.snapshot_id = r.snapshot_id
        WHERE r.place > keep_snapshots AND p.published_at = r.published_at AND NOT p.current
        FOR UPDATE OF p SKIP LOCKED
    )
    DELETE FROM indexjob.publication p USING forgotten f
    WHERE p.repository_id = f.repository_id AND p.revision = f.revision AND p.snapshot_id = f.snapshot_id;
    UPDATE indexjob.snapshot s SET unused_since = clock_timestamp()
    WHERE s.id IN (
        SELECT u.id FROM indexjob.snapshot u
        WHERE u.unused_since IS NULL AND NOT EXISTS (SELECT FROM indexjob.publication p WHERE p.snapshot_id = u.id)
        FOR NO KEY UPDATE SKIP LOCKED);
$$;
REVOKE ALL ON FUNCTION indexjob.set_aside_snapshots(integer) FROM PUBLIC;

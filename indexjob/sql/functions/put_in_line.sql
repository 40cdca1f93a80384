-- Puts these jobs in line, and gives back the slots of those that are clear to go: due, the best of their repository, and the repository free. With `going`
-- the caller launches these at once, so they are left as they are; else they become ready. What another transaction holds is passed over. The leader alone
-- calls it, one call at a time: so what is free stays free. What is busy may be freed meanwhile (record_finished), therefore the slots in the way are held:
-- who frees one waits for this transaction, and promotes whom it has put behind. Who stands behind one that is being freed just now is passed over.
-- Slots are looked up row by row (LIMIT 1): as a join it was planned while nothing ran, and then compared each job with each slot.
CREATE OR REPLACE FUNCTION indexjob.put_in_line(ids uuid[], going boolean, OUT clear indexjob.slots[], OUT passed_over uuid[])
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    moved uuid[];
    places indexjob.line_place[];
    rivals uuid[];
    of_tenants text[];
    of_repositories text[];
BEGIN
    WITH seen AS MATERIALIZED (
        SELECT i.id, i.tenant, i.repository, i.launch, i.priority, i.seq, i.line, i.run_after <= now() AS due
        FROM indexjob.index_jobs i WHERE i.id = ANY (ids) AND i.line IN ('new', 'scheduled', 'ready')
        FOR NO KEY UPDATE SKIP LOCKED
    ), ranked AS MATERIALIZED (
        SELECT s.*, coalesce((SELECT true FROM indexjob.slots slot WHERE slot.tenant = s.tenant AND slot.repository = s.repository LIMIT 1), false) AS busy,
            row_number() OVER (PARTITION BY s.tenant, s.repository, s.due ORDER BY s.priority DESC, s.seq) = 1 AS first
        FROM seen s
    ), busy AS MATERIALIZED (
        SELECT DISTINCT r.tenant, r.repository FROM ranked r WHERE r.busy AND r.due
    ), held AS MATERIALIZED (
        SELECT b.tenant, b.repository FROM busy b CROSS JOIN LATERAL (
            SELECT FROM indexjob.slots slot WHERE slot.tenant = b.tenant AND slot.repository = b.repository LIMIT 1 FOR KEY SHARE SKIP LOCKED) AS slot
    ), being_freed AS MATERIALIZED (
        SELECT b.tenant, b.repository FROM busy b EXCEPT SELECT h.tenant, h.repository FROM held h
    ), judged AS MATERIALIZED (
        SELECT r.id, r.tenant, r.repository, r.launch, r.line, rival.id AS rival, CASE
            WHEN NOT r.due THEN 'scheduled'
            WHEN r.busy AND (r.tenant, r.repository) IN (SELECT f.tenant, f.repository FROM being_freed f) THEN NULL
            WHEN r.first AND NOT r.busy AND (rival.id IS NULL OR rival.priority < r.priority OR (rival.priority = r.priority AND rival.seq > r.seq)) THEN 'ready'
            ELSE 'blocked' END::indexjob.line_place AS place
        FROM ranked r
        LEFT JOIN LATERAL (
            SELECT b.id, b.priority, b.seq FROM indexjob.index_jobs b
            WHERE b.tenant = r.tenant AND b.repository = r.repository AND b.line IN ('blocked', 'ready') AND r.line <> 'ready'
            ORDER BY b.priority DESC, b.seq LIMIT 1) AS rival ON true
    )
    SELECT array_agg(ROW(j.tenant, j.repository, j.id, j.launch + 1, now(), NULL)::indexjob.slots) FILTER (WHERE j.place = 'ready'),
        array_agg(j.id) FILTER (WHERE j.place <> j.line AND NOT (going AND j.place = 'ready')),
        array_agg(j.place) FILTER (WHERE j.place <> j.line AND NOT (going AND j.place = 'ready')),
        array_agg(j.id) FILTER (WHERE j.place = 'ready' AND j.rival IS NOT NULL),
        array_agg(j.tenant) FILTER (WHERE j.place = 'blocked'),
        array_agg(j.repository) FILTER (WHERE j.place = 'blocked'),
        ARRAY(SELECT unnest(ids) EXCEPT SELECT k.id FROM judged k WHERE k.place IS NOT NULL)
    INTO clear, moved, places, rivals, of_tenants, of_repositories, passed_over
    FROM judged j;
    IF rivals IS NOT NULL THEN
        -- The next of a repository gives way to a better one that has just come; if it can't, the better one waits.
        WITH worse AS MATERIALIZED (
            SELECT r.id FROM indexjob.index_jobs c CROSS JOIN LATERAL (
                SELECT w.id FROM indexjob.index_jobs w WHERE w.line = 'ready' AND w.tenant = c.tenant AND w.repository = c.repository AND w.id <> c.id
                LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) AS r
            WHERE c.id = ANY (rivals)
        )
        UPDATE indexjob.index_jobs j SET line = 'blocked', updated_at = now() FROM worse w WHERE j.id = w.id;
        rivals := ARRAY(
            SELECT c.id FROM indexjob.index_jobs c WHERE c.id = ANY (rivals) AND (
                SELECT count(*) FROM indexjob.index_jobs w WHERE w.line = 'ready' AND w.tenant = c.tenant AND w.repository = c.repository AND w.id <> c.id) > 0);
        clear := ARRAY(SELECT c FROM unnest(clear) AS c WHERE c.job_id <> ALL (rivals));
        passed_over := passed_over || rivals;
    END IF;
    IF moved IS NOT NULL THEN
        UPDATE indexjob.index_jobs j SET line = m.place, updated_at = now()
        FROM unnest(moved, places) AS m (id, place) WHERE j.id = m.id AND m.id <> ALL (passed_over);
    END IF;
    IF of_tenants IS NOT NULL THEN
        PERFORM indexjob.promote(of_tenants, of_repositories);
    END IF;
END $$;
REVOKE ALL ON FUNCTION indexjob.put_in_line(uuid[], boolean) FROM PUBLIC;

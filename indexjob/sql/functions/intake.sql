-- Puts newly due jobs in line, and new ones: at most so many, each tenant's best. How many it could put there. The leader alone calls it.
CREATE OR REPLACE FUNCTION indexjob.intake(at_most integer) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    ids uuid[];
    held uuid[];
BEGIN
    WITH RECURSIVE waiting AS (
        SELECT (SELECT n.tenant FROM indexjob.index_jobs n WHERE n.line = 'new' ORDER BY n.tenant DESC, n.priority, n.seq DESC LIMIT 1) AS tenant
        WHERE at_most > 0
        UNION ALL
        SELECT (SELECT n.tenant FROM indexjob.index_jobs n WHERE n.line = 'new' AND n.tenant < w.tenant
                ORDER BY n.tenant DESC, n.priority, n.seq DESC LIMIT 1)
        FROM waiting w WHERE w.tenant IS NOT NULL
    ), fresh AS (
        SELECT best.id FROM waiting w CROSS JOIN LATERAL (
            SELECT j.id, row_number() OVER (ORDER BY j.priority DESC, j.seq) AS place FROM indexjob.index_jobs j
            WHERE j.line = 'new' AND j.tenant = w.tenant ORDER BY j.priority DESC, j.seq LIMIT at_most
        ) AS best
        ORDER BY best.place LIMIT at_most
    ), due AS (
        SELECT j.id FROM indexjob.index_jobs j WHERE j.line = 'scheduled' AND j.run_after <= now() ORDER BY j.run_after LIMIT 1000
    )
    SELECT array_agg(b.id) INTO ids FROM (SELECT f.id FROM fresh f UNION ALL SELECT d.id FROM due d) AS b;
    IF ids IS NOT NULL THEN
        SELECT l.passed_over INTO held FROM indexjob.put_in_line(ids, going => false) AS l;
    END IF;
    RETURN coalesce(cardinality(ids) - cardinality(held), 0);
END $$;
REVOKE ALL ON FUNCTION indexjob.intake(integer) FROM PUBLIC;

-- Takes up to `wanted` jobs for launching, so that no more than `at_once` are under way, the most urgent first. A new job goes straight to its launch if
-- nothing is in its way; a call that launches nothing puts those in line that there is no room for, some at a time.
-- Its commit doesn't wait for the disk, so that the next claim doesn't either: what was claimed is acted upon once `confirm_claims` has committed after it.
CREATE OR REPLACE FUNCTION indexjob.claim(held bigint, wanted integer, at_once integer, in_namespace text)
RETURNS TABLE (id uuid, launch integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    running integer;
    by_tenant jsonb;
    served jsonb;
    base double precision;
    new_base double precision;
    free integer;
    best uuid[];
    clear indexjob.slots[];
    held_by_others uuid[];
    passed_over uuid[] := '{}';
    taken uuid[];
    launches integer[];
BEGIN
    PERFORM indexjob.lead(held);
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE indexjob.lease l SET at_once = claim.at_once WHERE l.epoch = held AND l.at_once IS DISTINCT FROM claim.at_once;
    IF EXISTS (SELECT FROM indexjob.index_jobs j WHERE j.line = 'scheduled' AND j.run_after <= now()) THEN
        PERFORM indexjob.intake(0);
    END IF;
    SELECT t.running, t.by_tenant INTO running, by_tenant FROM indexjob.slots_taken() AS t;
    SELECT least(wanted, least(at_once, s.running_cap) - running) INTO free FROM indexjob.settings s WHERE NOT s.claiming_paused;
    IF free > 0 THEN
        SELECT jsonb_object_agg(t.tenant, t.served), coalesce(max(t.base), 0) INTO served, base FROM indexjob.turns t;
        -- The best may turn out to stand behind another: they are put there, more and more at a time, until the best are clear.
        FOR further IN 0..5 LOOP
            SELECT b.base, b.best INTO new_base, best FROM indexjob.best_of_line(free, by_tenant, served, passed_over, base) AS b;
            clear := NULL;
            EXIT WHEN best IS NULL;
            SELECT l.clear, l.passed_over INTO clear, held_by_others FROM indexjob.put_in_line(best, going => true) AS l;
            EXIT WHEN cardinality(clear) = cardinality(best) OR further = 5;
            IF cardinality(held_by_others) > 0 THEN
                passed_over := passed_over || held_by_others || indexjob.held_near(held_by_others, 100 << (3 * further));
            END IF;
            PERFORM indexjob.intake(50 << further);
        END LOOP;
    END IF;
    new_base := coalesce(new_base, base);
    IF clear IS NOT NULL THEN
        WITH won AS (
            -- They are free, and who leads is alone at taking them: a conflict would be a fault to be seen.
            INSERT INTO indexjob.slots SELECT c.* FROM unnest(clear) AS c
            RETURNING job_id
        ), launched AS (
            UPDATE indexjob.index_jobs j
            SET state = 'launching', line = NULL, launch = j.launch + 1, job_name = j.id || '-' || (j.launch + 1), namespace = in_namespace,
                reason = NULL, message = NULL, launched_at = now(), started_at = NULL, updated_at = now()
            FROM won WHERE j.id = won.job_id
            RETURNING j.id, j.launch, j.priority, j.seq, j.tenant, j.repository, j.revision, j.profile, j.options
        ), equal AS MATERIALIZED (
            -- One run serves all requests that are equal to it, at most 1000. What another transaction holds is passed over.
            SELECT l.id AS leader, e.id
            FROM launched l
            CROSS JOIN LATERAL (
                SELECT q.id FROM indexjob.index_jobs q
                WHERE q.line IN ('new', 'blocked') AND q.tenant = l.tenant AND q.repository = l.repository AND q.revision = l.revision
                  AND jsonb_hash_extended(q.options, 0) = jsonb_hash_extended(l.options, 0) AND q.options = l.options AND q.profile = l.profile
                  AND q.run_after <= now() AND q.id <> l.id
                LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED) AS e
        ), coalesced AS (
            UPDATE indexjob.index_jobs j SET line = 'coalesced', gave_way_to = e.leader, updated_at = now() FROM equal e WHERE j.id = e.id
        ), counted AS (
            INSERT INTO indexjob.turns
            SELECT l.tenant, greatest((served ->> l.tenant)::float8, base) + count(*) / coalesce(max(w.weight), 1)::float8, new_base
            FROM launched l LEFT JOIN indexjob.tenants w ON w.name = l.tenant GROUP BY l.tenant
            ON CONFLICT (tenant) DO UPDATE SET served = excluded.served, base = excluded.base
        )
        SELECT array_agg(l.id ORDER BY l.priority DESC, l.seq), array_agg(l.launch ORDER BY l.priority DESC, l.seq) INTO taken, launches FROM launched l;
    END IF;
    -- What has to wait shall at least be seen to stand in line. There may be more of it, and behind it what could go: the next call is not to be waited for.
    IF taken IS NULL AND indexjob.intake(50) >= 50 THEN
        PERFORM pg_notify('indexjob_wake', '');
    END IF;
    RETURN QUERY SELECT * FROM unnest(taken, launches);
END $$;
REVOKE ALL ON FUNCTION indexjob.claim(bigint, integer, integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.claim(bigint, integer, integer, text) TO indexjob_operator;

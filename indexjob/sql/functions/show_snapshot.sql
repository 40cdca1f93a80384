-- Lets a revision show this snapshot from now on, and writes the verdict on the job's row. Returns the row's statistics.
CREATE OR REPLACE FUNCTION indexjob.show_snapshot(job indexjob.index_jobs, snapshot bigint, good_end indexjob.job_state, seconds jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    shown indexjob.snapshot;
    counts jsonb;
BEGIN
    UPDATE indexjob.snapshot s SET unused_since = NULL WHERE s.id = snapshot AND s.unused_since IS NOT NULL;
    SELECT * INTO shown FROM indexjob.snapshot s WHERE s.id = snapshot;
    UPDATE indexjob.publication p SET current = false
    WHERE p.repository_id = shown.repository_id AND p.revision = job.revision AND p.current AND p.snapshot_id <> snapshot;
    INSERT INTO indexjob.publication AS p (repository_id, revision, snapshot_id, published_at, current)
    VALUES (shown.repository_id, job.revision, snapshot, clock_timestamp(), true)
    ON CONFLICT (repository_id, revision, snapshot_id) DO UPDATE SET published_at = excluded.published_at, current = true;
    SELECT jsonb_build_object(
        'files', m.files, 'files_failed', m.files_failed, 'symbols', m.symbols, 'references', m.symbol_references,
        'dependencies', g.dependencies, 'cycles', g.cycles, 'seconds', coalesce(seconds, '{}') || jsonb_build_object('store',  -- the time of this very transaction is not known to its client yet
            round(coalesce((seconds ->> 'store')::numeric, 0) + extract(epoch FROM clock_timestamp() - now())::numeric, 3))
    ) INTO STRICT counts
    FROM indexjob.manifest m, indexjob.graph g WHERE m.id = shown.manifest_id AND g.id = shown.graph_id;
    UPDATE indexjob.index_jobs j SET commit = shown.commit, stats = counts, verdict = good_end, updated_at = now() WHERE j.id = job.id;
    RETURN counts;
END $$;
REVOKE ALL ON FUNCTION indexjob.show_snapshot(indexjob.index_jobs, bigint, indexjob.job_state, jsonb) FROM PUBLIC;

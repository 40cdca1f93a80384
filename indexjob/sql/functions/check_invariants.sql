-- What must always be true of the queue and no CHECK or unique index can hold: one row for each violation, none if all is well. docs/state-machine.md
-- explains them. What the sweep is there to mend is a violation only once it has stood for longer than `patience`.
CREATE OR REPLACE FUNCTION indexjob.check_invariants(patience interval DEFAULT '2 minutes')
RETURNS TABLE (invariant text, job_id uuid, detail text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'what is under way holds its slot', j.id, format('%s, launch %s, no such slot', j.state, j.launch)
    FROM indexjob.index_jobs j
    WHERE j.state IN ('launching', 'running') AND NOT EXISTS (
        SELECT FROM indexjob.slots s WHERE s.job_id = j.id AND s.launch = j.launch AND s.tenant = j.tenant AND s.repository = j.repository)
UNION ALL
    SELECT 'a slot is held by the last launch of a job that has not ended by itself', s.job_id,
        format('slot of launch %s, job %s at launch %s', s.launch, coalesce(j.state::text, 'unknown'), j.launch)
    FROM indexjob.slots s LEFT JOIN indexjob.index_jobs j ON j.id = s.job_id
    WHERE j.id IS NULL OR s.launch <> j.launch OR s.tenant <> j.tenant OR s.repository <> j.repository OR j.state IN ('completed', 'failed', 'skipped')
UNION ALL
    SELECT 'a job that is under way has its launch''s name', j.id, j.job_name
    FROM indexjob.index_jobs j WHERE j.state IN ('launching', 'running') AND j.job_name <> j.id || '-' || j.launch
UNION ALL
    SELECT 'nothing is claimable while its repository is busy', j.id, s.job_id || ' holds the slot'
    FROM indexjob.index_jobs j JOIN indexjob.slots s ON s.tenant = j.tenant AND s.repository = j.repository WHERE j.line = 'ready'
UNION ALL
    SELECT 'what was published is under way or ended well', j.id, format('verdict %s, state %s', j.verdict, j.state)
    FROM indexjob.index_jobs j WHERE j.verdict IS NOT NULL AND j.state NOT IN ('launching', 'running', 'completed', 'skipped')
UNION ALL
    SELECT 'what was published ends as its verdict says', j.id, format('verdict %s, state %s', j.verdict, j.state)
    FROM indexjob.index_jobs j WHERE j.state IN ('completed', 'skipped') AND j.verdict IS DISTINCT FROM j.state
UNION ALL
    SELECT 'what was published names its commit', j.id, format('verdict %s', j.verdict)
    FROM indexjob.index_jobs j WHERE j.verdict IS NOT NULL AND j.commit IS NULL
UNION ALL
    SELECT 'a coalesced job follows an equal one', c.id, format('follows %s', coalesce(l.id::text, 'a job that is gone'))
    FROM indexjob.index_jobs c LEFT JOIN indexjob.index_jobs l ON l.id = c.gave_way_to
    WHERE c.line = 'coalesced' AND (l.tenant, l.repository, l.revision, l.profile, l.options) IS DISTINCT FROM (c.tenant, c.repository, c.revision, c.profile, c.options)
UNION ALL
    SELECT 'attempts and progress are of launches that were', j.id, format('launch %s of %s', a.launch, j.launch)
    FROM (SELECT p.job_id, p.launch FROM indexjob.progress p UNION ALL SELECT t.job_id, t.launch FROM indexjob.index_job_attempts t) AS a
    JOIN indexjob.index_jobs j ON j.id = a.job_id WHERE a.launch > j.launch OR a.launch < 1
UNION ALL
    SELECT 'nothing starts before it was asked for, nor ends before it started', j.id, format('created %s, started %s, finished %s', j.created_at, j.started_at, j.finished_at)
    FROM indexjob.index_jobs j WHERE j.started_at < j.created_at OR j.finished_at < j.started_at
UNION ALL
    SELECT 'a job''s tenant is there', j.id, j.tenant
    FROM indexjob.index_jobs j WHERE NOT EXISTS (SELECT FROM indexjob.tenants t WHERE t.name = j.tenant)
UNION ALL
    SELECT 'there is one lease and one row of settings', NULL, format('%s, %s', l.n, s.n)
    FROM (SELECT count(*) AS n FROM indexjob.lease) AS l, (SELECT count(*) AS n FROM indexjob.settings) AS s WHERE l.n <> 1 OR s.n <> 1
UNION ALL
    SELECT 'a line whose repository is free has a head', min(j.id::text)::uuid, format('%s blocked for %s of %s', count(*), j.repository, j.tenant)
    FROM indexjob.index_jobs j
    WHERE j.line = 'blocked'
      AND NOT EXISTS (SELECT FROM indexjob.slots s WHERE s.tenant = j.tenant AND s.repository = j.repository)
      AND NOT EXISTS (SELECT FROM indexjob.index_jobs h WHERE h.line IN ('ready', 'new') AND h.tenant = j.tenant AND h.repository = j.repository)
    GROUP BY j.tenant, j.repository HAVING max(j.updated_at) <= now() - patience
UNION ALL
    SELECT 'a coalesced job follows one that is under way', c.id, format('follows %s, which is %s', l.id, l.state)
    FROM indexjob.index_jobs c JOIN indexjob.index_jobs l ON l.id = c.gave_way_to
    WHERE c.line = 'coalesced' AND l.state NOT IN ('launching', 'running') AND l.updated_at <= now() - patience
$$;
REVOKE ALL ON FUNCTION indexjob.check_invariants(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.check_invariants(interval) TO indexjob_operator;

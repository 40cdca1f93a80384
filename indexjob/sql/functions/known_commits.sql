-- By extractor version and limits, the commits of a repository that a run with these options need not index again, the last published first:
-- {"1": {"<limits>": ["<commit>", ...]}}.
CREATE OR REPLACE FUNCTION indexjob.known_commits(tenant text, repository text, options jsonb, newest integer DEFAULT 50) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH known AS (
        SELECT s.extractor_version, s.limits, s.commit, max(p.published_at) AS published_at,
            row_number() OVER (PARTITION BY s.extractor_version, s.limits ORDER BY max(p.published_at) DESC, s.commit) AS place
        FROM indexjob.repository r
        JOIN indexjob.snapshot s ON s.repository_id = r.id
        JOIN indexjob.publication p ON p.snapshot_id = s.id
        WHERE r.tenant = known_commits.tenant AND r.url = indexjob.normalize_repository(known_commits.repository)
            AND s.selection = indexjob.selection(known_commits.options) AND s.unused_since IS NULL
        GROUP BY s.id
    ), by_limits AS (
        SELECT k.extractor_version, k.limits, jsonb_agg(k.commit ORDER BY k.place) AS commits
        FROM known k WHERE k.place <= known_commits.newest
        GROUP BY k.extractor_version, k.limits
    ), by_version AS (
        SELECT l.extractor_version, jsonb_object_agg(l.limits, l.commits) AS commits FROM by_limits l GROUP BY l.extractor_version
    )
    SELECT coalesce(jsonb_object_agg(v.extractor_version, v.commits), '{}') FROM by_version v
$$;
REVOKE ALL ON FUNCTION indexjob.known_commits(text, text, jsonb, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.known_commits(text, text, jsonb, integer) TO indexjob_operator;

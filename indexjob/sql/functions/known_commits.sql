-- Commits of a repository that a run with these options and this extractor need not index again, the last published first.
CREATE OR REPLACE FUNCTION indexjob.known_commits(
    tenant text, repository text, options jsonb, extractor_version integer, newest integer DEFAULT 50
) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.commit
    FROM indexjob.repository r
    JOIN indexjob.snapshot s ON s.repository_id = r.id
    JOIN indexjob.publication p ON p.snapshot_id = s.id
    WHERE r.tenant = $1 AND r.url = indexjob.normalize_repository($2)
        AND s.selection = indexjob.selection($3) AND s.extractor_version = $4 AND s.unused_since IS NULL
    GROUP BY s.commit
    ORDER BY max(p.published_at) DESC, s.commit
    LIMIT $5
$$;
REVOKE ALL ON FUNCTION indexjob.known_commits(text, text, jsonb, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.known_commits(text, text, jsonb, integer, integer) TO indexjob_operator;

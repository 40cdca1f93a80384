-- Checks and counts a new manifest's files, and marks their content as used. SQLSTATE IJ022 if content that it names is gone or another tenant's.
-- So is a path that is named twice (unique_violation): an index that forbids it would tell of other tenants' manifests. Failed files are those that
-- should be in the index and are not there, or not wholly.
CREATE OR REPLACE FUNCTION indexjob.seal_manifest(manifest bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_tenant text;
    named bigint;
    found_content bigint;
    twice bigint;
BEGIN
    SELECT m.tenant INTO of_tenant FROM indexjob.manifest m WHERE m.id = manifest AND m.files IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- In the order of ids: two workers that publish the same new content wait for each other in turn.
    PERFORM FROM indexjob.content c
    WHERE c.id IN (SELECT f.content_id FROM indexjob.manifest_file f WHERE f.manifest_id = manifest) AND c.unused_since IS NOT NULL
    ORDER BY c.id FOR NO KEY UPDATE;
    UPDATE indexjob.content c SET unused_since = NULL, made_by = NULL
    WHERE c.id IN (SELECT f.content_id FROM indexjob.manifest_file f WHERE f.manifest_id = manifest) AND c.unused_since IS NOT NULL;
    WITH counted AS (
        SELECT count(*) AS files, count(*) FILTER (WHERE f.status IN ('syntax_error', 'too_complex', 'unreadable', 'timeout', 'crash')) AS failed,
            coalesce(sum(c.symbols), 0) AS symbols, coalesce(sum(c.symbol_references), 0) AS refs, count(f.content_id) AS named, count(c.id) AS found, count(*) - count(DISTINCT f.path) AS twice
        FROM indexjob.manifest_file f
        LEFT JOIN indexjob.content c ON c.id = f.content_id AND c.tenant = of_tenant
        WHERE f.manifest_id = manifest
    ), sealed AS (
        UPDATE indexjob.manifest m
        SET files = n.files, files_failed = n.failed, symbols = n.symbols, symbol_references = n.refs
        FROM counted n WHERE m.id = manifest
    )
    SELECT n.named, n.found, n.twice INTO named, found_content, twice FROM counted n;
    IF named <> found_content THEN
        RAISE EXCEPTION '% files have content that is not kept any more', named - found_content USING ERRCODE = 'IJ022', HINT = 'Try again.';
    ELSIF twice > 0 THEN
        RAISE EXCEPTION '% paths are named twice', twice USING ERRCODE = 'unique_violation';
    END IF;
END $$;
REVOKE ALL ON FUNCTION indexjob.seal_manifest(bigint) FROM PUBLIC;

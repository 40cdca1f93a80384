-- Makes the content of these blobs for the tenant of the worker's launch where it is not there yet: `is_new` asks the caller to add what was extracted,
-- in the same transaction. What another worker is adding just now is waited for; all in the order of their keys, so that two wait in turn.
CREATE OR REPLACE FUNCTION indexjob.add_contents(
    job_id uuid, launch integer, token text, extractor_version integer, blob_shas bytea[], languages text[], sizes bigint[], line_counts integer[],
    statuses text[], symbols integer[], symbol_references integer[], imports_digests bytea[]
) RETURNS TABLE (id bigint, blob_sha text, language text, status text, lines integer, imports_digest bytea, is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    its_tenant text := indexjob.require_launch(add_contents.job_id, add_contents.launch, add_contents.token);
    made bigint[];
BEGIN
    WITH added AS (
        INSERT INTO indexjob.content AS c
            (tenant, extractor_version, blob_sha, language, size, lines, status, symbols, symbol_references, imports_digest)
        SELECT its_tenant, add_contents.extractor_version, n.blob_sha, n.language, n.size, n.lines, n.status::indexjob.file_status, n.symbols, n.refs, n.digest
        FROM unnest(
            add_contents.blob_shas, add_contents.languages, add_contents.sizes, add_contents.line_counts, add_contents.statuses,
            add_contents.symbols, add_contents.symbol_references, add_contents.imports_digests
        ) AS n (blob_sha, language, size, lines, status, symbols, refs, digest)
        ORDER BY n.blob_sha, n.language COLLATE "C"
        ON CONFLICT DO NOTHING
        RETURNING c.id
    )
    SELECT coalesce(array_agg(a.id), '{}') INTO made FROM added a;
    RETURN QUERY
        SELECT f.id, encode(f.blob_sha, 'hex'), f.language, f.status::text, f.lines, f.imports_digest, f.id = ANY (made)
        FROM unnest(add_contents.blob_shas, add_contents.languages) AS k (blob_sha, language)
        CROSS JOIN LATERAL (
            SELECT c.* FROM indexjob.content c
            WHERE c.blob_sha = k.blob_sha AND c.tenant = its_tenant AND c.language = k.language AND c.extractor_version = add_contents.extractor_version
            OFFSET 0
        ) AS f
        ORDER BY f.id;
END $$;
REVOKE ALL ON FUNCTION
    indexjob.add_contents(uuid, integer, text, integer, bytea[], text[], bigint[], integer[], text[], integer[], integer[], bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    indexjob.add_contents(uuid, integer, text, integer, bytea[], text[], bigint[], integer[], text[], integer[], integer[], bytea[]) TO indexjob_worker;

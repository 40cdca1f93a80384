-- What a worker need not extract, because its tenant has it: those of these blobs that are kept. They are kept at least until its run is over: of
-- those that no snapshot holds, which may be about to be collected, the mark is renewed first. Each key is looked up by itself (OFFSET 0), whatever
-- statistics say of a table that has just been filled.
CREATE OR REPLACE FUNCTION indexjob.find_contents(job_id uuid, launch integer, token text, extractor_version integer, blob_shas bytea[], languages text[])
RETURNS TABLE (id bigint, blob_sha text, language text, status text, lines integer, imports_digest bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    its_tenant text := indexjob.require_launch(find_contents.job_id, find_contents.launch, find_contents.token);
    found_ids bigint[];
BEGIN
    found_ids := ARRAY(
        SELECT f.id FROM unnest(find_contents.blob_shas, find_contents.languages) AS k (blob_sha, language)
        CROSS JOIN LATERAL (
            SELECT c.id FROM indexjob.content c
            WHERE c.blob_sha = k.blob_sha AND c.tenant = its_tenant AND c.language = k.language AND c.extractor_version = find_contents.extractor_version
            OFFSET 0
        ) AS f
    );
    UPDATE indexjob.content c SET unused_since = clock_timestamp()
    FROM (SELECT u.id FROM indexjob.content u WHERE u.id = ANY (found_ids) AND u.unused_since IS NOT NULL ORDER BY u.id FOR NO KEY UPDATE) AS u
    WHERE c.id = u.id;
    RETURN QUERY
        SELECT c.id, encode(c.blob_sha, 'hex'), c.language, c.status::text, c.lines, c.imports_digest
        FROM indexjob.content c WHERE c.id = ANY (found_ids);
END $$;
REVOKE ALL ON FUNCTION indexjob.find_contents(uuid, integer, text, integer, bytea[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.find_contents(uuid, integer, text, integer, bytea[], text[]) TO indexjob_worker;

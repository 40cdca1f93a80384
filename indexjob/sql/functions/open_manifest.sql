-- The manifest of the launch's tenant with this hash, made if there is none: `is_new` asks the caller to add its files and to publish it, in the same
-- transaction. Two at once: the second waits for the first. The row stays locked against collect_garbage until the transaction ends.
CREATE OR REPLACE FUNCTION indexjob.open_manifest(job_id uuid, launch integer, token text, hash bytea, OUT id bigint, OUT is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    its_tenant text := indexjob.require_launch(open_manifest.job_id, open_manifest.launch, open_manifest.token);
BEGIN
    LOOP
        SELECT m.id, false INTO id, is_new FROM indexjob.manifest m WHERE m.tenant = its_tenant AND m.hash = open_manifest.hash FOR KEY SHARE;
        EXIT WHEN FOUND;
        INSERT INTO indexjob.manifest AS m (tenant, hash) VALUES (its_tenant, open_manifest.hash) ON CONFLICT DO NOTHING RETURNING m.id, true INTO id, is_new;
        EXIT WHEN FOUND;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION indexjob.open_manifest(uuid, integer, text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.open_manifest(uuid, integer, text, bytea) TO indexjob_worker;

-- The imports of these contents, for the dependency graph: of those that are the tenant's whose launch the worker speaks for.
CREATE OR REPLACE FUNCTION indexjob.imports_of(job_id uuid, launch integer, token text, content_ids bigint[])
RETURNS TABLE (content_id bigint, ord integer, kind text, spec text, name text, alias text, line integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    its_tenant text := indexjob.require_launch(imports_of.job_id, imports_of.launch, imports_of.token);
BEGIN
    RETURN QUERY
        SELECT i.content_id, i.ord, i.kind::text, i.spec, i.name, i.alias, i.line
        FROM indexjob.content c JOIN indexjob.import i ON i.content_id = c.id
        WHERE c.id = ANY (imports_of.content_ids) AND c.tenant = its_tenant
        ORDER BY i.content_id, i.ord;
END $$;
REVOKE ALL ON FUNCTION indexjob.imports_of(uuid, integer, text, bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.imports_of(uuid, integer, text, bigint[]) TO indexjob_worker;

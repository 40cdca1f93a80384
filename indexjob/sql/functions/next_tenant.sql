-- The first tenant after this one, in the order of names, that has new or ready jobs; NULL after the last. An index is asked, not the table of tenants:
-- there may be thousands, of whom few have work.
CREATE OR REPLACE FUNCTION indexjob.next_tenant(after text) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT least(
        (SELECT n.tenant FROM indexjob.index_jobs n WHERE n.line = 'new' AND n.tenant > after ORDER BY n.tenant LIMIT 1),
        (SELECT r.tenant FROM indexjob.index_jobs r WHERE r.line = 'ready' AND r.tenant > after ORDER BY r.tenant LIMIT 1))
$$;
REVOKE ALL ON FUNCTION indexjob.next_tenant(text) FROM PUBLIC;

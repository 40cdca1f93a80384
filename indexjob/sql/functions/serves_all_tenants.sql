-- Whether this role is above the tenants: a superuser, the schema's owner, or an operator.
CREATE OR REPLACE FUNCTION indexjob.serves_all_tenants(who name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pg_has_role(who, n.nspowner, 'MEMBER') OR pg_has_role(who, 'indexjob_operator', 'MEMBER')
    FROM pg_namespace n WHERE n.nspname = 'indexjob'
$$;
REVOKE ALL ON FUNCTION indexjob.serves_all_tenants(name) FROM PUBLIC;

-- The tenants that the caller may see and steer: those whose role it is a member of. Membership can't be set by the caller, unlike a setting:
-- `role` holds what SET ROLE was allowed to become, and a login that owns the schema, or operates it, serves all.
CREATE OR REPLACE FUNCTION indexjob.own_tenants() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller name := coalesce(nullif(current_setting('role', true), 'none'), session_user::text)::name;
BEGIN
    IF indexjob.serves_all_tenants(caller) THEN
        RETURN QUERY SELECT t.name FROM indexjob.tenants t;
    ELSE
        RETURN QUERY
            SELECT t.name FROM indexjob.tenants t
            WHERE t.role IN (SELECT r.rolname FROM pg_roles r WHERE pg_has_role(caller, r.oid, 'MEMBER'));
    END IF;
END $$;
REVOKE ALL ON FUNCTION indexjob.own_tenants() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.own_tenants() TO indexjob_reader, indexjob_producer, indexjob_operator;

-- Refuses a tenant that is not the caller's. Who serves all tenants may name a new one, which is then made.
CREATE OR REPLACE FUNCTION indexjob.require_tenant(wanted text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller name := coalesce(nullif(current_setting('role', true), 'none'), session_user::text)::name;
    known indexjob.tenants;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM FROM indexjob.tenants t WHERE t.name = wanted FOR KEY SHARE;  -- SQLSTATE 40001 if it went since the transaction began
    END IF;
    SELECT * INTO known FROM indexjob.tenants t WHERE t.name = wanted;
    IF known.role IS NOT NULL AND known.role IN (SELECT r.rolname FROM pg_roles r WHERE r.rolname = known.role AND pg_has_role(caller, r.oid, 'MEMBER')) THEN
        RETURN;
    END IF;
    IF NOT indexjob.serves_all_tenants(caller) THEN
        RAISE EXCEPTION 'tenant "%" does not exist, or is not yours', wanted
            USING ERRCODE = 'insufficient_privilege', HINT = 'An administrator makes a tenant in indexjob.tenants and grants its role to your login.';
    END IF;
    IF known.name IS NULL THEN
        IF wanted IS NULL OR wanted !~ '^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$' THEN
            RAISE EXCEPTION 'tenant "%" is no valid name', wanted
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Use 1 to 63 lower-case letters, digits, dots, dashes or underscores.';
        END IF;
        INSERT INTO indexjob.tenants (name) VALUES (wanted) ON CONFLICT DO NOTHING;
    END IF;
END $$;
REVOKE ALL ON FUNCTION indexjob.require_tenant(text) FROM PUBLIC;

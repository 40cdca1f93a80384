-- A tenant whose row is gone, or has another name, is nobody's: its jobs would be hidden from all. So it stays while it has any.
CREATE OR REPLACE FUNCTION indexjob.keep_tenant() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.name = OLD.name THEN
        RETURN NEW;
    ELSIF EXISTS (SELECT FROM indexjob.index_jobs j WHERE j.tenant = OLD.name) THEN
        RAISE EXCEPTION 'tenant "%" has index jobs', OLD.name
            USING ERRCODE = 'foreign_key_violation', HINT = 'Cancel them and prune them first. With a cap of 0 nothing more of it is started.';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
REVOKE ALL ON FUNCTION indexjob.keep_tenant() FROM PUBLIC;

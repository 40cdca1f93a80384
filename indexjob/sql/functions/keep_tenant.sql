-- A tenant whose row is gone, or has another name, is nobody's: its jobs would be hidden from all. So it stays while it has any. A foreign key would cost
-- each enqueue a lock of the tenant's row. Instead it is looked at again at COMMIT, when nobody adds a job: who is about to is waited for, briefly,
-- because all others wait meanwhile.
CREATE OR REPLACE FUNCTION indexjob.keep_tenant() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.name = OLD.name THEN
        RETURN NEW;
    ELSIF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION 'a tenant is deleted or renamed in a transaction that is READ COMMITTED'
            USING ERRCODE = 'invalid_transaction_state', HINT = 'An older snapshot doesn''t show the jobs that it has by now.';
    ELSIF TG_WHEN = 'AFTER' THEN
        BEGIN
            LOCK TABLE indexjob.index_jobs IN SHARE ROW EXCLUSIVE MODE;
        EXCEPTION WHEN lock_not_available THEN
            RAISE EXCEPTION 'tenant "%" can''t go now: a transaction is open that may have asked for work of it', OLD.name
                USING ERRCODE = 'lock_not_available', HINT = 'Try again once it has ended; pg_stat_activity shows what is open.';
        END;
        IF EXISTS (SELECT FROM indexjob.tenants t WHERE t.name = OLD.name) THEN
            RETURN NULL;  -- it is there again
        END IF;
    END IF;
    IF EXISTS (SELECT FROM indexjob.index_jobs j WHERE j.tenant = OLD.name) THEN
        RAISE EXCEPTION 'tenant "%" has index jobs', OLD.name
            USING ERRCODE = 'foreign_key_violation', HINT = 'Cancel them and prune them first. With a cap of 0 nothing more of it is started.';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
REVOKE ALL ON FUNCTION indexjob.keep_tenant() FROM PUBLIC;

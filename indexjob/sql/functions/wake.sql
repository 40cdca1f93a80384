-- Tells the leader, at COMMIT, that there is something to do. Only one transaction at a time carries the NOTIFY (its global lock cuts an application's
-- commits to a thirtieth); who doesn't get the lock commits while somebody else's notification is under way, and the leader polls until it is quiet.
CREATE OR REPLACE FUNCTION indexjob.wake() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.line IN ('new', 'blocked', 'ready') AND NEW.line IS NULL OR OLD.line = 'ready' AND NEW.line = 'new') THEN
        PERFORM indexjob.nudge(OLD);
    END IF;
    IF pg_try_advisory_xact_lock(490672912, 1) THEN
        NOTIFY indexjob_wake;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION indexjob.wake() FROM PUBLIC;

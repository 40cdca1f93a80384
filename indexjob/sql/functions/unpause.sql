-- Lets claiming go on, at once. True if this call did it.
CREATE OR REPLACE FUNCTION indexjob.unpause() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE indexjob.settings SET claiming_paused = false WHERE claiming_paused;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    NOTIFY indexjob_wake;
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION indexjob.unpause() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.unpause() TO indexjob_operator;

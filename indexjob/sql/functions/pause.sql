-- Stops all claiming: what runs goes on, enqueue goes on. True if this call did it.
CREATE OR REPLACE FUNCTION indexjob.pause() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE indexjob.settings SET claiming_paused = true WHERE NOT claiming_paused;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION indexjob.pause() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.pause() TO indexjob_operator;

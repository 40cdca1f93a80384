-- Opens a transaction of the leader in which jobs are put in line and taken from it: one at a time, and none of a leader that was deposed (SQLSTATE IJ001).
-- It waits for no producer's open transaction, nor for what the leader records meanwhile (lead_beside).
CREATE OR REPLACE FUNCTION indexjob.lead(held bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM indexjob.lease l WHERE l.epoch = held FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'epoch % is over: another operator leads', held USING ERRCODE = 'IJ001';
    END IF;
    PERFORM set_config('lock_timeout', '200ms', true);
END $$;
REVOKE ALL ON FUNCTION indexjob.lead(bigint) FROM PUBLIC;

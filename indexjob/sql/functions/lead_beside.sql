-- Opens a transaction of the leader that runs beside its others: it ends something, or notes something down, and puts nothing in line. A leader that was
-- deposed gets none (SQLSTATE IJ001), and taking over waits for those that are open: it changes the lease's key, which FOR KEY SHARE forbids. What another
-- transaction holds for longer than a moment makes this call fail (55P03), and the leader comes back to it.
CREATE OR REPLACE FUNCTION indexjob.lead_beside(held bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM indexjob.lease l WHERE l.epoch = held FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'epoch % is over: another operator leads', held USING ERRCODE = 'IJ001';
    END IF;
    PERFORM set_config('lock_timeout', '200ms', true);
END $$;
REVOKE ALL ON FUNCTION indexjob.lead_beside(bigint) FROM PUBLIC;

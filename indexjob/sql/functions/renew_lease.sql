-- Stays the leader: false if somebody else took over meanwhile. A time of 0 gives the lease back.
CREATE OR REPLACE FUNCTION indexjob.renew_lease(held bigint, for_time interval) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE indexjob.lease l SET expires_at = clock_timestamp() + for_time WHERE l.epoch = held;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION indexjob.renew_lease(bigint, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.renew_lease(bigint, interval) TO indexjob_operator;

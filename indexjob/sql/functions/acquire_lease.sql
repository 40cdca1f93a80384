-- Becomes the leader if nobody is: the new epoch, or NULL. Every write of the operator carries it.
CREATE OR REPLACE FUNCTION indexjob.acquire_lease(who text, for_time interval) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE indexjob.lease l SET epoch = l.epoch + 1, holder = who, expires_at = clock_timestamp() + for_time, at_once = NULL
    WHERE l.expires_at < clock_timestamp()
    RETURNING l.epoch
$$;
REVOKE ALL ON FUNCTION indexjob.acquire_lease(text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.acquire_lease(text, interval) TO indexjob_operator;

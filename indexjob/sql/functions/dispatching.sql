-- What everybody who may ask or look may know of the queue's service: whether an operator leads, and whether claiming is paused.
CREATE OR REPLACE FUNCTION indexjob.dispatching(OUT led boolean, OUT paused boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM indexjob.lease l WHERE l.expires_at > clock_timestamp()), s.claiming_paused FROM indexjob.settings s
$$;
REVOKE ALL ON FUNCTION indexjob.dispatching() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.dispatching() TO indexjob_reader, indexjob_producer, indexjob_operator;

-- What proves to Postgres that a worker speaks for this launch. Made, not stored: it can be made again after a crash, and no row holds it.
CREATE OR REPLACE FUNCTION indexjob.launch_token(job_id uuid, launch integer) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT encode(sha256(i.launch_key || uuid_send(job_id) || int4send(launch)), 'hex') FROM indexjob.instance i $$;
REVOKE ALL ON FUNCTION indexjob.launch_token(uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.launch_token(uuid, integer) TO indexjob_operator;

-- Commits with something in the write-ahead log, as durably as the server is told to: whatever was committed before is then as durable, and claims are.
CREATE OR REPLACE FUNCTION indexjob.confirm_claims() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pg_logical_emit_message(true, 'indexjob', '')
$$;
REVOKE ALL ON FUNCTION indexjob.confirm_claims() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.confirm_claims() TO indexjob_operator;

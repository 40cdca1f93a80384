-- The languages that this release extracts; a test holds them equal to the worker's.
CREATE OR REPLACE FUNCTION indexjob.languages() RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT ARRAY['go', 'javascript', 'python', 'tsx', 'typescript'] $$;
REVOKE ALL ON FUNCTION indexjob.languages() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.languages() TO indexjob_reader, indexjob_producer, indexjob_operator;

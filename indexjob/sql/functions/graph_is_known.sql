-- Whether a worker need not compute this graph, because it is kept.
CREATE OR REPLACE FUNCTION indexjob.graph_is_known(tenant text, hash bytea) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM indexjob.graph g WHERE g.tenant = $1 AND g.hash = $2) $$;
REVOKE ALL ON FUNCTION indexjob.graph_is_known(text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.graph_is_known(text, bytea) TO indexjob_worker;

-- Lets a statement add only to graphs that are open, which they are until the transaction that made them publishes them (SQLSTATE IJ024).
CREATE OR REPLACE FUNCTION indexjob.require_open_graph() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stranger bigint;
BEGIN
    SELECT a.graph_id INTO stranger FROM (SELECT DISTINCT n.graph_id FROM added n) AS a
    WHERE (SELECT p.dependencies IS NULL FROM indexjob.graph p WHERE p.id = a.graph_id) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'graph % was not opened by this transaction, so nothing can be added to its rows of %', stranger, TG_TABLE_NAME
            USING ERRCODE = 'IJ024';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION indexjob.require_open_graph() FROM PUBLIC;

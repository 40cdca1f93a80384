-- Deletes graphs that no snapshot holds, as many as have some `max_rows` dependencies together.
CREATE OR REPLACE FUNCTION indexjob.collect_graphs(max_rows integer) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one bigint;
    gone bigint;
    rows_left bigint := max_rows;
    deleted integer := 0;
BEGIN
    WHILE rows_left > 0 LOOP
        SELECT g.id INTO one FROM indexjob.graph g WHERE NOT EXISTS (SELECT FROM indexjob.snapshot s WHERE s.graph_id = g.id)
        ORDER BY g.id LIMIT 1 FOR UPDATE SKIP LOCKED;
        EXIT WHEN NOT FOUND;
        -- Only now that it is locked can it be seen whether somebody has just published it.
        EXIT WHEN EXISTS (SELECT FROM indexjob.snapshot s WHERE s.graph_id = one);
        DELETE FROM indexjob.dependency d WHERE d.graph_id = one;
        GET DIAGNOSTICS gone = ROW_COUNT;
        DELETE FROM indexjob.cycle c WHERE c.graph_id = one;
        DELETE FROM indexjob.graph g WHERE g.id = one;
        rows_left := rows_left - gone - 1;
        deleted := deleted + 1;
    END LOOP;
    RETURN deleted;
END $$;
REVOKE ALL ON FUNCTION indexjob.collect_graphs(integer) FROM PUBLIC;

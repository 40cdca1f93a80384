-- A job that was next of its repository left the line: its successor is shown to the leader, who alone promotes.
CREATE OR REPLACE FUNCTION indexjob.nudge(gone indexjob.index_jobs) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF gone.line = 'ready' THEN
        UPDATE indexjob.index_jobs j SET line = 'new'
        WHERE j.line = 'blocked' AND j.id = (
            SELECT n.id FROM indexjob.index_jobs n
            WHERE n.tenant = gone.tenant AND n.repository = gone.repository AND n.line IN ('blocked', 'ready') AND n.id <> gone.id
            ORDER BY n.priority DESC, n.seq LIMIT 1);
    END IF;
END $$;
REVOKE ALL ON FUNCTION indexjob.nudge(indexjob.index_jobs) FROM PUBLIC;

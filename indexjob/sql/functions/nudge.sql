-- A job left its line, or the head of it: one that stands behind it is shown to the leader, who alone promotes. Called at COMMIT, by the trigger, so that what the leader
-- put in line while the transaction was open is seen. Any row of the line will do, so one that another transaction holds is passed over if possible.
CREATE OR REPLACE FUNCTION indexjob.nudge(gone indexjob.index_jobs) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM indexjob.index_jobs r WHERE r.tenant = gone.tenant AND r.repository = gone.repository AND r.line = 'ready')
       OR NOT EXISTS (SELECT FROM indexjob.index_jobs b WHERE b.tenant = gone.tenant AND b.repository = gone.repository AND b.line = 'blocked')
       OR EXISTS (SELECT FROM indexjob.slots s WHERE s.tenant = gone.tenant AND s.repository = gone.repository) THEN
        RETURN;
    END IF;
    WITH next AS MATERIALIZED (
        SELECT n.id FROM indexjob.index_jobs n WHERE n.tenant = gone.tenant AND n.repository = gone.repository AND n.line = 'blocked'
        ORDER BY n.priority DESC, n.seq LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE indexjob.index_jobs j SET line = 'new' FROM next WHERE j.id = next.id;
END $$;
REVOKE ALL ON FUNCTION indexjob.nudge(indexjob.index_jobs) FROM PUBLIC;

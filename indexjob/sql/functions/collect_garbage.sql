-- Forgets what no revision needs any more, some of it at each call: what it deleted. Nothing that a run may count on is touched: what is out of use
-- is first marked, and deleted only when it was marked before the oldest run began that is still on its way (and `grace` before that, for marks
-- that were not committed yet when a run looked: it has to be longer than such a call takes). Runs renew the mark of unused content that they mean to use.
--
-- `keep_snapshots` are kept of each revision, selection and limits; what a revision shows now always is.
CREATE OR REPLACE FUNCTION indexjob.collect_garbage(
    keep_snapshots integer, grace interval DEFAULT '1 hour', max_rows integer DEFAULT 10000,
    OUT snapshots integer, OUT manifests integer, OUT graphs integer, OUT contents integer
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    horizon timestamptz := least(
        clock_timestamp(),
        (SELECT min(s.taken_at) FROM indexjob.slots s),
        (SELECT min(j.launched_at) FROM indexjob.index_jobs j WHERE j.state IN ('launching', 'running'))
    ) - grace;
BEGIN
    IF keep_snapshots IS NULL OR keep_snapshots < 1 THEN
        RAISE EXCEPTION 'keep_snapshots must be at least 1' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM indexjob.set_aside_snapshots(keep_snapshots);
    snapshots := indexjob.collect_snapshots(horizon, max_rows);
    manifests := indexjob.collect_manifests(max_rows);
    graphs := indexjob.collect_graphs(max_rows);
    contents := indexjob.collect_contents(horizon, least(max_rows, 1000));
END $$;
REVOKE ALL ON FUNCTION indexjob.collect_garbage(integer, interval, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.collect_garbage(integer, interval, integer) TO indexjob_operator;

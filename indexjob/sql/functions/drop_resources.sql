-- These IndexJobs are gone, by uid: what they asked for and is not finished is cancelled. How many rows that were; one that another
-- transaction holds is left for another time.
CREATE OR REPLACE FUNCTION indexjob.drop_resources(held bigint, uids text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job indexjob.index_jobs;
    dropped integer := 0;
BEGIN
    PERFORM indexjob.lead(held);
    FOR job IN SELECT j.* FROM unnest(uids) AS u (uid) JOIN indexjob.index_jobs j
        ON j.idempotency_key LIKE 'indexjob:%' AND split_part(j.idempotency_key, ':', 2) = u.uid
        FOR NO KEY UPDATE OF j SKIP LOCKED LOOP
        PERFORM indexjob.let_go(job, 'Its IndexJob was deleted.');
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION indexjob.drop_resources(bigint, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.drop_resources(bigint, text[]) TO indexjob_operator;

-- Makes the queue what an IndexJob resource says, in one transaction of the leader: the run that `token` names (empty: the first) is enqueued as everybody's
-- are, runs that earlier tokens named are over, and what may change is as it is now: {"suspend", "priority", "ttl_seconds_after_finished"} besides what
-- enqueue takes. Called again with the same, it changes nothing. Gives back the run's id.
CREATE OR REPLACE FUNCTION indexjob.apply_resource(held bigint, uid text, token text, request jsonb) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    its_key text := format('indexjob:%s:%s', uid, token);
    earlier indexjob.index_jobs;
    job indexjob.index_jobs;
BEGIN
    PERFORM indexjob.lead(held);
    IF uid !~ '^[0-9A-Za-z-]{1,64}$' THEN
        RAISE EXCEPTION 'a resource''s uid is letters, digits and dashes' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR earlier IN SELECT * FROM indexjob.index_jobs j
        WHERE j.idempotency_key LIKE 'indexjob:%' AND split_part(j.idempotency_key, ':', 2) = uid AND j.idempotency_key <> its_key LOOP
        PERFORM indexjob.let_go(earlier, 'Its IndexJob asked for another run.');
    END LOOP;
    SELECT * INTO job FROM indexjob.index_jobs j WHERE j.idempotency_key LIKE 'indexjob:%' AND split_part(j.idempotency_key, ':', 2) = uid;
    IF NOT FOUND THEN
        job.id := indexjob.enqueue(request ->> 'repository', request ->> 'revision', (request ->> 'priority')::integer, now(), its_key, NULL,
                                   (request ->> 'backoff_limit')::integer, request ->> 'profile', request ->> 'tenant', request -> 'options');
    END IF;
    PERFORM indexjob.revise(job.id, jsonb_build_object('priority', request -> 'priority', 'ttl_seconds_after_finished', request -> 'ttl_seconds_after_finished'));
    SELECT * INTO job FROM indexjob.index_jobs j WHERE j.id = job.id;
    IF (request ->> 'suspend')::boolean AND job.state IN ('queued', 'launching', 'running') THEN
        PERFORM indexjob.suspend(job.id);
    ELSIF NOT (request ->> 'suspend')::boolean AND job.state = 'suspended' THEN
        PERFORM indexjob.resume(job.id);
    END IF;
    RETURN job.id;
END $$;
REVOKE ALL ON FUNCTION indexjob.apply_resource(bigint, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.apply_resource(bigint, text, text, jsonb) TO indexjob_operator;

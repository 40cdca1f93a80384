-- Asks for a repository to be indexed. Call it inside your own transaction: a rollback leaves nothing. It never waits and never loses a request;
-- only with an idempotency key does it return an earlier job, unchanged, whatever that one's state.
CREATE OR REPLACE FUNCTION indexjob.enqueue(
    repository text,
    revision text DEFAULT 'HEAD',
    priority int DEFAULT 0,
    run_after timestamptz DEFAULT now(),
    idempotency_key text DEFAULT NULL,
    batch text DEFAULT NULL,
    backoff_limit int DEFAULT 3,
    profile text DEFAULT 'default',
    tenant text DEFAULT 'default',
    options jsonb DEFAULT '{}'
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    key text := indexjob.normalize_repository(repository);
    job uuid;
BEGIN
    PERFORM indexjob.require_tenant(tenant);
    PERFORM indexjob.check_request(key, revision, backoff_limit, profile, options);
    IF length(idempotency_key) NOT BETWEEN 1 AND 500 OR length(batch) NOT BETWEEN 1 AND 500 THEN
        RAISE EXCEPTION 'idempotency_key and batch are texts of 1 to 500 characters' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    LOOP
        INSERT INTO indexjob.index_jobs (tenant, repository, clone_url, revision, priority, run_after, idempotency_key, batch, backoff_limit, profile, options)
        VALUES (enqueue.tenant, key, btrim(enqueue.repository, E' \t\r\n'), enqueue.revision, coalesce(enqueue.priority, 0), coalesce(enqueue.run_after, now()),
                enqueue.idempotency_key, enqueue.batch, enqueue.backoff_limit, enqueue.profile, enqueue.options)
        ON CONFLICT (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
        RETURNING id INTO job;
        EXIT WHEN job IS NOT NULL;
        SELECT j.id INTO job FROM indexjob.index_jobs j WHERE j.tenant = enqueue.tenant AND j.idempotency_key = enqueue.idempotency_key;
        EXIT WHEN job IS NOT NULL;  -- else it was pruned in between
    END LOOP;
    PERFORM set_config('indexjob.woken', 'on', true);
    RETURN job;
END $$;
REVOKE ALL ON FUNCTION indexjob.enqueue(text, text, int, timestamptz, text, text, int, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.enqueue(text, text, int, timestamptz, text, text, int, text, text, jsonb) TO indexjob_producer, indexjob_operator;

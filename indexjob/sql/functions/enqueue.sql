-- Asks for a repository to be indexed. Call it inside your own transaction: a rollback leaves nothing. It never waits and never loses a request;
-- only with an idempotency key does it return an earlier job, unchanged, whatever that one's state.
--
-- What nearly every call looks like is let through by three questions that cost a few microseconds; whatever they are not certain of is for the functions
-- that know the whole rule. So a question here may be stricter than the rule behind it, and never laxer.
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
    caller name := coalesce(nullif(current_setting('role', true), 'none'), session_user::text)::name;
    asked text := repository;
    key text := repository;
    wanted jsonb := options;
    ttl integer;
    job uuid;
BEGIN
    -- An https URL that is normal already.
    IF (repository ~ '^https://[a-z0-9][a-z0-9.-]*[a-z0-9](/[A-Za-z0-9_][A-Za-z0-9_.~+-]*)+$' AND repository !~~ '%.git' AND length(repository) <= 2000) IS NOT TRUE THEN
        asked := btrim(repository, E' \t\r\n');
        key := indexjob.normalize_repository(repository);
    END IF;
    -- A remote repository at a plain name, and nothing else that could be wrong.
    IF (key ~~ 'https:%' AND length(revision) <= 255 AND revision ~ '^[A-Za-z0-9_]+([/.-][A-Za-z0-9_]+)*$' AND revision !~~ '%.lock'
        AND backoff_limit BETWEEN 0 AND 100 AND profile = 'default' AND options = '{}') IS NOT TRUE THEN
        PERFORM indexjob.check_request(key, revision, backoff_limit, profile, options);
        -- How long a Job is kept makes no request another one: kept apart from the options, by which equal requests are known.
        ttl := (options ->> 'ttl_seconds_after_finished')::numeric::integer;
        wanted := options - 'ttl_seconds_after_finished';
    END IF;
    IF idempotency_key LIKE 'indexjob:%' AND NOT indexjob.serves_all_tenants(caller) THEN
        RAISE EXCEPTION 'keys that begin with "indexjob:" are those of IndexJob resources' USING ERRCODE = 'invalid_parameter_value', HINT = 'Choose another key.';
    ELSIF length(idempotency_key) NOT BETWEEN 1 AND 500 OR length(batch) NOT BETWEEN 1 AND 500 THEN
        RAISE EXCEPTION 'idempotency_key and batch are texts of 1 to 500 characters' USING ERRCODE = 'invalid_parameter_value';
    ELSIF run_after NOT BETWEEN '1970-01-01Z' AND '9999-01-01Z' THEN
        RAISE EXCEPTION 'run_after must lie between the years 1970 and 9999' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- A tenant that exists and whose role the caller has, or a caller who may do whatever this function's owner may; and no key that may be taken.
    IF idempotency_key IS NULL THEN
        INSERT INTO indexjob.index_jobs (tenant, repository, clone_url, revision, priority, run_after, batch, backoff_limit, profile, options, ttl_seconds_after_finished)
        SELECT t.name, key, asked, enqueue.revision, coalesce(enqueue.priority, 0), coalesce(enqueue.run_after, now()),
               enqueue.batch, enqueue.backoff_limit, enqueue.profile, wanted, ttl
        FROM indexjob.tenants t
        WHERE t.name = enqueue.tenant
          AND (pg_has_role(caller, current_user, 'MEMBER') OR pg_has_role(caller, to_regrole(quote_ident(t.role)), 'MEMBER'))
        RETURNING id INTO job;
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM indexjob.require_tenant(tenant);  -- its snapshot may show one that is gone
    END IF;
    WHILE job IS NULL LOOP
        PERFORM indexjob.require_tenant(tenant);
        INSERT INTO indexjob.index_jobs (tenant, repository, clone_url, revision, priority, run_after, idempotency_key, batch, backoff_limit, profile, options,
                                         ttl_seconds_after_finished)
        SELECT t.name, key, asked, enqueue.revision, coalesce(enqueue.priority, 0), coalesce(enqueue.run_after, now()),
               enqueue.idempotency_key, enqueue.batch, enqueue.backoff_limit, enqueue.profile, wanted, ttl
        FROM indexjob.tenants t WHERE t.name = enqueue.tenant  -- which may go while this waits for who deletes it
        ON CONFLICT (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
        RETURNING id INTO job;
        IF job IS NULL THEN
            SELECT j.id INTO job FROM indexjob.index_jobs j WHERE j.tenant = enqueue.tenant AND j.idempotency_key = enqueue.idempotency_key;
            IF job IS NOT NULL THEN
                RETURN job;  -- without a new row nobody is woken
            END IF;
        END IF;
        -- Still none: that was pruned in between, or the tenant went.
    END LOOP;
    IF current_setting('indexjob.woken', true) IS DISTINCT FROM 'on' THEN
        PERFORM set_config('indexjob.woken', 'on', true);  -- spares this transaction's next rows their wake-up
    END IF;
    RETURN job;
END $$;
REVOKE ALL ON FUNCTION indexjob.enqueue(text, text, int, timestamptz, text, text, int, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.enqueue(text, text, int, timestamptz, text, text, int, text, text, jsonb) TO indexjob_producer, indexjob_operator;

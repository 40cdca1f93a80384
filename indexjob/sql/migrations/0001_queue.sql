-- The queue: one row per index job, and the few small tables that keep it honest.

CREATE TYPE indexjob.job_state AS ENUM (
    'queued',     -- waiting for its turn: enqueue, retry, resume, a launch that was lost
    'launching',  -- queued -> claimed by the leader; its Job is being made
    'running',    -- launching -> a pod of its Job has started
    'suspended',  -- set aside by its producer; resume queues it again
    'completed',  -- a snapshot was published: what its Job does afterwards changes nothing
    'failed',     -- gave up, with a reason; the dead letter, until retried or pruned
    'cancelled',  -- by its producer; nothing that it started can publish any more
    'skipped'     -- nothing to do: the index was there already, or another job took its place
);

-- Where a queued row stands in line. Blocked rows cost the claim nothing: it reads `ready` ones alone.
CREATE TYPE indexjob.line_place AS ENUM (
    'new',        -- not seen by the leader yet
    'scheduled',  -- its run_after is still to come
    'blocked',    -- due, but not the next of its repository
    'ready',      -- the next of its repository, and the repository is free
    'coalesced'   -- equal to a job that was claimed, whose outcome it takes
);

CREATE TABLE indexjob.index_jobs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    tenant text NOT NULL,
    repository text NOT NULL,
    clone_url text NOT NULL,
    revision text NOT NULL,
    priority integer NOT NULL,
    run_after timestamptz NOT NULL,
    idempotency_key text,
    batch text,
    backoff_limit integer NOT NULL,
    profile text NOT NULL,
    options jsonb NOT NULL,
    ttl_seconds_after_finished integer,
    state indexjob.job_state NOT NULL DEFAULT 'queued',
    line indexjob.line_place DEFAULT 'new',
    gave_way_to uuid,
    launch integer NOT NULL DEFAULT 0,
    failures integer NOT NULL DEFAULT 0,
    resets integer NOT NULL DEFAULT 0,
    reason text,
    message text,
    commit text,
    verdict indexjob.job_state,
    progress smallint NOT NULL DEFAULT 0,
    stats jsonb,
    job_name text,
    namespace text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    launched_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
-- What is true of every row, in one function (functions/is_sound.sql): as a dozen CHECKs they were read and planned anew by each INSERT, which cost it half its time.
CREATE FUNCTION indexjob.is_sound(job indexjob.index_jobs) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
ALTER TABLE indexjob.index_jobs ADD CONSTRAINT sound CHECK (indexjob.is_sound(index_jobs));
COMMENT ON TABLE indexjob.index_jobs IS 'One request to index a repository at a revision. The truth: Jobs, pods and resources are views of it.';
COMMENT ON COLUMN indexjob.index_jobs.repository IS 'Normalised, so that one repository is one repository; clone_url is what was asked for.';
COMMENT ON COLUMN indexjob.index_jobs.ttl_seconds_after_finished IS 'How long its Job is kept once its outcome is recorded; NULL is the administrator''s default. No option: it makes no request another one.';
COMMENT ON COLUMN indexjob.index_jobs.launch IS 'Number of the last launch. Never counted back: a Job''s name is used once.';
COMMENT ON COLUMN indexjob.index_jobs.failures IS 'How much of backoff_limit is spent.';
COMMENT ON COLUMN indexjob.index_jobs.resets IS 'Launches lost to infrastructure; counted apart from failures, and capped.';
COMMENT ON COLUMN indexjob.index_jobs.verdict IS 'Written with the snapshot, in the worker''s last transaction: publishing is the verdict.';

CREATE UNIQUE INDEX index_jobs_idempotency ON indexjob.index_jobs (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX index_jobs_batch ON indexjob.index_jobs (tenant, batch) WHERE batch IS NOT NULL;
CREATE INDEX index_jobs_new ON indexjob.index_jobs (tenant, priority DESC, seq) WHERE line = 'new';
CREATE INDEX index_jobs_scheduled ON indexjob.index_jobs (run_after) WHERE line = 'scheduled';
CREATE INDEX index_jobs_in_line ON indexjob.index_jobs (tenant, repository, priority DESC, seq) WHERE line IN ('blocked', 'ready');
CREATE INDEX index_jobs_ready ON indexjob.index_jobs (tenant, priority DESC, seq) WHERE line = 'ready';
CREATE UNIQUE INDEX index_jobs_next ON indexjob.index_jobs (tenant, repository) WHERE line = 'ready';
CREATE INDEX index_jobs_equal ON indexjob.index_jobs (tenant, repository, revision, jsonb_hash_extended(options, 0)) WHERE line IN ('new', 'blocked');
CREATE INDEX index_jobs_coalesced ON indexjob.index_jobs (gave_way_to) WHERE line = 'coalesced';
CREATE INDEX index_jobs_suspended ON indexjob.index_jobs (tenant) WHERE state = 'suspended';
CREATE INDEX index_jobs_resources ON indexjob.index_jobs (split_part(idempotency_key, ':', 2)) WHERE idempotency_key LIKE 'indexjob:%';
CREATE INDEX index_jobs_unfinished_resources ON indexjob.index_jobs (id) WHERE idempotency_key LIKE 'indexjob:%' AND finished_at IS NULL;
CREATE INDEX index_jobs_finished ON indexjob.index_jobs (finished_at) WHERE finished_at IS NOT NULL;

-- One running job per repository and tenant. A slot is kept until the launch that holds it is gone, whatever became of its row.
CREATE TABLE indexjob.slots (
    tenant text NOT NULL,
    repository text NOT NULL,
    job_id uuid NOT NULL,
    launch integer NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    ending jsonb,
    PRIMARY KEY (tenant, repository)
) WITH (fillfactor = 50);
COMMENT ON TABLE indexjob.slots IS 'Found by the tenant and the repository of a job, which never change: an index on job_id would cost each claim and each finish.';
COMMENT ON COLUMN indexjob.slots.ending IS 'Why the launch is being taken down, and what becomes of its job then; NULL while it is not.';

-- What each tenant has had of the queue, so that over time they share it by weight. One unit is a launch of a tenant of weight 1; not in `tenants`, which
-- producers read with each job, and which a long transaction somewhere would let grow with each claim.
CREATE TABLE indexjob.turns (
    tenant text PRIMARY KEY,
    served double precision NOT NULL,
    base double precision NOT NULL
) WITH (fillfactor = 50);
COMMENT ON COLUMN indexjob.turns.base IS 'The least that any tenant in line had been served when this one was last: who comes back later begins there.';

-- What the worker writes while it runs, apart from the queue: no contention and no bloat there.
CREATE TABLE indexjob.progress (
    job_id uuid PRIMARY KEY REFERENCES indexjob.index_jobs ON DELETE CASCADE,
    launch integer NOT NULL,
    step text NOT NULL,
    progress smallint NOT NULL CHECK (progress BETWEEN 0 AND 100),
    heartbeat_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- One pod of a launch.
CREATE TABLE indexjob.index_job_attempts (
    job_id uuid NOT NULL REFERENCES indexjob.index_jobs ON DELETE CASCADE,
    launch integer NOT NULL,
    number integer NOT NULL,
    pod_uid text NOT NULL,
    pod text,
    node text,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    exit_code integer,
    reason text,
    message text,
    peak_memory_bytes bigint,
    steps jsonb,
    log_tail text,
    PRIMARY KEY (job_id, number),
    UNIQUE (job_id, pod_uid)
);

-- Who shares the queue, and how. `role`: members of it see and steer this tenant's jobs.
CREATE TABLE indexjob.tenants (
    name text PRIMARY KEY CHECK (name ~ '^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$'),
    role name,
    cap integer CHECK (cap >= 0),
    weight integer NOT NULL DEFAULT 1 CHECK (weight > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The administrator's switches; one row.
CREATE TABLE indexjob.settings (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    claiming_paused boolean NOT NULL DEFAULT false,
    running_cap integer CHECK (running_cap >= 0),
    heartbeat_timeout interval NOT NULL DEFAULT '5 minutes' CHECK (heartbeat_timeout > '0'),
    reset_limit integer NOT NULL DEFAULT 10 CHECK (reset_limit >= 0),
    local_repositories boolean NOT NULL DEFAULT false
);
INSERT INTO indexjob.settings DEFAULT VALUES;

-- Which database this is. Jobs carry the id, so that a restored or second database never touches another's;
-- launch tokens are made from the key, so that a worker can publish its own launch and no other.
CREATE TABLE indexjob.instance (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    launch_key bytea NOT NULL DEFAULT sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')),
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO indexjob.instance DEFAULT VALUES;

-- One leader. Taking over changes the key, so a write that holds the old epoch (FOR KEY SHARE) is waited for, and a later one finds nothing.
CREATE TABLE indexjob.lease (
    epoch bigint PRIMARY KEY,
    holder text NOT NULL,
    expires_at timestamptz NOT NULL,
    at_once integer
);
COMMENT ON COLUMN indexjob.lease.at_once IS 'How many jobs its holder keeps under way, as its last claim said: so people can be told what a job waits for.';
INSERT INTO indexjob.lease VALUES (0, 'nobody', '-infinity');

-- The four ways in. Roles belong to the server, not to the database: another database may have made them already.
DO $$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['indexjob_reader', 'indexjob_producer', 'indexjob_worker', 'indexjob_operator', 'indexjob_tenant_default'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', r);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA indexjob TO indexjob_reader, indexjob_producer, indexjob_worker, indexjob_operator;
GRANT SELECT ON indexjob.migrations TO indexjob_reader, indexjob_producer, indexjob_worker, indexjob_operator;
GRANT SELECT, INSERT, UPDATE, DELETE ON indexjob.tenants TO indexjob_operator;
GRANT SELECT, UPDATE ON indexjob.settings TO indexjob_operator;
GRANT SELECT ON indexjob.index_jobs, indexjob.slots, indexjob.progress, indexjob.index_job_attempts, indexjob.lease TO indexjob_operator;
GRANT SELECT (id, created_at) ON indexjob.instance TO indexjob_operator;
INSERT INTO indexjob.tenants (name, role) VALUES ('default', 'indexjob_tenant_default');

-- Deferred to COMMIT, so that an open transaction of one producer silences nobody. `indexjob.woken` spares the rows after a transaction's first.
CREATE FUNCTION indexjob.wake() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE CONSTRAINT TRIGGER wake_on_insert AFTER INSERT ON indexjob.index_jobs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (current_setting('indexjob.woken', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION indexjob.wake();
CREATE CONSTRAINT TRIGGER wake_on_steering AFTER UPDATE OF state, line ON indexjob.index_jobs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.line = 'new' OR NEW.state IN ('cancelled', 'suspended'))
    EXECUTE FUNCTION indexjob.wake();

CREATE FUNCTION indexjob.keep_tenant() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER keep_tenant BEFORE DELETE OR UPDATE OF name ON indexjob.tenants FOR EACH ROW EXECUTE FUNCTION indexjob.keep_tenant();
CREATE CONSTRAINT TRIGGER keep_tenant_at_commit AFTER DELETE OR UPDATE OF name ON indexjob.tenants
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION indexjob.keep_tenant();

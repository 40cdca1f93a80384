-- Changes what may change of a request: {"priority", "ttl_seconds_after_finished"}; a key that is missing changes nothing, null is the default. True if this call
-- changed something. A job in line is looked at again, and keeps its age.
CREATE OR REPLACE FUNCTION indexjob.revise(id uuid, changes jsonb) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job indexjob.index_jobs := indexjob.own_job(id);
    key text;
    value jsonb;
    new_priority integer := job.priority;
    new_ttl integer := job.ttl_seconds_after_finished;
BEGIN
    IF changes IS NULL OR jsonb_typeof(changes) <> 'object' THEN
        RAISE EXCEPTION 'changes must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR key, value IN SELECT * FROM jsonb_each(changes) LOOP
        IF key NOT IN ('priority', 'ttl_seconds_after_finished') THEN
            RAISE EXCEPTION 'of a request, "%" can''t be changed', left(key, 100)
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Only priority and ttl_seconds_after_finished can. Cancel it and ask anew.';
        ELSIF value <> 'null' AND (jsonb_typeof(value) <> 'number' OR (value #>> '{}')::numeric % 1 <> 0
            OR (value #>> '{}')::numeric NOT BETWEEN CASE key WHEN 'priority' THEN -2147483648 ELSE 0 END AND 2147483647) THEN
            RAISE EXCEPTION '% must be %', key, CASE key WHEN 'priority' THEN 'a whole number' ELSE 'a whole number of seconds, 0 or more' END
                USING ERRCODE = 'invalid_parameter_value';
        ELSIF key = 'priority' THEN
            new_priority := coalesce((value #>> '{}')::numeric::integer, 0);
        ELSE
            new_ttl := (value #>> '{}')::numeric::integer;
        END IF;
    END LOOP;
    IF (new_priority, new_ttl) IS NOT DISTINCT FROM (job.priority, job.ttl_seconds_after_finished) THEN
        RETURN false;
    ELSIF job.finished_at IS NOT NULL THEN
        RAISE NOTICE 'index job % is % already', job.id, job.state;
        RETURN false;
    END IF;
    UPDATE indexjob.index_jobs j
    SET priority = new_priority, ttl_seconds_after_finished = new_ttl, updated_at = now(),
        line = CASE WHEN new_priority <> j.priority AND j.line IN ('blocked', 'ready') THEN 'new' ELSE j.line END
    WHERE j.id = job.id;
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION indexjob.revise(uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION indexjob.revise(uuid, jsonb) TO indexjob_producer, indexjob_operator;

-- What of a commit a request wants indexed, as a hash. The order of patterns counts, that of languages doesn't; left out is the same as empty.
CREATE OR REPLACE FUNCTION indexjob.selection(options jsonb) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        coalesce(nullif(options -> 'include', 'null'), '[]'),
        coalesce(nullif(options -> 'exclude', 'null'), '[]'),
        (SELECT coalesce(jsonb_agg(DISTINCT l ORDER BY l), '[]') FROM jsonb_array_elements_text(nullif(options -> 'languages', 'null')) l)
    )::text, 'UTF8'))
$$;
REVOKE ALL ON FUNCTION indexjob.selection(jsonb) FROM PUBLIC;

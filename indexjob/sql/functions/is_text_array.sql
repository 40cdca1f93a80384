-- Whether this is a JSON array of 0 to 100 strings of 1 to 500 characters.
CREATE OR REPLACE FUNCTION indexjob.is_text_array(value jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN jsonb_typeof(value) = 'array' AND jsonb_array_length(value) <= 100
        AND NOT EXISTS (SELECT FROM jsonb_array_elements(value) e WHERE jsonb_typeof(e) <> 'string' OR length(e #>> '{}') NOT BETWEEN 1 AND 500);
END $$;
REVOKE ALL ON FUNCTION indexjob.is_text_array(jsonb) FROM PUBLIC;

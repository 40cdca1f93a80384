-- Lets a statement add what was extracted only to contents that this very transaction has made (SQLSTATE IJ024): see add_contents.
CREATE OR REPLACE FUNCTION indexjob.require_own_content() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    least_id bigint;
    greatest_id bigint;
    stranger bigint;
BEGIN
    -- Ids that were made at once are mostly without gaps: then two of them tell of all rows, and no id need be looked at by itself.
    SELECT min(n.content_id), max(n.content_id) INTO least_id, greatest_id FROM added n;
    IF greatest_id - least_id + 1
        = (SELECT count(*) FROM indexjob.content c WHERE c.id BETWEEN least_id AND greatest_id AND c.made_by = pg_current_xact_id()) THEN
        RETURN NULL;
    END IF;
    -- A subquery a content, not a join: it is one index lookup however much content there is, also when this plan was made before there was any.
    SELECT a.content_id INTO stranger FROM (SELECT DISTINCT n.content_id FROM added n) AS a
    WHERE (SELECT c.made_by FROM indexjob.content c WHERE c.id = a.content_id) IS DISTINCT FROM pg_current_xact_id() LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'content % was not made by this transaction, so nothing can be added to its rows of %', stranger, TG_TABLE_NAME USING ERRCODE = 'IJ024';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION indexjob.require_own_content() FROM PUBLIC;

-- Refuses the commit of a manifest or a graph that was opened and not published (SQLSTATE IJ024): others would take it for whole.
CREATE OR REPLACE FUNCTION indexjob.require_seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_TABLE_NAME = 'manifest' THEN
        PERFORM FROM indexjob.manifest m WHERE m.id = NEW.id AND m.files IS NULL;
    ELSE
        PERFORM FROM indexjob.graph g WHERE g.id = NEW.id AND g.dependencies IS NULL;
    END IF;
    IF FOUND THEN
        RAISE EXCEPTION '% % was opened and not published in one transaction', TG_TABLE_NAME, NEW.id USING ERRCODE = 'IJ024';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION indexjob.require_seal() FROM PUBLIC;

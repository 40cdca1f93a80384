-- Every use of a name with the definition that it means, where that can be known: of the same file, by the scopes around it (`likely`: a local variable is
-- not known of, nor is a subclass); or in the file that its import leads to, as the imported name, its member, or a member of the imported module
-- (`certain` if there is one such definition, `likely` if there are several: the first is shown). What other files say is looked up as it is asked for,
-- so that what was extracted from a file holds in every commit; it costs an index lookup a row.
CREATE OR REPLACE VIEW indexjob.resolved_references WITH (security_barrier) AS
SELECT n.repository, n.revision, n.commit, f.path, x.name, x.kind::text AS kind, x.line, x.col, e.name AS enclosing, n.tenant,
    CASE WHEN o.ord IS NOT NULL THEN f.path ELSE i.path END AS definition_path,
    coalesce(o.line, i.line) AS definition_line,
    CASE WHEN o.ord IS NOT NULL THEN 'likely' WHEN i.found = 1 THEN 'certain' WHEN i.found > 1 THEN 'likely' END AS confidence
FROM indexjob.current_snapshots n
JOIN indexjob.manifest_file f ON f.manifest_id = n.manifest_id
JOIN indexjob.reference x ON x.content_id = f.content_id
LEFT JOIN indexjob.symbol e ON e.content_id = x.content_id AND e.ord = x.enclosing_ord
LEFT JOIN indexjob.symbol o ON o.content_id = x.content_id AND o.ord = x.definition_ord
LEFT JOIN LATERAL (
    SELECT t.path, s.line, count(*) OVER () AS found
    FROM indexjob.import m
    JOIN indexjob.dependency d ON d.graph_id = n.graph_id AND d.path = f.path AND d.spec = m.spec
    JOIN indexjob.manifest_file t ON t.manifest_id = n.manifest_id AND t.path = d.target_path
    JOIN indexjob.symbol s ON s.content_id = t.content_id AND s.name IN (x.name, m.name)
    LEFT JOIN indexjob.symbol p ON p.content_id = s.content_id AND p.ord = s.parent_ord
    WHERE m.content_id = x.content_id AND m.ord = x.import_ord AND CASE
        WHEN m.name IS NULL THEN s.name = x.name AND s.parent_ord IS NULL                            -- of the module
        WHEN x.name IN (m.name, m.alias) THEN s.name = m.name AND s.parent_ord IS NULL                -- the imported name
        ELSE s.name = x.name AND (p.name = m.name AND p.parent_ord IS NULL                            -- its member
            OR s.parent_ord IS NULL AND t.path ~ ('(^|/)' || m.name || '(/__init__)?\.\w+$'))         -- of an imported submodule
    END
    ORDER BY t.path, s.line
    LIMIT 1
) i ON x.definition_ord IS NULL AND x.import_ord IS NOT NULL;
GRANT SELECT ON indexjob.resolved_references TO indexjob_reader, indexjob_producer, indexjob_operator;

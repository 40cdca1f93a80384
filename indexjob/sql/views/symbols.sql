-- Everything that the files of a revision define. Lines count from 1; `parent` is the name of the definition around it.
CREATE OR REPLACE VIEW indexjob.symbols WITH (security_barrier) AS
SELECT n.repository, n.revision, n.commit, f.path, s.name, s.kind::text AS kind, s.line, s.end_line, s.signature, s.doc,
    p.name AS parent, s.exported, n.tenant
FROM indexjob.current_snapshots n
JOIN indexjob.manifest_file f ON f.manifest_id = n.manifest_id
JOIN indexjob.symbol s ON s.content_id = f.content_id
LEFT JOIN indexjob.symbol p ON p.content_id = s.content_id AND p.ord = s.parent_ord;
GRANT SELECT ON indexjob.symbols TO indexjob_reader, indexjob_producer, indexjob_operator;

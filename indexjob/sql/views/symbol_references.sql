-- Every use of a name in the files of a revision. `col` counts from 0 in bytes; `enclosing` is the name of the definition around it.
CREATE OR REPLACE VIEW indexjob.symbol_references WITH (security_barrier) AS
SELECT n.repository, n.revision, n.commit, f.path, x.name, x.kind::text AS kind, x.line, x.col, e.name AS enclosing, n.tenant
FROM indexjob.current_snapshots n
JOIN indexjob.manifest_file f ON f.manifest_id = n.manifest_id
JOIN indexjob.reference x ON x.content_id = f.content_id
LEFT JOIN indexjob.symbol e ON e.content_id = x.content_id AND e.ord = x.enclosing_ord;
GRANT SELECT ON indexjob.symbol_references TO indexjob_reader, indexjob_producer, indexjob_operator;

-- Which file of a revision needs which. `target_path` is NULL where the import leaves the repository, or names a file that is not there.
CREATE OR REPLACE VIEW indexjob.dependencies WITH (security_barrier) AS
SELECT n.repository, n.revision, n.commit, d.path, d.target_path, d.spec, d.kind::text AS kind, n.tenant
FROM indexjob.current_snapshots n
JOIN indexjob.dependency d ON d.graph_id = n.graph_id;
GRANT SELECT ON indexjob.dependencies TO indexjob_reader, indexjob_producer, indexjob_operator;

-- Groups of files that all need each other: `size` files, and in `paths` one shortest circle among them.
CREATE OR REPLACE VIEW indexjob.cycles WITH (security_barrier) AS
SELECT n.repository, n.revision, n.commit, c.ord AS cycle, c.size, c.paths, n.tenant
FROM indexjob.current_snapshots n
JOIN indexjob.cycle c ON c.graph_id = n.graph_id;
GRANT SELECT ON indexjob.cycles TO indexjob_reader, indexjob_producer, indexjob_operator;

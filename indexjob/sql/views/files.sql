-- Every file of every commit that a revision shows, also those that were left out: `status` says why.
CREATE OR REPLACE VIEW indexjob.files WITH (security_barrier) AS
SELECT n.repository, n.revision, n.commit, f.path, c.language, f.status::text AS status, f.size, c.lines,
    f.flags & 1 <> 0 AS generated, f.flags & 2 <> 0 AS vendored, f.flags & 4 <> 0 AS minified,
    coalesce(f.path_raw, convert_to(f.path, 'UTF8')) AS path_raw, n.tenant
FROM indexjob.current_snapshots n
JOIN indexjob.manifest_file f ON f.manifest_id = n.manifest_id
LEFT JOIN indexjob.content c ON c.id = f.content_id;
GRANT SELECT ON indexjob.files TO indexjob_reader, indexjob_producer, indexjob_operator;

-- What each revision shows now, of the caller's own tenants. The other views of the index stand on it; nobody reads it directly.
CREATE OR REPLACE VIEW indexjob.current_snapshots AS
SELECT r.tenant, r.url AS repository, p.revision, s.commit, s.manifest_id, s.graph_id
FROM indexjob.publication p
JOIN indexjob.snapshot s ON s.id = p.snapshot_id
JOIN indexjob.repository r ON r.id = p.repository_id
WHERE p.current AND r.tenant = ANY (ARRAY(SELECT indexjob.own_tenants()));

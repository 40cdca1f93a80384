-- The index. What one file's bytes tell is kept once per tenant (content); how files make up a commit is kept by hash (manifest, graph);
-- a snapshot ties them together, and a publication says which snapshot a revision shows.
--
-- Rows are narrow and keys are integers, because references come in millions. Text has collation "C": names compare by bytes, and an upgrade of
-- the server's locales breaks no index. The bulk tables have no foreign keys (checked row by row they cost more than the COPY itself): a trigger
-- looks at what each COPY added as a whole, `publish` at a manifest's content, and only `collect_garbage` deletes.
--
-- Workers COPY into the bulk tables, and no further than into what their own transaction has made: see the triggers at the end. These tables have no
-- unique index either. It speaks before a trigger does, so its error would tell a worker's login which rows of other tenants there are. (Where no key comes
-- twice all the same, nothing is looked for to be deduplicated.)

CREATE TYPE indexjob.symbol_kind AS ENUM (
    'namespace', 'class', 'struct', 'interface', 'enum', 'type', 'function', 'method', 'constructor', 'property', 'field', 'enum_member',
    'constant', 'variable'
);
CREATE TYPE indexjob.reference_kind AS ENUM ('call', 'property', 'type', 'import', 'reexport');
CREATE TYPE indexjob.import_kind AS ENUM ('import', 'from', 'type', 'reexport', 'require', 'dynamic');
CREATE TYPE indexjob.file_status AS ENUM (
    'ok',            -- extracted
    'syntax_error',  -- extracted, but parts of it are not in the language's grammar
    'too_complex',   -- looked at and left out: it is no source text that a person wrote
    'unsupported',   -- no language of ours
    'binary',        -- NUL in its first 8 KB
    'too_large',     -- over the size cap, not read
    'lfs_pointer',   -- its content is elsewhere
    'symlink',
    'submodule',
    'excluded',      -- the request's include, exclude or languages left it out
    'unreadable',    -- git could not give its bytes
    'timeout',       -- the child that read it was over its deadline
    'crash'          -- the child that read it died
);
CREATE TYPE indexjob.dependency_kind AS ENUM ('internal', 'external', 'unresolved');

CREATE TABLE indexjob.repository (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    tenant text COLLATE "C" NOT NULL,
    url text COLLATE "C" NOT NULL,
    UNIQUE (tenant, url)
);
COMMENT ON COLUMN indexjob.repository.url IS 'Normalised, as in index_jobs.repository.';

-- What was extracted from one blob. The tenant is part of the key: content shared between tenants would tell each what the other has.
CREATE TABLE indexjob.content (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    unused_since timestamptz DEFAULT clock_timestamp(),
    made_by xid8 DEFAULT pg_current_xact_id(),
    size bigint NOT NULL,
    extractor_version integer NOT NULL,
    lines integer NOT NULL,
    symbols integer NOT NULL,
    symbol_references integer NOT NULL,
    status indexjob.file_status NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    language text COLLATE "C" NOT NULL,
    blob_sha bytea NOT NULL,
    imports_digest bytea NOT NULL,
    UNIQUE (blob_sha, tenant, language, extractor_version)
);
CREATE INDEX content_unused ON indexjob.content (unused_since) WHERE unused_since IS NOT NULL;
COMMENT ON COLUMN indexjob.content.unused_since IS 'No snapshot has held it since then; NULL while one does. New content is unused until it is published.';
COMMENT ON COLUMN indexjob.content.made_by IS 'The transaction that made it: it alone may add what was extracted. NULL once it was published.';
COMMENT ON COLUMN indexjob.content.imports_digest IS 'Same digest, same imports whatever their lines: what a dependency graph is made of.';

CREATE TABLE indexjob.symbol (
    content_id bigint NOT NULL,
    ord integer NOT NULL,
    parent_ord integer,
    line integer NOT NULL,
    col integer NOT NULL,
    end_line integer NOT NULL,
    kind indexjob.symbol_kind NOT NULL,
    exported boolean NOT NULL,
    name text COLLATE "C" NOT NULL,
    signature text COLLATE "C" NOT NULL,
    doc text COLLATE "C" NOT NULL
);
CREATE INDEX symbol_content ON indexjob.symbol (content_id, ord) WITH (deduplicate_items = off);
CREATE INDEX symbol_name ON indexjob.symbol (name);
CREATE INDEX symbol_name_any_case ON indexjob.symbol (lower(name));

CREATE TABLE indexjob.reference (
    content_id bigint NOT NULL,
    line integer NOT NULL,
    col integer NOT NULL,
    enclosing_ord integer,
    import_ord integer,
    definition_ord integer,
    kind indexjob.reference_kind NOT NULL,
    name text COLLATE "C" NOT NULL
);
CREATE INDEX reference_content ON indexjob.reference (content_id);
CREATE INDEX reference_name ON indexjob.reference (name);
COMMENT ON COLUMN indexjob.reference.definition_ord IS 'The definition of the same file that it most likely means.';
COMMENT ON COLUMN indexjob.reference.col IS 'From 0, in bytes of the file.';

CREATE TABLE indexjob.import (
    content_id bigint NOT NULL,
    ord integer NOT NULL,
    line integer NOT NULL,
    kind indexjob.import_kind NOT NULL,
    spec text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    alias text COLLATE "C"
);
CREATE INDEX import_content ON indexjob.import (content_id, ord) WITH (deduplicate_items = off);

-- Which file has which content in a commit. The counts are NULL until `publish` has checked its files, which is in the transaction that made it.
CREATE TABLE indexjob.manifest (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    tenant text COLLATE "C" NOT NULL,
    hash bytea NOT NULL,
    files integer,
    files_failed integer,
    symbols bigint,
    symbol_references bigint,
    UNIQUE (tenant, hash)
);
CREATE TABLE indexjob.manifest_file (
    manifest_id bigint NOT NULL,
    content_id bigint,
    size bigint,
    status indexjob.file_status NOT NULL,
    flags smallint NOT NULL,
    path text COLLATE "C" NOT NULL CHECK (octet_length(path) <= 1000),
    path_raw bytea
);
CREATE INDEX manifest_file_path ON indexjob.manifest_file (manifest_id, path) WITH (deduplicate_items = off);
CREATE INDEX manifest_file_content ON indexjob.manifest_file (content_id) WHERE content_id IS NOT NULL;
COMMENT ON COLUMN indexjob.manifest_file.path_raw IS 'The bytes in git, where `path` is not just those.';
COMMENT ON COLUMN indexjob.manifest_file.flags IS 'Bits: 1 generated, 2 vendored, 4 minified.';

-- Which file needs which, and the circles in that: the same for most commits in a row. The counts are NULL until `publish`, as a manifest's.
CREATE TABLE indexjob.graph (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    tenant text COLLATE "C" NOT NULL,
    hash bytea NOT NULL,
    dependencies integer,
    cycles integer,
    UNIQUE (tenant, hash)
);
CREATE TABLE indexjob.dependency (
    graph_id bigint NOT NULL,
    kind indexjob.dependency_kind NOT NULL,
    path text COLLATE "C" NOT NULL,
    target_path text COLLATE "C",
    spec text COLLATE "C" NOT NULL,
    CHECK ((kind = 'internal') = (target_path IS NOT NULL))
);
CREATE INDEX dependency_path ON indexjob.dependency (graph_id, path);
CREATE INDEX dependency_target ON indexjob.dependency (graph_id, target_path) WHERE target_path IS NOT NULL;
CREATE TABLE indexjob.cycle (
    graph_id bigint NOT NULL,
    ord integer NOT NULL,
    size integer NOT NULL,
    paths text[] COLLATE "C" NOT NULL
);
CREATE INDEX cycle_graph ON indexjob.cycle (graph_id, ord);
COMMENT ON COLUMN indexjob.cycle.size IS 'Files that all need each other; `paths` is one shortest circle among them.';

CREATE TABLE indexjob.snapshot (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    repository_id bigint NOT NULL REFERENCES indexjob.repository,
    manifest_id bigint NOT NULL REFERENCES indexjob.manifest,
    graph_id bigint NOT NULL REFERENCES indexjob.graph,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    unused_since timestamptz,
    extractor_version integer NOT NULL,
    commit text COLLATE "C" NOT NULL,
    limits text COLLATE "C" NOT NULL,
    selection bytea NOT NULL,
    UNIQUE (repository_id, commit, selection, limits, extractor_version)
);
CREATE INDEX snapshot_manifest ON indexjob.snapshot (manifest_id);
CREATE INDEX snapshot_graph ON indexjob.snapshot (graph_id);
CREATE INDEX snapshot_unused ON indexjob.snapshot (unused_since) WHERE unused_since IS NOT NULL;
COMMENT ON COLUMN indexjob.snapshot.selection IS 'Of include, exclude and languages, see indexjob.selection: the same commit with others is another snapshot.';
COMMENT ON COLUMN indexjob.snapshot.limits IS 'Of the size and the time of a file, as the worker names them: under others other files are left out, so the same commit is another snapshot.';
COMMENT ON COLUMN indexjob.snapshot.unused_since IS 'Retention has set it aside since then; not given to runs any more.';

-- What each revision has shown; `current` is what it shows now.
CREATE TABLE indexjob.publication (
    repository_id bigint NOT NULL REFERENCES indexjob.repository,
    snapshot_id bigint NOT NULL REFERENCES indexjob.snapshot,
    published_at timestamptz NOT NULL,
    current boolean NOT NULL,
    revision text COLLATE "C" NOT NULL,
    PRIMARY KEY (repository_id, revision, snapshot_id)
);
CREATE UNIQUE INDEX publication_current ON indexjob.publication (repository_id, revision) WHERE current;
CREATE INDEX publication_snapshot ON indexjob.publication (snapshot_id);

-- What the functions for reading give back: a row of the view of that name.
CREATE TYPE indexjob.found_symbol AS (
    repository text, revision text, commit text, path text, name text, kind text, line integer, end_line integer, signature text, doc text,
    parent text, exported boolean, tenant text
);
CREATE TYPE indexjob.found_reference AS (
    repository text, revision text, commit text, path text, name text, kind text, line integer, col integer, enclosing text, tenant text,
    definition_path text, definition_line integer, confidence text
);
CREATE TYPE indexjob.found_dependent AS (revision text, commit text, path text, depth integer, tenant text);

-- A worker adds in bulk what it extracted, to contents, manifests and graphs that it has functions make, which ask for its launch's token. Who has made
-- one may add to it until the end of that transaction, and nobody else ever: the functions of these triggers are in functions/.
GRANT INSERT ON indexjob.symbol, indexjob.reference, indexjob.import, indexjob.manifest_file, indexjob.dependency, indexjob.cycle TO indexjob_worker;

CREATE FUNCTION indexjob.require_own_content() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION indexjob.require_open_manifest() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION indexjob.require_open_graph() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION indexjob.require_seal() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';

CREATE TRIGGER own_content AFTER INSERT ON indexjob.symbol
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION indexjob.require_own_content();
CREATE TRIGGER own_content AFTER INSERT ON indexjob.reference
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION indexjob.require_own_content();
CREATE TRIGGER own_content AFTER INSERT ON indexjob.import
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION indexjob.require_own_content();
CREATE TRIGGER open_manifest AFTER INSERT ON indexjob.manifest_file
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION indexjob.require_open_manifest();
CREATE TRIGGER open_graph AFTER INSERT ON indexjob.dependency
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION indexjob.require_open_graph();
CREATE TRIGGER open_graph AFTER INSERT ON indexjob.cycle
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION indexjob.require_open_graph();

-- So what is open was made by the very transaction that sees it, and no other finds a manifest or a graph without its rows.
CREATE CONSTRAINT TRIGGER sealed AFTER INSERT ON indexjob.manifest
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION indexjob.require_seal();
CREATE CONSTRAINT TRIGGER sealed AFTER INSERT ON indexjob.graph
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION indexjob.require_seal();

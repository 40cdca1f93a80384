"""What people read: the newest snapshot of each revision, of their own tenants, through views and functions."""

from __future__ import annotations

from hashlib import sha1

import pytest
from psycopg import errors

from indexjob.index import Blob, BlobKey, Cycle, File, Graph, display_path
from indexjob_worker.extraction import extract
from indexjob_worker.languages import language_of
from indexjob_worker.resolvers import ImportingFile, resolve
from tests.trees import tree_of

REPOSITORY = "https://example.org/team/project"


@pytest.fixture
def reader(login):
    return login("indexjob_reader", "indexjob_tenant_default")


def rows(connection, query: str, *values: object) -> list[tuple]:
    return connection.execute(query, values).fetchall()


def test_the_views_say_what_was_published(queue, worker, source, reader) -> None:
    a = source("pkg/a.py", ("A", "run"), ("print", "A"), ("b",))
    binary = b"logo\xff.png"
    worker.publish(
        queue.launch(),
        "c1",
        a,
        others=(File(display_path(binary), binary, "binary", size=9, vendored=True),),
        dependencies=(("pkg/a.py", "b.py", "b", "internal"), ("pkg/a.py", None, "os", "external")),
        cycles=(Cycle(3, ["pkg/a.py", "b.py"]),),
    )
    at = (REPOSITORY, "main", "c1")
    assert rows(reader, "SELECT * FROM indexjob.files ORDER BY path") == [
        (*at, display_path(binary), None, "binary", 9, None, False, True, False, binary, "default"),
        (*at, "pkg/a.py", "python", "ok", 100, 10, False, False, False, b"pkg/a.py", "default"),
    ]
    assert rows(reader, "SELECT * FROM indexjob.symbols ORDER BY line") == [
        (*at, "pkg/a.py", "A", "class", 1, 2, "def A()", "What for.", None, True, "default"),
        (*at, "pkg/a.py", "run", "method", 2, 3, "def run()", "What for.", "A", False, "default"),
    ]
    assert rows(reader, "SELECT * FROM indexjob.symbol_references ORDER BY line") == [
        (*at, "pkg/a.py", "print", "call", 2, 8, "A", "default"),
        (*at, "pkg/a.py", "A", "call", 3, 8, "A", "default"),
    ]
    assert rows(reader, "SELECT * FROM indexjob.dependencies ORDER BY kind") == [
        (*at, "pkg/a.py", None, "os", "external", "default"),
        (*at, "pkg/a.py", "b.py", "b", "internal", "default"),
    ]
    assert rows(reader, "SELECT * FROM indexjob.cycles") == [(*at, 0, 3, ["pkg/a.py", "b.py"], "default")]


RESOLVING = {
    "lib.py": "class Kit:\n    def use(self): pass\n\ndef tool(): pass\n",
    "pkg/__init__.py": "",
    "pkg/mod.py": "def inner(): pass\n",
    "twice.py": "if x:\n    def either(): pass\nelse:\n    def either(): pass\n",
    "main.py": "import lib\nfrom lib import Kit as K\nfrom pkg import mod\nfrom twice import either\nimport os\n"
    "def own(): return own\nlib.tool()\nK()\nK.use()\nmod.inner()\neither()\nown()\nos.getcwd()\n",
}


def test_references_say_which_definition_they_mean(queue, worker, reader) -> None:
    """Of the file itself, by an import, as a member of either; and how sure that is."""
    languages = {path: language_of(path) for path in RESOLVING}
    extracted = {path: extract(text.encode(), languages[path]) for path, text in RESOLVING.items()}
    keys = {path: BlobKey(sha1(text.encode()).hexdigest(), "python") for path, text in RESOLVING.items()}
    index = worker.at(queue.launch())
    contents = index.store(Blob(keys[path], 1, one.lines, one.status, *one[2:]) for path, one in extracted.items())
    files = [File(path, path.encode(), "ok", contents[keys[path]].id, 1) for path in RESOLVING]
    importing = [ImportingFile(path, languages[path], one.imports) for path, one in extracted.items()]
    graph = Graph(b"resolving", (resolve(importing, tree_of(RESOLVING, {})), ()))
    index.publish("c", files, graph)
    query = "SELECT line, name, definition_path, definition_line, confidence FROM indexjob.resolved_references"
    assert rows(reader, f"{query} WHERE path = 'main.py' AND kind = 'call' ORDER BY line") == [
        (7, "tool", "lib.py", 4, "certain"),
        (8, "K", "lib.py", 1, "certain"),
        (9, "use", "lib.py", 2, "certain"),
        (10, "inner", "pkg/mod.py", 1, "certain"),
        (11, "either", "twice.py", 2, "likely"),
        (12, "own", "main.py", 6, "likely"),
        (13, "getcwd", None, None, None),
    ]
    assert rows(reader, "SELECT definition_path FROM indexjob.find_references('tool')") == [("lib.py",)]


def test_only_what_a_revision_shows_now_is_seen(queue, worker, source, reader) -> None:
    for commit, name in (("a", "Old"), ("b", "New")):
        launch = queue.launch()
        worker.publish(launch, commit, source("a.py", (name,)))
        queue.end(launch)
    assert rows(reader, "SELECT commit, name FROM indexjob.symbols") == [("b", "New")]
    worker.at(queue.launch()).publish_unchanged("a")
    assert rows(reader, "SELECT commit, name FROM indexjob.symbols") == [("a", "Old")]


def test_a_function_is_a_view_that_was_asked_a_question(queue, worker, source, reader) -> None:
    other = "https://example.org/team/other"
    worker.publish(queue.launch(), "c", source("a.py", ("A", "b"), ("x", "b")))
    worker.publish(queue.launch(repository=other), "d", source("a.py", ("b", "A"), ("b",)))
    for view, function in (("symbols", "find_definitions"), ("resolved_references", "find_references")):
        everywhere = rows(reader, f"SELECT * FROM indexjob.{function}('b')")
        assert len(everywhere) == 2
        assert sorted(everywhere) == sorted(rows(reader, f"SELECT * FROM indexjob.{view} WHERE name = 'b'"))
        asked = f"{other.replace('example', 'EXAMPLE')}.git/"
        assert rows(reader, f"SELECT * FROM indexjob.{function}('b', %s)", asked) == rows(
            reader, f"SELECT * FROM indexjob.{view} WHERE name = 'b' AND repository = %s", other
        )
        assert len(rows(reader, f"SELECT * FROM indexjob.{function}('b', max_rows => 1)")) == 1
        assert rows(reader, f"SELECT * FROM indexjob.{function}('none')") == []
    exported = rows(reader, "SELECT repository, exported FROM indexjob.find_definitions('b')")
    assert exported == [(other, True), (REPOSITORY, False)]
    with pytest.raises(errors.InvalidParameterValue):
        rows(reader, "SELECT * FROM indexjob.find_definitions('b', 'nonsense')")


def test_a_search_finds_beginnings_in_any_case(queue, worker, source, reader) -> None:
    names = ("Parser", "parse", "PARSE_ALL", "parseé", "unparse", "par%e", "Zeta")
    worker.publish(queue.launch(), "c", source("a.py", names))

    def search(text: str, *arguments: object) -> list[str]:
        marks = ", %s" * len(arguments)
        return [
            name for (name,) in rows(reader, f"SELECT name FROM indexjob.search_symbols(%s{marks})", text, *arguments)
        ]

    assert search("PARSE") == ["parse", "PARSE_ALL", "Parser", "parseé"]
    assert search("parseÉ") == []
    assert search("par%") == ["par%e"]
    assert search("parse", None, 2) == ["parse", "PARSE_ALL"]
    assert search("parse", REPOSITORY, 1) == ["parse"]
    assert search("parse", "https://example.org/x/y") == search("") == search("nothing") == []


def test_dependents_are_transitive_and_end(queue, worker, source, reader) -> None:
    """A circle a → b → c → a, and d → a; e needs what is no file of the repository."""
    edges = (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"))
    worker.publish(
        queue.launch(),
        "c1",
        dependencies=(*((src, dst, dst, "internal") for src, dst in edges), ("e", None, "c", "external")),
    )
    query = "SELECT path, depth FROM indexjob.dependents(%s, %s, %s)"
    assert rows(reader, query, f"{REPOSITORY}.git", "c", 10) == [("b", 1), ("a", 2), ("d", 3)]
    assert rows(reader, query, REPOSITORY, "c", 2) == [("b", 1), ("a", 2)]
    assert rows(reader, query, REPOSITORY, "e", 10) == rows(reader, query, REPOSITORY, "c", 0) == []


def test_dependents_of_each_revision(queue, worker, source, reader) -> None:
    for revision, edge in (("main", ("a", "b")), ("v1", ("c", "b")), ("v2", ("c", "b"))):
        launch = queue.launch(revision)
        worker.publish(launch, revision, dependencies=((*edge, "x", "internal"),))
        queue.end(launch)
    found = rows(reader, "SELECT revision, path FROM indexjob.dependents(%s, 'b') ORDER BY revision", REPOSITORY)
    assert found == [("main", "a"), ("v1", "c"), ("v2", "c")]


QUERIES = [
    *(
        f"SELECT tenant FROM indexjob.{v}"
        for v in ("files", "symbols", "symbol_references", "resolved_references", "dependencies", "cycles")
    ),
    "SELECT tenant FROM indexjob.find_definitions('A')",
    "SELECT tenant FROM indexjob.find_references('x')",
    "SELECT tenant FROM indexjob.search_symbols('a')",
    f"SELECT tenant FROM indexjob.dependents('{REPOSITORY}', 'b')",
]


def test_tenants_do_not_see_each_other(queue, new_worker, source, tenant, login) -> None:
    """Real logins, the same repository and content in both tenants; by every view and every function."""
    roles = {name: tenant(name) for name in ("red", "blue")}
    for name in roles:
        new_worker().publish(
            queue.launch(tenant=name),
            "c",
            source("a", ("A",), ("x",)),
            dependencies=(("a", "b", "b", "internal"),),
            cycles=(Cycle(2, ["a", "b"]),),
        )
    red = login("indexjob_reader", roles["red"])
    both = login("indexjob_producer", roles["red"], roles["blue"])
    none, operator = login("indexjob_reader"), login("indexjob_operator")
    for query in QUERIES:
        assert set(rows(red, query)) == {("red",)}, query
        assert set(rows(both, query)) == set(rows(operator, query)) == {("red",), ("blue",)}, query
        assert rows(none, query) == [], query


@pytest.mark.parametrize(
    "table",
    [
        "content",
        "symbol",
        "reference",
        "import",
        "manifest",
        "manifest_file",
        "dependency",
        "snapshot",
        "current_snapshots",
    ],
)
def test_readers_read_through_views_alone(reader, table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        reader.execute(f"SELECT FROM indexjob.{table}")


def test_a_view_shows_nothing_to_a_function_that_looks_at_other_tenants_rows(
    queue, new_worker, source, tenant, login
) -> None:
    """A cheap function in WHERE must not be called with rows that the reader may not see."""
    role = tenant("red")
    new_worker().publish(queue.launch(tenant="red"), "c", source("a", ("Mine",)))
    new_worker().publish(queue.launch(), "c", source("a", ("Secret",)))
    red = login("indexjob_reader", role)
    red.execute(
        "CREATE FUNCTION pg_temp.look(text) RETURNS boolean COST 0.0001 LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$"
    )
    told: list[str] = []
    red.add_notice_handler(lambda notice: told.append(notice.message_primary))
    assert rows(red, "SELECT name FROM indexjob.symbols WHERE pg_temp.look(name)") == [("Mine",)]
    assert told == ["Mine"]

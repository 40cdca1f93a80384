"""What stands out in one indexed repository: the end of `indexjob demo`, and `indexjob stats REPO`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from indexjob.cli.figures import counts, timed
from indexjob.cli.index import NotIndexedError, ask, circle
from indexjob.cli.output import answer_fields, answer_table

if TYPE_CHECKING:
    import psycopg

TOP = 10

SNAPSHOT = """
SELECT repository, revision, commit FROM indexjob.files
WHERE repository = indexjob.normalize_repository(%(repository)s) AND tenant = %(tenant)s AND (%(revision)s::text IS NULL OR revision = %(revision)s)
GROUP BY repository, revision, commit ORDER BY revision <> 'HEAD', revision LIMIT 1
"""
OF = "repository = %(repository)s AND revision = %(revision)s AND tenant = %(tenant)s"
STATS = f"""
SELECT stats FROM indexjob.jobs WHERE {OF} AND state = 'completed' AND stats IS NOT NULL ORDER BY finished_at DESC LIMIT 1
"""
LANGUAGES = f"""
SELECT language, count(*) AS files, sum(lines)::bigint AS lines FROM indexjob.files
WHERE {OF} AND language IS NOT NULL GROUP BY language ORDER BY lines DESC
"""
# Names are matched, not resolved: only where their folder is in reach (the same one, or something of it is imported) do they count as uses.
MOST_REFERENCED = f"""
WITH defined AS (
    SELECT name, min(kind) AS kind, min(path) AS path, min(line) AS line FROM indexjob.symbols
    WHERE {OF} AND parent IS NULL AND kind IN ('class', 'struct', 'interface', 'enum', 'type', 'function')
    GROUP BY name HAVING count(*) = 1
), used AS (
    SELECT name, path, count(*) AS uses FROM indexjob.symbol_references WHERE {OF} AND kind IN ('call', 'type') GROUP BY name, path
), reach AS (
    SELECT path, regexp_replace(target_path, '[^/]*$', '') AS folder FROM indexjob.dependencies WHERE {OF} AND target_path IS NOT NULL
    UNION SELECT path, regexp_replace(path, '[^/]*$', '') FROM indexjob.files WHERE {OF} AND language IS NOT NULL
)
SELECT d.name, d.kind, d.path, d.line, sum(u.uses)::bigint AS uses, count(*) AS files
FROM defined d JOIN used u USING (name) JOIN reach r ON r.path = u.path AND r.folder = regexp_replace(d.path, '[^/]*$', '')
GROUP BY d.name, d.kind, d.path, d.line ORDER BY uses DESC, d.name LIMIT {TOP}
"""
HUBS = f"""
SELECT target_path AS path, count(DISTINCT path) AS dependents FROM indexjob.dependencies
WHERE {OF} AND target_path IS NOT NULL AND target_path <> path GROUP BY target_path ORDER BY dependents DESC, target_path LIMIT {TOP}
"""
CYCLES = f"SELECT size, paths FROM indexjob.cycles WHERE {OF} ORDER BY size DESC, cycle LIMIT {TOP}"
STATUSES = f"SELECT status, count(*) AS files FROM indexjob.files WHERE {OF} GROUP BY status ORDER BY files DESC"
FAILED = f"""
SELECT path, status FROM indexjob.files
WHERE {OF} AND status IN ('syntax_error', 'too_complex', 'too_large', 'unreadable', 'timeout', 'crash') ORDER BY status, path LIMIT {TOP}
"""
MEANING = {
    "syntax_error": "has syntax errors; the rest of it is indexed",
    "too_complex": "is no source text that a person wrote",
    "too_large": "is over the size limit",
    "unreadable": "git could not read it",
    "timeout": "took too long",
    "crash": "crashed the parser",
}


def read_summary(connection: psycopg.Connection, repository: str, revision: str | None, tenant: str) -> dict[str, Any]:
    """All of it, ready for JSON.

    Raises:
        NotIndexedError: there is no snapshot of this repository and revision.
    """
    found = ask(connection, SNAPSHOT, repository=repository, revision=revision, tenant=tenant)
    if not found:
        raise NotIndexedError(
            f"{repository} is not in the index{f' at {revision}' if revision else ''}.",
            f"Have it indexed: indexjob enqueue {repository} --wait",
        )
    [snapshot] = found
    wanted = {**snapshot, "tenant": tenant}
    stats = ask(connection, STATS, **wanted)
    return {
        **snapshot,
        "stats": stats[0]["stats"] if stats else {},
        "languages": ask(connection, LANGUAGES, **wanted),
        "most_referenced": ask(connection, MOST_REFERENCED, **wanted),
        "hubs": ask(connection, HUBS, **wanted),
        "cycles": ask(connection, CYCLES, **wanted),
        "statuses": {row["status"]: row["files"] for row in ask(connection, STATUSES, **wanted)},
        "failed_files": ask(connection, FAILED, **wanted),
    }


def show_summary(summary: dict[str, Any]) -> None:
    """For people; what is empty is not shown."""
    answer_fields(
        {
            "repository": summary["repository"],
            "revision": f"{summary['revision']} ({summary['commit'][:12]})",
            "found": counts(summary["stats"]),
            "seconds": timed(summary["stats"]),
        }
    )
    _section(
        "Languages",
        ("LANGUAGE", "FILES", "LINES"),
        [(r["language"], r["files"], r["lines"]) for r in summary["languages"]],
    )
    _section(
        "Most used of its own",
        ("NAME", "KIND", "USES", "IN FILES", "DEFINED IN"),
        [(r["name"], r["kind"], r["uses"], r["files"], f"{r['path']}:{r['line']}") for r in summary["most_referenced"]],
    )
    _section(
        "Hubs: files that most others need",
        ("PATH", "NEEDED BY"),
        [(r["path"], r["dependents"]) for r in summary["hubs"]],
    )
    _section(
        "Circular imports", ("FILES", "SHORTEST CIRCLE"), [(r["size"], circle(r["paths"])) for r in summary["cycles"]]
    )
    _section(
        "Files that could not be indexed whole",
        ("PATH", "WHY"),
        [(r["path"], MEANING[r["status"]]) for r in summary["failed_files"]],
    )


def _section(title: str, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    if rows:
        print(f"\n{title}")  # noqa: T201
        answer_table(columns, rows)

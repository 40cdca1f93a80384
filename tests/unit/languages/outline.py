"""An extraction for people to read: golden tests are written in it, and `git diff` of one shows what changed."""

from collections.abc import Iterator

from indexjob_worker.model import Definition, Extraction


def outline(extraction: Extraction) -> str:
    """Definitions as a tree, then imports, then references, a line each; the status only if it isn't `ok`."""
    lines = [] if extraction.status == "ok" else [f"! {extraction.status}"]
    depth: dict[int | None, int] = {None: -1}
    for definition in extraction.definitions:
        depth[definition.ord] = depth[definition.parent_ord] + 1
        lines.append("  " * depth[definition.ord] + " ".join(_definition(definition)))
    lines += ["", "imports"] if extraction.imports else []
    for item in extraction.imports:
        taken = "" if item.name is None else f" {item.name}"
        alias = "" if item.alias is None else f" as {item.alias}"
        lines.append(f"  {item.line} {item.kind} {item.spec!r}{taken}{alias}")
    lines += ["", "references"] if extraction.references else []
    for use in extraction.references:
        where = "" if use.enclosing_ord is None else f" in {extraction.definitions[use.enclosing_ord].name}"
        via = "" if use.import_ord is None else f" from {extraction.imports[use.import_ord].spec!r}"
        known = None if use.definition_ord is None else extraction.definitions[use.definition_ord]
        meant = "" if known is None else f" = {known.kind} at {known.line}"
        lines.append(f"  {use.line}:{use.col} {use.kind} {use.name}{where}{via}{meant}")
    return "\n".join(lines) + "\n"


def _definition(definition: Definition) -> Iterator[str]:
    yield f"{definition.line}-{definition.end_line}:{definition.col}"
    yield ("+" if definition.exported else "-") + definition.kind
    yield definition.name
    if definition.signature:
        yield f"| {definition.signature}"
    if definition.doc:
        yield f"| {definition.doc!r}"

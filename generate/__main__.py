"""Write all generated files."""

from __future__ import annotations

from pathlib import Path

from generate import chart_crd, chart_readme, chart_schema, cli_page, crd, schema_dump

PARTS = (chart_crd, chart_readme, chart_schema, cli_page, crd, schema_dump)
TOP = Path(__file__).parents[1]


def main() -> None:
    """Each part to its place."""
    for part in PARTS:
        (TOP / part.PATH).write_text(part.render())
        print(f"made {part.PATH}")


if __name__ == "__main__":
    main()

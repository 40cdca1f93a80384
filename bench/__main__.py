"""`python -m bench [NAME…] [--output text|json]`: exit code 1 if a goal is not met, or could not be measured."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module

from bench import SUBJECTS
from bench.figures import Figure, NotMeasuredError
from bench.server import started


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measures every figure that the project states, beside its goal."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure (all): {', '.join(SUBJECTS)}")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(SUBJECTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {', '.join(SUBJECTS)}")
    figures: list[Figure] = []
    unmeasured = False
    with started() as server:
        for name in arguments.names or SUBJECTS:
            try:
                for figure in import_module(f"bench.{name}").measure(server):
                    figures.append(figure)
                    if arguments.output == "text":
                        print(figure, flush=True)
            except NotMeasuredError as why:
                unmeasured = True
                print(f"{name} is not measured: {why}", file=sys.stderr, flush=True)
    if arguments.output == "json":
        print(json.dumps([figure.as_dict() for figure in figures], indent=2, ensure_ascii=False))
    return 1 if unmeasured or any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())

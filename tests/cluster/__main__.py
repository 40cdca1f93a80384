"""The tests' cluster from the command line: `python -m tests.cluster prepare | up | down | images | demo | packages | leftovers`."""

import argparse
import os
import sys
from pathlib import Path

from tests.cluster import own
from tests.cluster.machine import boot, builders, leftovers, packages
from tests.cluster.machine.commands import UnfitError
from tests.cluster.machine.place import Place


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--root", type=Path, default=Place().root, help="where all of it lives (%(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare", help="bring all that it is made of, without booting it")
    commands.add_parser("up", help="boot it, or find it up; prints the KUBECONFIG")
    commands.add_parser("down", help="end it; leaves nothing")
    building = commands.add_parser("images", help="build the project's images; prints their archives")
    building.add_argument("--base", help="the image that they stand on")
    commands.add_parser("demo", help="run the whole product on it, and tell what happens")
    commands.add_parser("packages", help="install the Debian packages that the tests need; without root, nothing")
    commands.add_parser("leftovers", help="list what of it is on this machine")
    arguments = parser.parse_args()
    place = Place(arguments.root)
    try:
        match arguments.command:
            case "prepare":
                boot.prepare()
            case "up":
                own.keep(place)
                print(f"export KUBECONFIG={place.kubeconfig()}")
            case "down":
                own.end(place)
            case "images":
                for part, archive in builders.build(arguments.base).items():
                    print(f"{builders.tag(part)}  {archive}")
            case "demo":
                from tests.cluster import demo  # it needs all of the product

                demo.main()
            case "packages" if os.geteuid() == 0:
                packages.install()
            case "leftovers":
                print(*leftovers.of(place), sep="\n")
    except UnfitError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

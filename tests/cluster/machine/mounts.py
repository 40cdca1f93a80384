"""What is mounted below a folder, and its end."""

from pathlib import Path

from tests.cluster.machine.commands import attempt

ESCAPED = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}


def under(root: Path) -> list[Path]:
    """Mount points below the root, the innermost first."""
    points = [_plain(line.split()[1]) for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in reversed(points) if point.is_relative_to(root)]


def unmount_under(root: Path) -> None:
    for point in under(root):
        attempt("umount", "-l", point)


def _plain(text: str) -> Path:
    for code, character in ESCAPED.items():
        text = text.replace(code, character)
    return Path(text)

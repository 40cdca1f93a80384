"""Runs the machine's own tools, from argument lists and never through a shell."""

import math
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PATH = ":".join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])  # `su` leaves the last ones out


class UnfitError(Exception):
    """This machine can't run a cluster, or can't go on with it: one sentence that says what to do."""


class NoClusterError(UnfitError):
    """No cluster of its own can be had on this machine, whatever one does: tests that need one are skipped."""


class CommandFailedError(UnfitError):
    """A tool said no; its own words are the reason."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "PATH": PATH, **(extra or {})}


def run(
    *argv: str | Path, stdin: str | None = None, extra: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    """What the command printed.

    Raises:
        CommandFailedError: it ended with another code than 0, or there is no such command.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words, input=stdin, capture_output=True, text=True, env=environment(extra), cwd=cwd, check=False
        )
    except FileNotFoundError as error:
        raise CommandFailedError(f"{words[0]} is not there: {error}") from error
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise CommandFailedError(f"{' '.join(words)} ended with {done.returncode}: {said[-2000:]}")
    return done.stdout


def attempt(*argv: str | Path) -> str | None:
    """What the command printed, or None if it failed: for what may well be gone already."""
    try:
        return run(*argv)
    except CommandFailedError:
        return None


def until(condition: Callable[[], object], seconds: float, every: float = 0.05) -> bool:
    """Whether the condition came to hold in time, which is counted in looks: a machine that stood still meanwhile has used none of it up."""
    for _ in range(math.ceil(seconds / every)):
        if condition():
            return True
        time.sleep(every)
    return bool(condition())

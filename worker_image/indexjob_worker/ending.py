"""Every end of a command, good or bad, in one place: what is said, where, and with which exit code."""

import errno
import resource
import traceback
from contextlib import suppress
from pathlib import Path

from indexjob.outcome import ExitCode, Outcome, Reason
from indexjob_worker.errors import RunError, Stop
from indexjob_worker.journal import Journal

CONTAINERS_OWN_CGROUP = "0::/"
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CATALOG_FULL = ("SQLITE_FULL", "SQLITE_IOERR_WRITE")


def outcome_of(error: BaseException, journal: Journal) -> Outcome:
    """What an exception means for the people who asked. Only a bug of ours keeps its traceback, in the journal."""
    if isinstance(error, RunError | Stop):
        journal.error("ended", error.sentence, reason=error.reason, exit_code=int(error.exit_code))
        return Outcome(reason=error.reason, message=journal.scrub(error.sentence), exit_code=error.exit_code)
    if (isinstance(error, OSError) and error.errno in DISK_FULL) or getattr(
        error, "sqlite_errorname", None
    ) in CATALOG_FULL:
        sentence = "The workspace is full; ask the administrator for a profile with a larger one."
        journal.error("ended", sentence, reason=Reason.TOO_LARGE, exit_code=int(ExitCode.BAD_INPUT))
        return Outcome(reason=Reason.TOO_LARGE, message=sentence, exit_code=ExitCode.BAD_INPUT)
    text = "".join(traceback.format_exception(error))
    journal.error("bug", "The worker has a bug", traceback=text, reason=Reason.INTERNAL_ERROR)
    sentence = (
        f"The worker has a bug ({type(error).__name__}); the attempt's log holds its traceback, please report it."
    )
    return Outcome(reason=Reason.INTERNAL_ERROR, message=sentence, exit_code=ExitCode.BUG)


def leave(outcome: Outcome, termination_message: Path, journal: Journal) -> int:
    """Write the outcome where Kubernetes looks for it; returns the process's exit code."""
    try:
        termination_message.write_text(outcome.termination_message())
    except OSError as error:
        journal.warning("no_termination_message", "The outcome could not be written", error=str(error))
    return outcome.exit_code


def peak_memory_bytes() -> int:
    """The most memory that the run held: its container's own count, else the largest parent and child together."""
    with suppress(OSError, ValueError):
        if Path("/proc/self/cgroup").read_text().strip() == CONTAINERS_OWN_CGROUP:
            return int(Path("/sys/fs/cgroup/memory.peak").read_text())
    ours, theirs = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (ours + theirs) * 1024

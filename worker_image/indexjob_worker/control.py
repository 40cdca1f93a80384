"""Ends the run from outside: the deadline, SIGTERM, a launch that is no longer current.

Whatever wants the run to end asks here; the main thread then gets `Stop` at its next step or out of whatever it is
blocked in. The signal comes again each second until it was heard: Python drops an exception raised in a destructor.
"""

import os
import signal
import time
from types import FrameType

from indexjob.outcome import ExitCode, Reason
from indexjob_worker.errors import Stop

AGAIN_SECONDS = 1.0


class Control:
    """The clock and the signals of this process. One per process, made in its main thread."""

    def __init__(self) -> None:
        self._stop: Stop | None = None
        self._deaf = False
        self._ends_at: float | None = None
        self._deadline_seconds = 0
        signal.signal(signal.SIGALRM, self._on_alarm)
        signal.signal(signal.SIGTERM, self._on_terminate)
        signal.signal(signal.SIGINT, self._on_terminate)

    def set_deadline(self, started_at: float, seconds: int | None) -> None:
        """End the run `seconds` after `started_at` (seconds since the epoch); None is never."""
        if seconds is None:
            return
        self._ends_at, self._deadline_seconds = started_at + seconds, seconds
        signal.setitimer(signal.ITIMER_REAL, max(0.001, self._ends_at - time.time()), AGAIN_SECONDS)

    def stop(self, stop: Stop) -> None:
        """Ask for the end, from any thread. The first one asked for counts."""
        if self._stop is None and not self._deaf:
            self._stop = stop
            os.kill(os.getpid(), signal.SIGALRM)

    def check(self) -> None:
        """Raise what was asked for. The main thread calls it between steps.

        Raises:
            Stop: the run is to end.
        """
        if not self._deaf and self._stop is not None:
            raise self._stop

    def finish(self) -> None:
        """From here on the run ends by itself: nothing may interrupt its clearing up."""
        self._deaf = True
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        if self._stop is None and self._ends_at is not None and time.time() >= self._ends_at:
            sentence = f"The run took longer than its deadline of {self._deadline_seconds} s."
            self._stop = Stop(Reason.DEADLINE_EXCEEDED, ExitCode.DEADLINE, sentence)
        if self._stop is not None and not self._deaf:
            signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS, AGAIN_SECONDS)
            raise self._stop

    def _on_terminate(self, number: int, frame: FrameType | None) -> None:
        if self._stop is None:
            name = signal.Signals(number).name
            self._stop = Stop(Reason.TERMINATED, ExitCode.TRANSIENT, f"The run was told to end ({name}).")
        self._on_alarm(number, frame)

"""What both commands share: the run spec in, the outcome out, and a clean end in between."""

import os
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexjob.outcome import Outcome
from indexjob.run_spec import RunSpec
from indexjob.scrub import Scrubber
from indexjob.strict_json import MalformedError
from indexjob_worker.control import Control
from indexjob_worker.ending import leave, outcome_of, peak_memory_bytes
from indexjob_worker.errors import InvalidRunSpecError
from indexjob_worker.journal import Journal
from indexjob_worker.workspace import Workspace

if TYPE_CHECKING:
    from indexjob_worker.zygote import Zygote


def run_clone(options: Namespace) -> int:
    """`clone`: keeps the workspace only if it did what it was asked for."""
    from indexjob_worker.clone import clone  # noqa: PLC0415 - `index` has no use for it

    journal, workspace = Journal(Scrubber()), Workspace(options.workspace)
    journal.hear_libraries()
    journal.about(command="clone", step="clone", pod=os.environ.get("POD_NAME"))

    def work(control: Control) -> Outcome:
        spec = _read_spec(options.run_spec, journal)
        return clone(spec, workspace, options.git_credentials, journal, control)

    outcome = _attempt(work, journal)
    if outcome.exit_code:
        workspace.empty()
    return leave(outcome, options.termination_message, journal)


def run_index(options: Namespace, zygote: "Zygote") -> int:
    """`index`: whatever happens, nothing stays in the workspace and no child lives on."""
    from indexjob_worker.index import Index  # noqa: PLC0415 - `clone` has no use for Postgres

    journal, workspace = Journal(Scrubber()), Workspace(options.workspace)
    journal.hear_libraries()
    journal.about(command="index", pod=os.environ.get("POD_NAME"))
    run = Index(options, workspace, journal)
    outcome = _attempt(lambda control: run.work(_read_spec(options.run_spec, journal), control, zygote), journal)
    zygote.close()
    workspace.empty()
    outcome = replace(outcome, steps=run.seconds, peak_memory_bytes=peak_memory_bytes())
    run.last_words(outcome)
    return leave(outcome, options.termination_message, journal)


def _attempt(work: Callable[[Control], Outcome], journal: Journal) -> Outcome:
    control = Control()
    try:
        try:
            outcome = work(control)
        finally:
            control.finish()
    except BaseException as error:  # noqa: BLE001 - whatever it is, the run ends with an outcome
        outcome = outcome_of(error, journal)
    return replace(outcome, peak_memory_bytes=peak_memory_bytes())


def _read_spec(path: Path, journal: Journal) -> RunSpec:
    try:
        spec = RunSpec.from_json(path.read_bytes())
    except OSError as error:
        raise InvalidRunSpecError(f"The run spec {path} cannot be read ({error.strerror}).") from error
    except MalformedError as error:
        raise InvalidRunSpecError(f"The run spec is invalid: {error}.") from None
    journal.about(job=str(spec.job_id), launch=spec.launch, repository=spec.repository)
    return spec

"""The `index` command: from what `clone` left to a published snapshot, or to the news that it is there already.

It has the database credential and no other; foreign bytes are read only in children of a zygote that never saw it.
"""

import uuid
from argparse import Namespace
from contextlib import closing
from functools import partial

from indexjob.index import Launch
from indexjob.outcome import Outcome
from indexjob.run_spec import RunSpec
from indexjob_worker.catalog import Catalog
from indexjob_worker.control import Control
from indexjob_worker.database import Database
from indexjob_worker.extractors import Extractors
from indexjob_worker.git.objects import Objects
from indexjob_worker.journal import Journal
from indexjob_worker.pipeline import Pipeline
from indexjob_worker.reporter import Pod, Reporter
from indexjob_worker.storage import Storage
from indexjob_worker.version import EXTRACTOR_VERSION
from indexjob_worker.workspace import Workspace
from indexjob_worker.zygote import Zygote


class Index:
    """Puts the parts of one run together; keeps what its end must know of its middle."""

    def __init__(self, options: Namespace, workspace: Workspace, journal: Journal) -> None:
        self._options = options
        self._workspace = workspace
        self._journal = journal
        self._pipeline: Pipeline | None = None
        self._reporter: Reporter | None = None

    def work(self, spec: RunSpec, control: Control, zygote: Zygote) -> Outcome:
        """Do it.

        Raises:
            RunError: what stands in the way, with its policy.
        """
        cloned = self._workspace.find()
        control.set_deadline(cloned.started_at, spec.deadline_seconds)
        database = Database(self._options.database_credentials, self._journal)
        self._journal.about(credential=cloned.credential)
        connect = partial(database.connect_patiently, control)
        launch = Launch(spec.job_id, spec.launch, database.launch_token)
        storage = Storage(connect, launch, EXTRACTOR_VERSION, spec.limits.of_files, self._journal)
        pod = Pod(self._options.pod_uid or str(uuid.uuid4()), self._options.pod, self._options.node)
        self._reporter = Reporter(database, launch, pod, spec.heartbeat_seconds, self._journal, control)
        self._reporter.begin(storage.connection)
        extractors = Extractors(zygote, spec.limits, self._journal)
        self._pipeline = Pipeline(spec, storage, extractors, self._reporter, control, self._journal)
        if cloned.unchanged:
            return self._pipeline.unchanged(cloned)
        with closing(Catalog(self._workspace.catalog)) as catalog:
            return self._pipeline.index(Objects(self._workspace.repository), cloned, catalog)

    @property
    def seconds(self) -> dict[str, float]:
        """By step, as far as the run came."""
        return self._pipeline.clock.seconds if self._pipeline else {}

    def last_words(self, outcome: Outcome) -> None:
        """Finish the attempt's row, if there is one."""
        if self._reporter:
            self._reporter.finish(outcome)

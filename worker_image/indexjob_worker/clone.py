"""The `clone` command: from a run spec to a bare repository in the workspace, or to the news that nothing changed.

It alone has the git credential and the network; what it leaves is read by `index`, which has neither.
"""

import time
from pathlib import Path

from indexjob.outcome import Outcome, Reason
from indexjob.run_spec import RunSpec
from indexjob_worker import sample_repository
from indexjob_worker.control import Control
from indexjob_worker.errors import InvalidRunSpecError, RepositoryNotFoundError
from indexjob_worker.git import address, credentials, settings
from indexjob_worker.git.process import Git
from indexjob_worker.git.remote import Remote
from indexjob_worker.journal import Journal
from indexjob_worker.version import EXTRACTOR_VERSION
from indexjob_worker.workspace import Cloned, Workspace

SHA256_DIGITS = 64


def clone(
    spec: RunSpec, workspace: Workspace, git_credentials: Path | None, journal: Journal, control: Control
) -> Outcome:
    """Leave the commit that `spec` asks for in the workspace.

    Raises:
        RunError: what stands in the way, with its policy.
    """
    started_at, began = time.time(), time.monotonic()
    control.set_deadline(started_at, spec.deadline_seconds)
    where = address.judge(spec.clone_url, local_repositories=spec.local_repositories)
    workspace.begin()
    named, where = where, sample_repository.in_place_of(where, workspace.private)
    credential = credentials.read(git_credentials, journal.scrub)
    journal.about(credential=credential.used)
    secret_settings = credentials.settings(credential, where, workspace.private, journal.scrub)
    settings.write(workspace.private, settings.configuration(where, secret_settings))
    git = _git(spec, workspace, workspace.directory)
    if where is not named:
        sample_repository.make(git, where)
    if where.protocol == "file":
        _must_exist(Path(where.url.removeprefix("file://")))
    resolved = Remote(git, where, journal, credential_used=credential.used).resolve(spec.revision)
    journal.info("resolved", "Found the commit", commit=resolved.commit)
    commit, unchanged = resolved.commit, resolved.commit in spec.known_commits.get(EXTRACTOR_VERSION, ())
    if not unchanged:
        _init(git, workspace.repository, resolved.commit)
        bare = _git(spec, workspace, workspace.repository)
        commit = Remote(bare, where, journal, credential_used=credential.used).fetch(resolved)
        journal.info("fetched", "Fetched the commit", commit=commit, bytes=workspace.used_bytes())
    workspace.forget_private()
    seconds = time.monotonic() - began
    workspace.leave(Cloned(started_at, seconds, commit, unchanged, credential.used))
    reason = Reason.UNCHANGED if unchanged else Reason.COMPLETED
    return Outcome(reason=reason, commit=commit, steps={"clone": round(seconds, 3)})


def _git(spec: RunSpec, workspace: Workspace, directory: Path) -> Git:
    environment = settings.environment(workspace.private)
    return Git(directory, environment, spec.limits.clone_bytes, workspace.used_bytes)


def _init(git: Git, repository: Path, commit: str) -> None:
    object_format = "sha256" if len(commit) == SHA256_DIGITS else "sha1"
    made = git.run("init", "--quiet", "--bare", "--template=", f"--object-format={object_format}", str(repository))
    if made.code:
        raise InvalidRunSpecError("git could not make a repository in the workspace; is there room in it?")


def _must_exist(path: Path) -> None:
    if not path.is_dir():
        raise RepositoryNotFoundError(f"There is no directory {path} on this machine; check the path.")

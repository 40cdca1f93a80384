"""The administrator's settings: one YAML file, whose keys are the chart's values of the same names.

No secret is in it: the database's URLs are files of their own (`database_urls`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import yaml
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, StringConstraints, ValidationError

from indexjob.errors import ClearError
from indexjob.private_ca import certificate_in, trusting
from indexjob_operator.profiles import Profile, Profiles, Setting

if TYPE_CHECKING:
    from pathlib import Path

EVERY_NAMESPACE = "*"
NamespaceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
TenantName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")]
ProfileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class SettingsError(ClearError):
    """The settings file or the database credential can't be used as it is."""


class Worker(Setting):
    """What a launch's pod runs."""

    image: str = Field(min_length=1)
    image_pull_policy: Annotated[str, StringConstraints(pattern="^(Always|IfNotPresent|Never)$")] = "IfNotPresent"
    service_account_name: str | None = None
    """For its image pull secrets and policies alone: no token of it is mounted."""
    command: tuple[str, ...] = ()
    """Instead of the image's own entry point."""


class Queue(Setting):
    """How much the operator has under way, and how often it looks."""

    concurrency: PositiveInt = 50
    sweep_seconds: PositiveFloat = 30.0
    lease_seconds: PositiveFloat = 15.0


class Patience(Setting):
    """How long the operator takes things for slow before it takes them for broken. Seconds."""

    no_pod_seconds: PositiveFloat = 5.0
    """A Job without a pod: from then on its events are read (a quota refuses pods, not Jobs)."""
    refused_again_seconds: PositiveFloat = 30.0
    """What a quota or an admission policy refused is tried again so much later."""
    dead_node_seconds: PositiveFloat = 30.0
    """A pod that is still terminating so long after its grace period is on a dead node."""
    node_lost_seconds: PositiveInt = 60
    """A pod is given up so long after its node stopped answering."""
    stray_seconds: PositiveFloat = 300.0
    """A Job or Secret of ours that no row knows is removed when it is older than this."""


class Keep(Setting):
    """What is kept of the past. Days are of the database's clock."""

    snapshots: PositiveInt = 3
    """The newest so many of each revision; what a revision shows now always stays."""
    finished_days: PositiveFloat = 30.0
    """Finished jobs are deleted after so many days; one whose IndexJob is there stays."""


class Share(Setting):
    """A tenant's part of the queue."""

    role: str | None = None
    """Members of this Postgres role see and steer the tenant's jobs."""
    cap: NonNegativeInt | None = None
    """How many run at once; None is as many as there is room for."""
    weight: PositiveInt = 1


class Settings(Setting):
    """All of them."""

    run_namespace: NamespaceName | None = None
    """Where every Job runs; None is the operator's own."""
    owner: str = ""
    """ConfigMap in the run namespace that owns every Job and Secret, so that uninstalling leaves nothing; "" is none."""
    worker: Worker
    queue: Queue = Queue()
    patience: Patience = Patience()
    keep: Keep = Keep()
    shares: dict[TenantName, Share] = Field(default_factory=dict)
    """Tenants with a role, a cap or a weight of their own, written to `indexjob.tenants` at start; the others are left as they are there."""
    watch_namespaces: tuple[NamespaceName, ...] = ()
    """Where IndexJobs are looked after; none named is everywhere."""
    tenants: dict[NamespaceName, TenantName] = Field(default_factory=dict)
    """Whose IndexJobs those of a namespace are; a namespace that isn't named is a tenant of its own name."""
    credential_namespaces: tuple[NamespaceName | Annotated[str, StringConstraints(pattern=r"^\*$")], ...] = ()
    """Namespaces whose IndexJobs may name a Secret beside them; "*" is all. The run namespace is always looked in."""
    profiles: dict[ProfileName, Profile] = Field(default_factory=lambda: {"default": Profile()})

    def by_name(self) -> Profiles:
        """The profiles, to look one up."""
        return Profiles(profiles=self.profiles)

    def tenant_of(self, namespace: str) -> str:
        """Whose an IndexJob of this namespace is."""
        return self.tenants.get(namespace, namespace)

    def may_look_in(self, namespace: str) -> bool:
        """Whether git credentials of IndexJobs there may be taken from that namespace."""
        return EVERY_NAMESPACE in self.credential_namespaces or namespace in self.credential_namespaces


class DatabaseUrls(NamedTuple):
    """Connection strings by who uses them. Never shown."""

    operator: str
    worker: str
    migrate: str | None
    """None where something else migrates."""
    worker_ca: str = ""
    """Certificate of a private CA, for the workers to check the server by; the other two name its file already."""

    def __repr__(self) -> str:
        return "DatabaseUrls(…)"


def load(path: Path) -> Settings:
    """The settings in a YAML file.

    Raises:
        SettingsError: it can't be read, or says something that we don't understand; all of that at once.
    """
    try:
        given = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} can't be read ({error}).") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"The settings file {path} is no YAML: {error}") from error
    return read(given if given is not None else {}, str(path))


def read(given: Any, where: str = "the settings") -> Settings:
    """The same from what YAML made of it."""
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'it'}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"{where}: {problems}", "Correct it and start again.") from None


def database_urls(directory: Path) -> DatabaseUrls:
    """What a mounted Secret gives: `operator-url`, `worker-url` and `migrate-url`; a single `url` serves for those that are missing.

    A `ca.crt` beside them is what servers are checked by.

    Raises:
        SettingsError: there is neither.
    """

    def one(name: str) -> str | None:
        for path in (directory / f"{name}-url", directory / "url"):
            try:
                text = path.read_text().strip()
            except FileNotFoundError:
                continue
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(f"The database credential {path} can't be read ({type(error).__name__}).") from None
            if text:
                return text
        return None

    def needed(name: str) -> str:
        if url := one(name):
            return url
        raise SettingsError(
            f"The database credential in {directory} has neither {name}-url nor url.",
            "Give its Secret the key url, or operator-url, worker-url and migrate-url.",
        )

    operator, worker, migrate = needed("operator"), needed("worker"), one("migrate")
    return DatabaseUrls(
        trusting(operator, directory),
        worker,
        trusting(migrate, directory) if migrate else None,
        certificate_in(directory),
    )

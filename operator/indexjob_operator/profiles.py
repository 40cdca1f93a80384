"""Profiles: the named pod settings that an administrator defines and a request names.

Field by field they are what stands under `profiles` in the operator's settings file, in camelCase there.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator
from pydantic.alias_generators import to_camel

from indexjob.run_spec import Limits
from indexjob_operator.quantities import Quantity, amount, in_bytes

DAY = 24 * 3600
KEEP_THE_POD = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}
"""An autoscaler that moves a pod to save a node would make it begin again."""


class Setting(BaseModel):
    """What administrators write: camelCase, as in Kubernetes' manifests, and nothing that we don't know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True
    )


class Amounts(Setting):
    """Of a container: requests or limits. What is None is not said."""

    cpu: Quantity | None = None
    memory: Quantity | None = None
    ephemeral_storage: Quantity | None = Field(default=None, alias="ephemeral-storage")

    def manifest(self) -> dict[str, str]:
        """As a pod says it."""
        return self.model_dump(by_alias=True, exclude_none=True)


class Resources(Setting):
    """Of `clone` and of `index` each; they run one after the other, so the pod takes no more than one of them."""

    requests: Amounts = Amounts.model_validate({"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "1Gi"})
    limits: Amounts = Amounts.model_validate({"memory": "2Gi", "ephemeral-storage": "12Gi"})


class WorkspaceSettings(Setting):
    """Where the clone lies while it is indexed."""

    size: Quantity = "10Gi"
    storage_class_name: str | None = None
    """None is an emptyDir; a storage class gives each pod a volume of its own, which goes with the pod."""


class Profile(Setting):
    """What every run under this name gets."""

    deadline_seconds: PositiveInt = 3600
    """For clone and index together, kept by the worker itself; a request may ask for less or more, up to a day."""
    waiting_seconds: PositiveInt = 600
    """How long a pod may wait for a node, an image or a volume before its attempt counts as failed."""
    resources: Resources = Resources()
    memory_cap: Quantity | None = None
    """A run that was killed for memory gets twice as much next time, up to this; None is four times the limit."""
    workspace: WorkspaceSettings = WorkspaceSettings()
    node_selector: dict[str, str] = {}
    affinity: dict[str, Any] = {}
    tolerations: tuple[dict[str, Any], ...] = ()
    priority_class_name: str | None = None
    runtime_class_name: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = KEEP_THE_POD
    limits: Limits = Limits()
    """How much of a repository the worker takes on; it also stays within the workspace and the memory above."""
    ttl_seconds_after_finished: NonNegativeInt = 3600
    """How long a recorded Job is kept for people to look at, unless the request says otherwise."""

    @property
    def memory_bytes(self) -> int | None:
        """What a first launch may use; None is without limit."""
        limit = self.resources.limits.memory
        return in_bytes(limit) if limit else None

    @property
    def memory_cap_bytes(self) -> int | None:
        """What a launch may use after others were killed for memory."""
        if self.memory_bytes is None:
            return None
        return max(self.memory_bytes, in_bytes(self.memory_cap) if self.memory_cap else 4 * self.memory_bytes)

    @model_validator(mode="after")
    def _cap_is_no_less(self) -> Profile:
        if self.memory_cap and in_bytes(self.memory_cap) < (self.memory_bytes or 0):
            raise ValueError(f"memoryCap {self.memory_cap} is less than resources.limits.memory")
        for name in ("cpu", "memory", "ephemeral_storage"):
            least, most = getattr(self.resources.requests, name), getattr(self.resources.limits, name)
            if least and most and amount(least) > amount(most):
                raise ValueError(f"resources.requests.{name} {least} is more than its limit {most}")
        return self


class UnknownProfileError(Exception):
    """A request names a profile that the administrator has not defined."""


class Profiles(BaseModel):
    """All of them, by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profiles: dict[str, Profile] = {"default": Profile()}

    def named(self, name: str) -> Profile:
        """Look one up.

        Raises:
            UnknownProfileError: with the names that there are.
        """
        if (profile := self.profiles.get(name)) is None:
            msg = f'There is no profile "{name}". Use one of: {", ".join(sorted(self.profiles))}.'
            raise UnknownProfileError(msg)
        return profile

    def ttl_seconds(self, name: str, asked: int | None) -> int:
        """How long a recorded Job is kept: as its request says, else its profile (as far as there is one of that name)."""
        return self.profiles.get(name, Profile()).ttl_seconds_after_finished if asked is None else asked

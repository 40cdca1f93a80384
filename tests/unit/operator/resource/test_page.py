"""The user's page names everything that a user may meet."""

from __future__ import annotations

from pathlib import Path

import yaml

from indexjob.outcome import Reason
from indexjob_operator.resource.conditions import TYPES, WAITING
from indexjob_operator.resource.model import RERUN, IndexJob, IndexJobSpec, IndexJobStatus

PAGE = (Path(__file__).parents[4] / "docs/indexjob.md").read_text()
OF_JOBS = [reason for reason in Reason if list(Reason).index(reason) < list(Reason).index(Reason.REVISION_NOT_FOUND)]


def test_every_field_condition_and_reason_is_explained() -> None:
    fields = {field.alias for model in (IndexJobSpec, IndexJobStatus) for field in model.model_fields.values()}
    words = fields | set(TYPES) | {reason for reason, _ in WAITING.values()} | set(OF_JOBS) | {RERUN}
    missing = {word for word in words if f"`{word}`" not in PAGE and f"`{word}." not in PAGE and f"{word}=" not in PAGE}
    assert missing == set()


def test_its_manifests_are_valid() -> None:
    manifests = [part.split("```")[0] for part in PAGE.split("```yaml\n")[1:]]
    assert [yaml.safe_load(text)["kind"] for text in manifests] == ["IndexJob"]
    IndexJob.model_validate(yaml.safe_load(manifests[0]))

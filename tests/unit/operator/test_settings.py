"""What an administrator may write, and what he is told when he may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexjob_operator import settings
from indexjob_operator.profiles import Profile
from indexjob_operator.quantities import amount, in_bytes, readable
from indexjob_operator.settings import SettingsError

MINIMAL = {"worker": {"image": "worker.test/indexjob-worker:1"}}


def test_a_worker_image_is_all_that_must_be_said(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("worker:\n  image: a/b:1\n")
    found = settings.load(path)
    assert found.worker.image == "a/b:1"
    assert found.by_name().named("default").memory_bytes == 2 * 1024**3


def test_keys_are_camel_case_as_in_manifests() -> None:
    found = settings.read(
        MINIMAL
        | {
            "runNamespace": "runs",
            "credentialNamespaces": ["team-a"],
            "tenants": {"team-a": "alpha"},
            "profiles": {
                "default": {},
                "large": {
                    "deadlineSeconds": 7200,
                    "memoryCap": "32Gi",
                    "resources": {
                        "requests": {"cpu": 2, "ephemeral-storage": "1Gi"},
                        "limits": {"memory": "8Gi", "cpu": "4"},
                    },
                    "workspace": {"size": "50Gi", "storageClassName": "fast"},
                    "nodeSelector": {"disk": "ssd"},
                    "tolerations": [{"key": "batch", "operator": "Exists"}],
                    "imagePullSecrets": ["registry"],
                },
            },
        }
    )
    large = found.profiles["large"]
    assert (large.memory_bytes, large.memory_cap_bytes) == (8 * 1024**3, 32 * 1024**3)
    assert large.resources.requests.manifest() == {"cpu": "2", "ephemeral-storage": "1Gi"}
    assert (found.tenant_of("team-a"), found.tenant_of("team-b")) == ("alpha", "team-b")
    assert (found.may_look_in("team-a"), found.may_look_in("team-b")) == (True, False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"imge": "x"}, "imge: Extra inputs"),
        ({"worker": {"image": ""}}, "worker.image"),
        ({"runNamespace": "Not A Name"}, "runNamespace"),
        ({"profiles": {"default": {"resources": {"limits": {"memory": "lots"}}}}}, '"lots" is no quantity'),
        ({"profiles": {"default": {"memoryCap": "1Gi"}}}, "memoryCap 1Gi is less than resources.limits.memory"),
        ({"profiles": {"default": {"resources": {"requests": {"memory": "3Gi"}, "limits": {"memory": "2Gi"}}}}}, "is more than its limit"),
        ({"profiles": {"Default": {}}}, "profiles"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named_with_its_place(change: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings.read(MINIMAL | change)


@pytest.mark.parametrize("text", ["", "- a\n", "worker: [\n"])
def test_a_file_that_is_no_settings_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="settings"):
        settings.load(path)


def test_every_namespace_may_be_allowed() -> None:
    assert settings.read(MINIMAL | {"credentialNamespaces": ["*"]}).may_look_in("anyone")


def test_one_url_serves_for_those_that_are_missing_and_none_is_shown(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://all:canary@db/x\n")
    (tmp_path / "worker-url").write_text("postgresql://worker:canary@db/x\n")
    urls = settings.database_urls(tmp_path)
    assert (urls.operator, urls.worker) == ("postgresql://all:canary@db/x", "postgresql://worker:canary@db/x")
    assert "canary" not in repr(urls)
    with pytest.raises(SettingsError, match="neither operator-url nor url"):
        settings.database_urls(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("text", "value"), [("500m", 0.5), ("2", 2), ("1k", 1000), ("1Ki", 1024), ("1.5Gi", 1.5 * 1024**3), ("2M", 2e6)]
)
def test_quantities_are_kubernetes_own(text: str, value: float) -> None:
    assert float(amount(text)) == value


@pytest.mark.parametrize("text", ["", "-1", "1 Gi", "Gi", "1kb"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        amount(text)


def test_a_size_is_told_as_people_write_it() -> None:
    assert [readable(in_bytes(q)) for q in ("2048Mi", "1.5Gi", "1000")] == ["2Gi", "1536Mi", "1000"]


def test_memory_may_grow_fourfold_unless_said_otherwise() -> None:
    assert Profile().memory_cap_bytes == 8 * 1024**3
    assert Profile.model_validate({"resources": {"limits": {}}}).memory_cap_bytes is None

"""What is left of launches, and what is in the way of seeing to it. The API is a stand-in that keeps a few objects."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from indexjob_operator import settings
from indexjob_operator.kubernetes_api import PODS, SECRETS, RefusedError, Resource
from indexjob_operator.manifests import job_manifest, secret_manifest
from indexjob_operator.profiles import Profile
from indexjob_operator.runtime.kubernetes import KubernetesRuntime
from tests.unit.operator.launches import KEY, PLACE, at, request

SETTINGS = settings.read({"worker": {"image": "a/b:1"}})


class Api:
    def __init__(self, **kept: list[dict[str, Any]]) -> None:
        self.kept = kept
        self.deleted: list[str] = []
        self.refuses = False

    async def objects(self, what: Resource, *_: object, **__: object) -> AsyncIterator[dict[str, Any]]:
        for one in self.kept.get(what.plural, ()):
            yield one

    async def list(self, what: Resource, *_: object, **__: object) -> list[dict[str, Any]]:
        return self.kept.get(what.plural, [])

    async def merge_patch(self, what: Resource, *_: object) -> dict[str, Any]:
        (one,) = self.kept[what.plural]
        return one

    async def delete(self, what: Resource, namespace: str, name: str, **_: object) -> bool:
        if self.refuses:
            raise RefusedError(403, "no", "delete secrets")
        self.deleted.append(what.plural)
        return True


def runtime(api: Any) -> KubernetesRuntime:
    return KubernetesRuntime(api, SETTINGS, PLACE)


def labelled(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "metadata": {**manifest["metadata"], "uid": "u", "creationTimestamp": at(3600)}}


async def test_a_stray_secret_that_can_not_be_deleted_keeps_nobody_from_the_launches(
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = Api(secrets=[labelled(secret_manifest(PLACE, request(), {}))])
    await runtime(api).list()
    assert api.deleted == [SECRETS.plural]
    api.refuses = True
    assert await runtime(api).list() == []
    assert [record.action for record in caplog.records] == ["repair-failed"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("workspace", "deleted"), [({"storageClassName": "fast"}, [PODS.plural]), ({}, [])])
async def test_volumes_of_a_profile_that_is_no_more_go_with_the_recording(
    workspace: dict[str, str], deleted: list[str]
) -> None:
    made = job_manifest(PLACE, request(Profile.model_validate({"workspace": workspace})), {})
    pod = labelled({**made, "spec": made["spec"]["template"]["spec"]})
    api = Api(jobs=[made], pods=[pod])
    await runtime(api).release(KEY)
    assert api.deleted == deleted

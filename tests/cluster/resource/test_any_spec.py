"""Whatever the API server lets through, the queue takes, or refuses with a typed reason; and it refuses nothing without a sentence."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import psycopg
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from indexjob_operator.kubernetes_api import INDEX_JOBS, InvalidError, KubernetesApi
from indexjob_operator.resource.requests import refusal_of, request_of, spec_of, token_of
from tests.cluster.choice import Cluster
from tests.cluster.namespace import Namespace
from tests.cluster.resource.world import index_job
from tests.postgres.queue.leading import Leader

ODD = st.sampled_from(
    [
        "",
        " ",
        "-",
        "/",
        "//",
        ".",
        "..",
        ":",
        "@",
        "?",
        "#",
        "%",
        "~",
        "[",
        "]",
        "\\",
        "\n",
        "\u0000",
        "\u0085",
        "\u200b",
        "é",
        "\U0001d54f",
        ".git",
        ".lock",
        "a",
    ]
)
NAMES = st.text("abcXYZ019-_.", min_size=1, max_size=12)


def spliced(good: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Something good, with something odd put in somewhere, or not."""

    def put(text: str, odd: str, at: int) -> str:
        at %= len(text) + 1
        return text[:at] + odd + text[at:]

    return good | good | good | st.builds(put, good, ODD, st.integers(0, 60)) | st.text(max_size=20)


URLS = st.builds(
    "{}{}/{}/{}{}".format,
    st.sampled_from(["https://", "https://", "ssh://", "ssh://git@", "HTTPS://", "http://", "git@", "file://", ""]),
    NAMES, NAMES, NAMES, st.sampled_from(["", ".git", "/", "//", ".git/"]),
) | st.builds("git@{}:{}/{}".format, NAMES, NAMES, NAMES)  # fmt: skip
NUMBERS = (
    st.integers(1, 100)
    | st.integers(1, 100)
    | st.integers(-2, 4)
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
)
LISTS = st.lists(spliced(st.sampled_from(["src/**", "*.py", "!x", "\\#", "["])), max_size=3)
ODD_SPECS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "repository": spliced(URLS),
        "revision": spliced(st.sampled_from(["HEAD", "main", "refs/heads/a/b", "v1.0", "0" * 40])),
        "profile": spliced(st.sampled_from(["default", "large-1"])),
        "priority": NUMBERS,
        "backoffLimit": NUMBERS,
        "activeDeadlineSeconds": NUMBERS,
        "ttlSecondsAfterFinished": NUMBERS,
        "suspend": st.booleans(),
        "include": LISTS,
        "exclude": LISTS,
        "languages": st.lists(st.sampled_from(["go", "python", "tsx", "cobol"]), max_size=2),
        "credentialsSecretRef": st.fixed_dictionaries({"name": spliced(st.just("deploy-key"))}),
    }
)
FIELDS = ("repository", "revision", "profile", "priority", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished", "suspend", "include",
          "exclude", "languages", "credentialsSecretRef")  # fmt: skip
SPECS = st.builds(
    lambda odd, fields: {"repository": "https://example.org/a/b"} | {field: odd[field] for field in fields},
    ODD_SPECS,
    st.lists(st.sampled_from(FIELDS), max_size=3, unique=True),
)
"""Up to three fields that may be odd: with more, hardly any spec would be let through."""


def test_any_spec(definition: str, cluster: Cluster, namespace: Namespace, database: str) -> None:
    numbers = itertools.count()
    told = {"taken": 0, "refused by the API server": 0, "refused by the queue": 0}
    with asyncio.Runner() as runner, psycopg.connect(database, autocommit=True) as connection:
        leader, api = Leader(connection), runner.run(KubernetesApi.connect(cluster.kubeconfig))

        @settings(
            max_examples=600, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
        )
        @given(spec=SPECS, token=st.text(max_size=5))
        def each(spec: dict[str, Any], token: str) -> None:
            manifest = index_job(f"j{next(numbers)}", {"codeindex.dev/rerun": token}) | {"spec": spec}
            made = runner.run(created(manifest))
            if isinstance(made, InvalidError):
                ended = "refused by the API server"
                assert made.message.startswith('IndexJob.codeindex.dev "'), made.message
                assert "spec." in made.message, made.message
            else:
                ended = queued(made)
            told[ended] += 1
            event(ended)

        async def created(manifest: dict[str, Any]) -> dict[str, Any] | InvalidError:
            try:
                return await api.create(INDEX_JOBS, namespace.name, manifest)
            except InvalidError as error:
                return error

        def queued(made: dict[str, Any]) -> str:
            asked = request_of(spec_of(made["spec"]), tenant="team", credentials_namespace=namespace.name)
            try:
                leader.value(
                    "SELECT indexjob.apply_resource(%s, %s, %s, %s)",
                    *(leader.epoch, made["metadata"]["uid"], token_of(made["metadata"]), json.dumps(asked)),
                )
            except psycopg.Error as error:
                why = refusal_of(error)
                if why is None:
                    raise
                return "refused by the queue" if why[1].endswith(".") else "refused without a sentence"
            return "taken"

        try:
            each()
        finally:
            runner.run(api.close())
        assert leader.broken_invariants() == []
        leader.claim(1000)
        assert leader.broken_invariants() == []
    assert told["taken"] > 100, told
    assert told["refused by the API server"] > 50, told
    assert told["refused by the queue"] <= told["taken"] / 10, told

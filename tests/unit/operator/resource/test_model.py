"""The resource's model, and the definition that is made from it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

TOP = Path(__file__).parents[4]
sys.path.insert(0, str(TOP))

from generate import crd  # noqa: E402
from indexjob_operator.resource.model import IndexJob, IndexJobSpec  # noqa: E402

CHANGEABLE = {"suspend", "priority", "ttlSecondsAfterFinished"}


def parts(schema: dict[str, Any], path: str = "") -> list[tuple[str, dict[str, Any]]]:
    found = [(path, schema)]
    for name, each in schema.get("properties", {}).items():
        found += parts(each, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if inner in schema:
            found += parts(schema[inner], f"{path}.{inner}")
    return found


@pytest.mark.parametrize(("path", "schema"), parts(crd.schema()))
def test_the_schema_is_structural(path: str, schema: dict[str, Any]) -> None:
    assert schema["type"] in {"object", "array", "string", "integer", "boolean"}
    assert not {"$ref", "anyOf", "allOf", "oneOf", "title"} & set(schema)
    assert schema.get("default", 0) is not None


def test_what_defines_the_run_is_immutable_and_nothing_else() -> None:
    spec = crd.schema()["properties"]["spec"]
    guarded = {
        rule["fieldPath"].removeprefix(".") for rule in spec["x-kubernetes-validations"] if "oldSelf" in rule["rule"]
    }
    assert guarded == set(spec["properties"]) - CHANGEABLE


def test_every_string_and_list_of_the_spec_is_bounded() -> None:
    """Else the API server can't know what a rule costs, and refuses the definition."""
    for path, schema in parts(crd.schema()["properties"]["spec"]):
        if schema["type"] == "string":
            assert "maxLength" in schema or "enum" in schema, path
        if schema["type"] == "array":
            assert "maxItems" in schema, path


def test_every_field_is_described() -> None:
    for half in ("spec", "status"):
        for name, schema in crd.schema()["properties"][half]["properties"].items():
            assert schema.get("description"), name


def test_a_spec_reads_as_kubernetes_spells_it_and_passes_over_what_is_newer() -> None:
    spec = IndexJobSpec.model_validate(
        {"repository": "https://x/y", "credentialsSecretRef": {"name": "s"}, "ttlSecondsAfterFinished": 0, "newer": 1}
    )
    assert spec.credentials_secret_ref is not None
    assert (spec.credentials_secret_ref.name, spec.ttl_seconds_after_finished, spec.suspend) == ("s", 0, False)


def test_the_examples_are_valid() -> None:
    for name in ("indexjob", "all-fields"):
        IndexJob.model_validate(yaml.safe_load((TOP / f"examples/{name}.yaml").read_text()))

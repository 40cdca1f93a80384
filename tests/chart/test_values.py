"""What may be set, what is refused and with which words, and that the pages that say so are generated."""

from __future__ import annotations

import json
import re
import sys
from ipaddress import ip_interface
from typing import TYPE_CHECKING, Any

import pytest
from helm_python import HelmRenderError, HelmValuesError
from helm_python.chart import lint

from tests.chart.conftest import CHART, NAMED, TOP, TRIAL, merged

if TYPE_CHECKING:
    from tests.chart.conftest import Engine

sys.path.insert(0, str(TOP))

from generate import chart_crd, chart_readme, chart_schema
from generate.chart_values import read


@pytest.mark.parametrize("part", [chart_crd, chart_readme, chart_schema], ids=lambda part: part.PATH)
def test_what_is_generated_is_what_would_be_generated(part: Any) -> None:
    assert (TOP / part.PATH).read_text() == part.render(), "run: make generate"


@pytest.mark.parametrize("values", [NAMED, TRIAL], ids=["named", "trial"])
def test_lint_finds_nothing(values: dict[str, Any]) -> None:
    report = lint(CHART, values, strict=True, kube_version="v1.36.0")
    assert [one for one in report["messages"] if one["severity"] > 1] == []
    assert not report["errors"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"replicas": 2}, "additional properties 'replicas' not allowed"),
        ({"operator": {"replicas": "two"}}, "at '/operator/replicas': got string, want integer"),
        ({"operator": {"imagePullPolicy": "Sometimes"}}, "'Always', 'IfNotPresent', 'Never'"),
        ({"operator": {"resources": {"limits": {"memory": "lots"}}}}, "at '/operator/resources/limits/memory'"),
        ({"operator": {"tolerations": [{"effekt": "NoSchedule"}]}}, "additional properties 'effekt'"),
        ({"operator": {"extraEnv": [{"value": "x"}]}}, "missing property 'name'"),
        ({"database": {"existingSecrets": "db"}}, "additional properties 'existingSecrets' not allowed"),
        ({"runNamespace": "Not A Name"}, "at '/runNamespace'"),
        ({"imageRegistry": "https://registry.test/team"}, "at '/imageRegistry'"),
        ({"networkPolicy": {"database": {"port": 70000}}}, "at '/networkPolicy/database/port'"),
        ({"networkPolicy": {"git": {"privateRanges": ["10.0.0.1"]}}}, "at '/networkPolicy/git/privateRanges/0'"),
        ({"networkPolicy": {"git": {"privateRanges": ["300.1.1.1/8"]}}}, "at '/networkPolicy/git/privateRanges/0'"),
        ({"networkPolicy": {"apiServer": {"cidrs": ["10.0.0.0/40"]}}}, "at '/networkPolicy/apiServer/cidrs/0'"),
        ({"networkPolicy": {"database": {"cidr": "10.0.0.0/40"}}}, "at '/networkPolicy/database/cidr'"),
        ({"operator": {"podDisruptionBudget": {"maxUnavailable": -1}}}, "podDisruptionBudget/maxUnavailable'"),
        ({"operator": {"podDisruptionBudget": {"maxUnavailable": "101%"}}}, "podDisruptionBudget/maxUnavailable'"),
        ({"operator": {"podDisruptionBudget": {"maxUnavailable": "half"}}}, "podDisruptionBudget/maxUnavailable'"),
        ({"queue": {"concurency": 5}}, "additional properties 'concurency' not allowed"),
        ({"queue": {"concurrency": 0}}, "at '/queue/concurrency'"),
        ({"profiles": {"default": {"deadline": 5}}}, "additional properties 'deadline' not allowed"),
        ({"profiles": {"default": {"resources": {"limits": {"memory": "lots"}}}}}, "limits/memory'"),
        ({"profiles": {"Large!": {}}}, "Large!"),
        ({"tenants": {"shop-staging": "Shop!"}}, "at '/tenants/shop-staging'"),
        ({"shares": {"shop": {"weight": 0}}}, "at '/shares/shop/weight'"),
        ({"prometheusRule": {"failureRate": {"above": 10}}}, "at '/prometheusRule/failureRate/above'"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_with_its_place(render: Engine, values: dict[str, Any], words: str) -> None:
    with pytest.raises(HelmValuesError) as refused:
        render(values)
    assert words in str(refused.value)


@pytest.mark.parametrize("most", [0, 2, "0%", "50%", "100%"])
def test_a_disruption_budget_may_be_a_number_or_a_percentage(render: Engine, most: int | str) -> None:
    made = render({"operator": {"podDisruptionBudget": {"maxUnavailable": most}}})
    assert made.one("PodDisruptionBudget", "indexjob-operator")["spec"]["maxUnavailable"] == most


@pytest.mark.parametrize(
    "block",
    [
        *("0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "192.168.255.255/16", "256.0.0.1/8", "300.1.1.1/8", "10.0.0.0/33"),
        *("10.0.0.0/40", "10.0.0/8", "10.0.0.0.0/8", "10.0.0.0/", "010.0.0.0/8", "10.0.0.0/-1", "10.0.0.1", " 10.0.0.0/8"),
        *("::/0", "::1/128", "fd00::/8", "2001:db8::1:2/64", "1:2:3:4:5:6:7:8/128", "1:2:3:4:5:6:7::/112", "::2:3:4:5:6:7:8/9"),
        *("1::3:4:5:6:7:8/99", "1:2:3:4:5:6::8/100", "::/129", "1:2:3/64", "1::2::3/64", "12345::/16", "1:2:3:4:5:6:7:8:9/64"),
        *("1:2:3:4:5:6:7:8::/64", "::1:2:3:4:5:6:7:8/64", "g::/8", ":/8", ":::/8", "fd00::", "host.example/8"),
    ],
)  # fmt: skip
def test_a_block_of_addresses_is_taken_if_it_is_one(render: Engine, block: str) -> None:
    """By the measure of Python's own parser, at both places: where it may be empty, and in a list."""
    for values in ({"database": {"cidr": block}}, {"git": {"privateRanges": [block]}}):
        try:
            ip_interface(block)
        except ValueError:
            possible = False
        else:
            possible = "/" in block
        if possible:
            render({"networkPolicy": values})
        else:
            with pytest.raises(HelmValuesError, match="does not match pattern"):
                render({"networkPolicy": values})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "database.existingSecret is missing: name a Secret with the keys migrate-url"),
        (merged(NAMED, TRIAL), "set either existingSecret or trial.enabled, not both"),
        ({"database": {"trial": {"enabled": True}}}, "database.trial.image is missing"),
    ],
    ids=["none", "two", "no image"],
)
def test_a_database_that_is_not_named_is_refused_with_a_sentence(
    render: Engine, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(HelmRenderError) as refused:
        render(values, base={})
    assert words in str(refused.value)


@pytest.mark.parametrize("name", ["a.b", "a" * 41])
def test_a_name_that_kubernetes_would_not_take_is_refused_with_a_sentence(render: Engine, name: str) -> None:
    with pytest.raises(HelmRenderError, match="set fullnameOverride"):
        render(name=name)
    assert render({"fullnameOverride": "short"}, name=name).names("Deployment") == {"short-operator"}


def test_values_are_spoken_of_in_yamls_words() -> None:
    """Also where the operator's settings, which are Python, say what they are; and of each limit of a run what it does."""
    for path in ("README.md", "values.schema.json"):
        assert not re.search(r"\bNone\b", (CHART / path).read_text())
    limits = re.findall(
        r"^\| `profiles\.NAME\.limits\.\w+` \| .* \| (.*) \|$", (CHART / "README.md").read_text(), re.MULTILINE
    )
    assert limits
    assert all(limits)


def test_every_value_is_described_and_used() -> None:
    """By a comment, its own or the group's; and by a template."""
    templates = "".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    quiet = {"resources", "enabled", "for", "interval", "port", "ports", "imagePullPolicy", "priorityClassName"}
    quiet |= {"podLabels", "podAnnotations", "nodeSelector", "tolerations", "affinity", "annotations", "serviceAccount"}
    quiet |= {"namespaceLabels"}

    def look(values: Any) -> None:
        for value in values:
            assert value.path[-1] in templates, f"{value.name} is used nowhere"
            assert value.text or value.heading or value.path[-1] in quiet, f"{value.name} has no comment"
            look(value.children)

    look(read())


def test_the_schema_lets_through_no_key_that_nobody_named() -> None:
    """Everywhere but where Kubernetes' own, open structures stand."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    open_ones = {"affinity", "global", "volume", "topologySpreadConstraints", "tolerations", "valueFrom"}

    def look(part: Any, name: str) -> None:
        if isinstance(part, dict):
            if part.get("type") == "object" and name not in open_ones:
                assert part.get("additionalProperties") not in (None, True), name
            for key, one in part.items():
                look(one, name if key in {"items", "anyOf"} else key)
        elif isinstance(part, list):
            for one in part:
                look(one, name)

    look(schema, "values")

"""The custom resource comes with the chart, as a template: so it is upgraded with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tests.chart.conftest import TOP

if TYPE_CHECKING:
    from tests.chart.conftest import Engine

NAME = "indexjobs.codeindex.dev"


def test_it_is_the_one_of_crds(render: Engine) -> None:
    found = render().one("CustomResourceDefinition", NAME)
    assert found["spec"] == yaml.safe_load((TOP / "crds" / f"{NAME}.yaml").read_text())["spec"]


def test_it_is_kept_unless_that_is_not_wanted(render: Engine) -> None:
    def annotations(**crds: bool) -> dict[str, str]:
        metadata = render({"crds": crds}).one("CustomResourceDefinition", NAME)["metadata"]
        return dict(metadata.get("annotations", {}))

    assert annotations() == {"helm.sh/resource-policy": "keep"}
    assert annotations(keep=False) == {}


def test_it_can_be_left_to_others(render: Engine) -> None:
    assert not render({"crds": {"install": False}}).names("CustomResourceDefinition")

"""values.schema.json: what Helm refuses before anything is rendered. Nothing that values.yaml doesn't name is let through."""

from __future__ import annotations

import json
from typing import Any

from generate.chart_values import Value, in_yaml, read
from indexjob_operator.settings import Settings

PATH = "charts/indexjob-operator/values.schema.json"
Schema = dict[str, Any]

TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
GROUP = "[0-9a-fA-F]{1,4}"
IPV4 = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}"
IPV6 = "|".join(
    (
        f"({GROUP}:){{7}}{GROUP}",
        *(f"({GROUP}:){{1,{before}}}(:{GROUP}){{1,{7 - before}}}" for before in range(1, 7)),
        f"({GROUP}:){{1,7}}:",
        f":(:{GROUP}){{1,7}}",
        "::",
    )
)
CIDR = f"({IPV4})/(3[0-2]|[12]?[0-9])|({IPV6})/(12[0-8]|1[01][0-9]|[1-9]?[0-9])"
QUANTITY = {"type": ["string", "number"], "pattern": "^[0-9]+(\\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"}


def _only(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": list(required)} if required else {}),
    }


STRING: Schema = {"type": "string"}
DEFINITIONS: dict[str, Schema] = {
    "strings": {"type": "object", "additionalProperties": STRING},
    "cidr": {"type": "string", "pattern": f"^({CIDR})$"},
    "cidrOrNone": {"type": "string", "pattern": f"^({CIDR})?$"},
    "duration": {"type": "string", "pattern": "^[0-9]+(s|m|h|d)$"},
    "resources": _only(
        requests={"type": "object", "additionalProperties": QUANTITY},
        limits={"type": "object", "additionalProperties": QUANTITY},
    ),
    "toleration": _only(
        key=STRING,
        operator={"enum": ["Exists", "Equal"]},
        value=STRING,
        effect={"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]},
        tolerationSeconds={"type": "integer"},
    ),
    "env": _only(("name",), name={"type": "string", "minLength": 1}, value=STRING, valueFrom={"type": "object"}),
    "volume": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}}},
    "volumeMount": _only(
        ("name", "mountPath"),
        name=STRING,
        mountPath=STRING,
        subPath=STRING,
        subPathExpr=STRING,
        readOnly={"type": "boolean"},
    ),
}


def render() -> str:
    """The schema, as JSON."""
    settings = Settings.model_json_schema(by_alias=True)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Values of the chart indexjob-operator",
        "type": "object",
        "properties": {value.path[-1]: _schema(value, settings) for value in read()}
        | {"global": {"type": "object", "description": "Helm's own, of a chart that this one is a part of."}},
        "additionalProperties": False,
        "$defs": DEFINITIONS | {name: _tidy(one) for name, one in settings["$defs"].items()},
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(value: Value, settings: Schema) -> Schema:
    about = {"description": value.text} if value.text else {}
    if value.settings:
        return _tidy(settings["properties"][value.settings]) | about
    if value.children:
        children = {child.path[-1]: _schema(child, settings) for child in value.children}
        return {"type": "object", "properties": children, "additionalProperties": False} | about
    if "$ref" in value.schema:
        return value.schema | about
    found: Schema = {"type": TYPES[type(value.default)]} | value.schema
    if found["type"] == "array" and "items" not in found:
        raise ValueError(f"{value.name}: say in a `schema:` line what its items are")
    if found["type"] == "object" and "additionalProperties" not in found:
        raise ValueError(f"{value.name}: say in a `schema:` line what it holds")
    return found | about


def _tidy(schema: Any) -> Any:
    """Without titles and defaults, which the settings have and values.yaml says; a key that fits no pattern is refused."""
    if isinstance(schema, list):
        return [_tidy(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if "patternProperties" in schema else {}
    tidy = closed | {key: _tidy(one) for key, one in schema.items() if key not in {"title", "default"}}
    if isinstance(text := schema.get("description"), str):
        tidy["description"] = in_yaml(text)
    return tidy

"""Kubernetes' quantities ("500m", "2Gi"), as far as a profile needs them: to be checked where they are written, and to be reckoned with."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

_PATTERN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(n|u|m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?")
_SMALL = {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1), "k": Decimal(1000)}
_LARGE = "KMGTPE"


def amount(quantity: str) -> Decimal:
    """How much it is: bytes, or CPUs.

    Raises:
        ValueError: it is no quantity.
    """
    found = _PATTERN.fullmatch(quantity)
    if found is None:
        msg = f'"{quantity}" is no quantity; write for example 500m (half a CPU), 2, 512Mi or 10Gi'
        raise ValueError(msg)
    number, unit = Decimal(found[1]), found[2] or ""
    if unit in _SMALL:
        return number * _SMALL[unit]
    power = _LARGE.index(unit[0]) + 1
    return number * Decimal(1024 if unit.endswith("i") else 1000) ** power


def in_bytes(quantity: str) -> int:
    """As a whole number of bytes."""
    return int(amount(quantity))


def readable(size: int) -> str:
    """So many bytes, in the largest binary unit that people would take: 1536Mi, 2Gi."""
    for power, unit in ((3, "Gi"), (2, "Mi"), (1, "Ki")):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power}{unit}"
    return str(size)


def _checked(quantity: str) -> str:
    amount(quantity)
    return quantity


def _text(given: object) -> object:
    return str(given) if isinstance(given, (int, float)) and not isinstance(given, bool) else given


Quantity = Annotated[
    str,
    BeforeValidator(_text),
    AfterValidator(_checked),
    WithJsonSchema({"type": ["string", "number"], "pattern": f"^{_PATTERN.pattern}$"}),
]
"""A quantity, kept as it was written; YAML's plain numbers are taken too."""

"""Frozen dataclasses as JSON, and back: the one that passes between the operator and the worker, and nothing that looks like it.

The worker's two processes live for a second each, and pydantic takes 130 ms of processor time to import; so what the worker reads and writes is
read here. A field's bound is in its metadata, where pydantic finds it too: an administrator writes `Limits` as a part of a profile.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import MISSING
from enum import Enum
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

POSITIVE = {"gt": 0}
"""The metadata of a field that is more than 0."""


class MalformedError(ValueError):
    """It is no JSON, or not of this record: all that is wrong, by the fields' names."""


def read(kind: type[T], text: str | bytes, *, others_ignored: bool = False) -> T:
    """The record that the text holds, with all of it checked: types, bounds, and that there is nothing else.

    Raises:
        MalformedError: which fields are wrong, and how.
    """
    try:
        given = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"it is no JSON ({error})") from None
    return _record(kind, given, (), others_ignored=others_ignored)


def write(record: DataclassInstance) -> str:
    """As JSON, without what is None."""
    return json.dumps(_plain(record), ensure_ascii=False, separators=(",", ":"))


def _record(kind: type[T], given: object, path: tuple[str, ...], *, others_ignored: bool = False) -> T:
    if not isinstance(given, dict):
        raise _wrong(path, "is no object")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    wrong = (
        [] if others_ignored else [_wrong((*path, name), "is no field of it") for name in given.keys() - fields.keys()]
    )
    values: dict[str, Any] = {}
    for name, field in fields.items():
        try:
            if name in given:
                values[name] = _field(field, _kinds(kind)[name], given[name], (*path, name))
            elif field.default is MISSING and field.default_factory is MISSING:
                raise _wrong((*path, name), "is missing")
        except MalformedError as error:
            wrong.append(error)
    if wrong:
        raise MalformedError("; ".join(map(str, wrong)))
    return kind(**values)


def _field(field: dataclasses.Field[Any], kind: Any, given: Any, path: tuple[str, ...]) -> Any:
    value = _value(kind, given, path)
    if value is not None and "gt" in field.metadata and not value > field.metadata["gt"]:
        raise _wrong(path, f"must be more than {field.metadata['gt']}")
    return value


def _value(kind: Any, given: Any, path: tuple[str, ...]) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (other,) = (one for one in arguments if one is not type(None))
        return None if given is None else _value(other, given, path)
    if origin is tuple and isinstance(given, list):
        return tuple(_value(arguments[0], one, (*path, str(number))) for number, one in enumerate(given))
    if origin is dict and isinstance(given, dict):
        return {_key(arguments[0], key, path): _value(arguments[1], one, (*path, key)) for key, one in given.items()}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _record(kind, given, path)
    if kind is float and type(given) is int:
        return float(given)
    if kind is UUID or issubclass(kind, Enum):
        try:
            return kind(given)
        except (ValueError, AttributeError):
            raise _wrong(path, f"is no {kind.__name__}") from None
    if type(given) is not kind or (kind is float and not math.isfinite(given)):
        raise _wrong(path, f"is no {getattr(kind, '__name__', kind)}")
    return given


def _key(kind: type, given: str, path: tuple[str, ...]) -> object:
    try:
        return kind(given)
    except ValueError:
        raise _wrong((*path, given), f"is no {kind.__name__}") from None


@cache
def _kinds(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: _plain(one) for name, one in fields if one is not None}
    if isinstance(value, UUID):
        return str(value)
    return value


def _wrong(path: tuple[str, ...], how: str) -> MalformedError:
    return MalformedError(f"{'.'.join(path) or 'it'} {how}")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of it")

"""Frozen dataclasses to DynamoDB attributes and back, by type: read once per class, then only dictionary work.

Text, whole numbers, truth values, enums (as their text), nested dataclasses, tuples, dictionaries with text keys, and
`X | None`. `Any` holds what JSON can hold, except fractions: numbers are whole, in units.

A field that is None, "", () or {} and has that as its default is left out; an absent field gets its default. So a
field may be added with a default at any time, and an empty default has to stay empty.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from chalicelib.domain.histogram import Histogram

T = TypeVar("T")

Attribute = Mapping[str, Any]
"""One DynamoDB value as the low-level client takes it: {"S": "text"}, {"N": "1"}, {"M": {...}}."""

Attributes = dict[str, Any]

Encode = Callable[[Any], Attribute]
Decode = Callable[[Attribute], Any]


class _Codec(NamedTuple):
    encode: Encode
    decode: Decode


class _FieldCodec(NamedTuple):
    name: str
    empty: Any
    encode: Encode
    decode: Decode


_KNOWN: dict[type[Any], tuple[_FieldCodec, ...]] = {}
_KEPT = object()
_NULL: Attribute = {"NULL": True}


def attributes_of(record: Any) -> Attributes:
    """The attributes of a dataclass instance.

    Raises:
        TypeError: a value no attribute can hold, such as a float.
    """
    return _encode_fields(record, _fields_of(type(record)))


def instance_of(kind: type[T], attributes: Mapping[str, Any]) -> T:
    """The instance that `attributes_of` made these from; attributes it does not know are ignored."""
    known = _fields_of(kind)
    given = {name: decode(attributes[name]) for name, _, _, decode in known if name in attributes}
    return kind(**given)


def _fields_of(kind: type[Any]) -> tuple[_FieldCodec, ...]:
    # Two threads that come first at once both read the class, with the same result.
    known = _KNOWN.get(kind)
    if known is None:
        hints = get_type_hints(kind)
        known = _KNOWN[kind] = tuple(_field_codec(each, hints[each.name]) for each in fields(kind))
    return known


def _field_codec(each: Field[Any], hint: Any) -> _FieldCodec:
    encode, decode = _codec(hint)
    default = each.default_factory() if each.default_factory is not MISSING else each.default
    empty = default if default is None or default in ("", (), {}) or is_dataclass(default) else _KEPT
    return _FieldCodec(each.name, empty, encode, decode)


def _encode_fields(record: Any, known: tuple[_FieldCodec, ...]) -> Attributes:
    encoded: Attributes = {}
    for name, empty, encode, _ in known:
        value = getattr(record, name)
        if empty is _KEPT or value != empty:
            encoded[name] = encode(value)
    return encoded


def _codec(hint: Any) -> _Codec:
    if hint is Any:
        return _Codec(_encode_any, _decode_any)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _union(get_args(hint))
    if origin is tuple:
        return _tuple(get_args(hint))
    if origin is dict:
        return _mapping(hint)
    if isinstance(hint, type):
        return _plain(hint)
    raise TypeError(f"no attribute can hold a {hint!r}")


def _plain(kind: type[Any]) -> _Codec:
    if kind is bool:
        return _Codec(lambda value: {"BOOL": value}, itemgetter("BOOL"))
    if kind is int:
        return _Codec(lambda value: {"N": str(value)}, lambda attribute: int(attribute["N"]))
    if kind is str:
        return _Codec(lambda value: {"S": value}, itemgetter("S"))
    if issubclass(kind, StrEnum):
        members = {member.value: member for member in kind}
        return _Codec(lambda value: {"S": value.value}, lambda attribute: members[attribute["S"]])
    if kind is Histogram:
        return _Codec(lambda value: {"S": _text_of(value)}, lambda attribute: _histogram_of(attribute["S"]))
    if is_dataclass(kind):
        known = _fields_of(kind)
        return _Codec(
            lambda value: {"M": _encode_fields(value, known)}, lambda attribute: instance_of(kind, attribute["M"])
        )
    raise TypeError(f"no attribute can hold a {kind!r}")


def _text_of(histogram: Histogram) -> str:
    """`bucket:count bucket:count`: a tenth of the room a list of pairs would take."""
    return " ".join(f"{bucket}:{count}" for bucket, count in histogram.counts)


def _histogram_of(text: str) -> Histogram:
    pairs = (pair.split(":") for pair in text.split())
    return Histogram(counts=tuple((int(bucket), int(count)) for bucket, count in pairs))


def _union(choices: tuple[Any, ...]) -> _Codec:
    kinds = [choice for choice in choices if choice is not types.NoneType]
    if len(kinds) == 1:
        encode, decode = _codec(kinds[0])
        return _Codec(
            lambda value: _NULL if value is None else encode(value),
            lambda attribute: None if "NULL" in attribute else decode(attribute),
        )
    if set(kinds) <= {int, str, bool}:
        return _Codec(_encode_any, _decode_any)
    raise TypeError(f"no attribute says which of {choices!r} it is")


def _tuple(items: tuple[Any, ...]) -> _Codec:
    if len(items) == 2 and items[1] is Ellipsis:
        encode, decode = _codec(items[0])
        return _Codec(
            lambda value: {"L": [encode(each) for each in value]},
            lambda attribute: tuple([decode(each) for each in attribute["L"]]),
        )
    codecs = tuple(_codec(item) for item in items)
    return _Codec(
        lambda value: {"L": [codec.encode(each) for codec, each in zip(codecs, value, strict=True)]},
        lambda attribute: tuple(codec.decode(each) for codec, each in zip(codecs, attribute["L"], strict=True)),
    )


def _mapping(hint: Any) -> _Codec:
    key, item = get_args(hint)
    if key is not str:
        raise TypeError(f"no attribute can hold a {hint!r}")
    encode, decode = _codec(item)
    return _Codec(
        lambda value: {"M": {name: encode(each) for name, each in value.items()}},
        lambda attribute: {name: decode(each) for name, each in attribute["M"].items()},
    )


def _encode_any(value: Any) -> Attribute:
    match value:
        case None:
            return _NULL
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": str(value)}
        case dict():
            return {"M": {str(name): _encode_any(each) for name, each in value.items()}}
        case list() | tuple():
            return {"L": [_encode_any(each) for each in value]}
        case _:
            raise TypeError(f"no attribute can hold {value!r}; numbers are whole, in units")


def _decode_any(attribute: Attribute) -> Any:
    ((tag, value),) = attribute.items()
    match tag:
        case "S" | "BOOL":
            return value
        case "N":
            return int(value)
        case "NULL":
            return None
        case "M":
            return {name: _decode_any(each) for name, each in value.items()}
        case "L":
            return [_decode_any(each) for each in value]
        case _:
            raise TypeError(f"an attribute of the unknown type {tag}")

"""Items of the table as they come over the wire, and as they go. boto3 asks the service model ten questions about every
attribute, and gives back what was there: most of what reading a page of a list costs, and a tenth of a deployment.
"""

from __future__ import annotations

from typing import Any, Final

from botocore.parsers import JSONParser, ResponseParserFactory
from botocore.serialize import JSONSerializer

ATTRIBUTE: Final = "AttributeValue"
BINARY: Final = (b'"B"', b'"BS"')
"""In an answer without these there are no bytes, which JSON spells out and boto3 reads."""


class PlainItemParser(JSONParser):
    """Reads answers of JSON services; what the table holds is left as it is, unless there may be bytes in the answer."""

    def _handle_json_body(self, raw_body: bytes, shape: Any) -> Any:
        if any(kind in raw_body for kind in BINARY):
            usual: Any = JSONParser(self._timestamp_parser, self._blob_parser)  # type: ignore[attr-defined]  # as above
            return usual._handle_json_body(raw_body, shape)
        return super()._handle_json_body(raw_body, shape)  # type: ignore[misc]

    def _handle_map(self, shape: Any, value: Any) -> Any:
        if shape.value.name == ATTRIBUTE:
            return value
        return super()._handle_map(shape, value)  # type: ignore[misc]


class PlainItemParsers(ResponseParserFactory):
    """What a session makes parsers with."""

    def create_parser(self, protocol_name: str) -> Any:
        """The parser of a protocol."""
        if protocol_name == "json":
            return PlainItemParser(**getattr(self, "_defaults", {}))
        return super().create_parser(protocol_name)


class PlainItemSerializer(JSONSerializer):
    """Writes requests of JSON services; attributes without bytes are their own wire form."""

    def _serialize_type_map(self, serialized: Any, value: Any, shape: Any, key: Any) -> None:
        if shape.value.name == ATTRIBUTE and all(_is_plain(attribute) for attribute in value.values()):
            serialized[key] = value
        else:
            super()._serialize_type_map(serialized, value, shape, key)  # type: ignore[misc]


def _is_plain(attribute: Any) -> bool:
    """Whether there are no bytes in an attribute, however deep."""
    for kind, content in attribute.items():
        if kind in ("B", "BS"):
            return False
        if kind == "M" and not all(_is_plain(part) for part in content.values()):
            return False
        if kind == "L" and not all(_is_plain(part) for part in content):
            return False
    return True

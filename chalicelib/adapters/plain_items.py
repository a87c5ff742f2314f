"""Items of the table as they come over the wire. boto3 asks the service model ten questions about every attribute,
and gives back what was there: half of what reading a page of a timeline costs.
"""

from __future__ import annotations

from typing import Any, Final

from botocore.parsers import JSONParser, ResponseParserFactory

ATTRIBUTE: Final = "AttributeValue"
BINARY: Final = frozenset({"B", "BS"})


class PlainItemParser(JSONParser):
    """Reads answers of JSON services; what the table holds is left as it is, but for bytes, which are spelled out in JSON."""

    def _handle_structure(self, shape: Any, value: Any) -> Any:
        if shape.name == ATTRIBUTE and _is_plain(value):
            return value
        return super()._handle_structure(shape, value)  # type: ignore[misc]  # the stubs leave it out


class PlainItemParsers(ResponseParserFactory):
    """What a session makes parsers with."""

    def create_parser(self, protocol_name: str) -> Any:
        """The parser of a protocol."""
        if protocol_name == "json":
            return PlainItemParser(**getattr(self, "_defaults", {}))
        return super().create_parser(protocol_name)


def _is_plain(value: Any) -> bool:
    """Whether there are no bytes in an attribute, however deep."""
    for kind, content in value.items():
        if kind in BINARY:
            return False
        if kind == "M":
            return all(_is_plain(part) for part in content.values())
        if kind == "L":
            return all(_is_plain(part) for part in content)
    return True

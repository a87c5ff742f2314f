"""Items of the table as they come over the wire. boto3 asks the service model ten questions about every attribute,
and gives back what was there: most of what reading a page of a list costs.
"""

from __future__ import annotations

from typing import Any, Final

from botocore.parsers import JSONParser, ResponseParserFactory

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

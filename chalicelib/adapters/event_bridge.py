"""Implements Bus on EventBridge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "hotswap"
TRIES = 3
PUT_AT_ONCE = 10
"""Limit of PutEvents."""


class EventBridgeBus:
    """One event bus; everything we say there has the source `hotswap`."""

    def __init__(self, client: EventBridgeClient, bus: str) -> None:
        self._client = client
        self._bus = bus

    def publish(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Put events on the bus, at least once; the message's `id` is the `id` in its detail, to know doubles by.

        Raises:
            Unavailable: some were not taken; publish them again.
        """
        entries = [self._entry(message) for message in messages]
        for start in range(0, len(entries), PUT_AT_ONCE):
            self._put(entries[start : start + PUT_AT_ONCE])

    def _entry(self, message: Mapping[str, Any]) -> dict[str, Any]:
        detail = {**message["detail"], "id": message["id"]}
        return {
            "EventBusName": self._bus,
            "Source": SOURCE,
            "DetailType": message["detailType"],
            "Detail": json.dumps(detail, ensure_ascii=False),
        }

    def _put(self, entries: Sequence[dict[str, Any]]) -> None:
        """PutEvents answers 200 even when it took none of them: what failed is put again."""
        for _ in range(TRIES):
            try:
                answer: Any = self._client.put_events(Entries=list(entries))  # type: ignore[arg-type]  # plain dicts
            except (ClientError, BotoCoreError) as error:
                raise Unavailable("EventBridge does not answer.") from error
            if not answer["FailedEntryCount"]:
                return
            entries = [entry for entry, result in zip(entries, answer["Entries"], strict=True) if "ErrorCode" in result]
        raise Unavailable(f"EventBridge did not take {len(entries)} events.")

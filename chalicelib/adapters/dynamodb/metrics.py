"""Implements Metrics: a row for each node and digest, read, added to and written back under a condition.

    rows      pk                                     sk                       kept
    series    SERIES#environment#module#hour/shard   step#node id#digest      7 days
    bakes     BAKE#bake                              node id#digest           2 days

A step is ten seconds, or as fine as the policy reads levels. A row has one writer, its node, so the write back hardly ever meets another; what it does meet
is the same report sent again, and that is what the condition is for. The histogram is one short text, which keeps a
row within one write unit. (Letting DynamoDB add, with an attribute for each histogram bucket, was tried: expressions
with hundreds of terms, against their limit of 4 KB, and 200 ms each in the local emulator.)
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from chalicelib.adapters.dynamodb.codec import Attributes
from chalicelib.adapters.dynamodb.keys import EXPIRES_AT, ITEM_TYPE, LAST, PK, SK, joined
from chalicelib.adapters.dynamodb.patience import TRIES, code_of, patiently, pause
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.histogram import Histogram
from chalicelib.domain.metrics import Window
from chalicelib.usecases.ports import SERIES_STEP_MS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DIGITS = 13
"""Of an instant in milliseconds, so that keys sort by time."""

HOUR_MS = 3_600_000
SHARDS = 8
SERIES_KEPT_S = 7 * 86_400
BAKES_KEPT_S = 2 * 86_400

NOBODY_WROTE_IT = f"attribute_not_exists({PK})"
AS_IT_WAS_READ = "lastInterval = :known"

_NUMBERS: Final = (
    "started_at_ms",
    "ended_at_ms",
    "duration_ms",
    "requests",
    "errors",
    "cpu_ms",
    "memory_byte_ms",
    "crashes",
)


class DynamoMetrics:
    """The series and the bakes, in the one table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client: Any = client
        self._table = table

    def add(
        self,
        *,
        environment: str,
        module: str,
        node_id: str,
        digest: str,
        interval: int,
        window: Window,
        step_ms: int = SERIES_STEP_MS,
    ) -> None:
        """Keep a window in the series, added up over `step_ms`; the same interval of a node and digest counts once."""
        shard = zlib.crc32(node_id.encode()) % SHARDS
        pk = _series_key(environment, module, window.started_at_ms // HOUR_MS, shard)
        sk = f"{window.started_at_ms // step_ms * step_ms:0{DIGITS}d}#{node_id}#{digest}"
        self._add({PK: {"S": pk}, SK: {"S": sk}}, node_id, digest, interval, window, SERIES_KEPT_S)

    def add_to_bake(self, *, bake: str, node_id: str, digest: str, interval: int, window: Window) -> None:
        """Add a window to what a node measured since the bake began; the same interval counts once."""
        key = {PK: {"S": joined("BAKE", bake)}, SK: {"S": f"{node_id}#{digest}"}}
        self._add(key, node_id, digest, interval, window, BAKES_KEPT_S)

    def bake(self, bake: str) -> dict[tuple[str, str], Window]:
        """(node id, digest) -> everything measured since the bake began, read consistently."""
        return {_owner(row): _window(row) for row in self._rows(joined("BAKE", bake), " ", LAST)}

    def series(self, *, environment: str, module: str, from_ms: int, to_ms: int) -> tuple[tuple[str, str, Window], ...]:
        """(node id, digest, window of one step) of every node, oldest first, whose start lies in [from, to)."""
        # A row's key is where its step begins, which may lie before the first window in it.
        low, high = f"{max(from_ms - SERIES_STEP_MS, 0):0{DIGITS}d}", f"{to_ms - 1:0{DIGITS}d}{LAST}"
        rows = [
            row
            for hour in range(from_ms // HOUR_MS, (to_ms - 1) // HOUR_MS + 1)
            for shard in range(SHARDS)
            for row in self._rows(_series_key(environment, module, hour, shard), low, high)
        ]
        found = [(*_owner(row), _window(row)) for row in rows]
        within = [row for row in found if from_ms <= row[2].started_at_ms < to_ms]
        return tuple(sorted(within, key=lambda row: (row[2].started_at_ms, row[0], row[1])))

    def _add(self, key: Attributes, node_id: str, digest: str, interval: int, window: Window, kept_s: int) -> None:
        owner = {"nodeId": {"S": node_id}, "digest": {"S": digest}, ITEM_TYPE: {"S": "Window"}}
        for attempt in range(TRIES):
            read = partial(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True)
            known: Attributes | None = patiently(read).get("Item")
            if known is not None and int(known["lastInterval"]["N"]) >= interval:
                return
            whole = window if known is None else _window(known).merge(window)
            kept = {
                "lastInterval": {"N": str(interval)},
                EXPIRES_AT: {"N": str(whole.ended_at_ms // 1000 + kept_s)},
            }
            if self._written(key | owner | kept | _attributes(whole), known):
                return
            pause(attempt)
        raise Unavailable("This window is being written by too many at once.")

    def _written(self, item: Attributes, known: Attributes | None) -> bool:
        request: dict[str, Any] = {"TableName": self._table, "Item": item}
        if known is None:
            request["ConditionExpression"] = NOBODY_WROTE_IT
        else:
            request["ConditionExpression"] = AS_IT_WAS_READ
            request["ExpressionAttributeValues"] = {":known": known["lastInterval"]}
        try:
            patiently(partial(self._client.put_item, **request))
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _rows(self, pk: str, low: str, high: str) -> Iterator[Attributes]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": f"{PK} = :pk AND {SK} BETWEEN :low AND :high",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":low": {"S": low}, ":high": {"S": high}},
            "ConsistentRead": True,
        }
        while True:
            answer = patiently(partial(self._client.query, **request))
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _series_key(environment: str, module: str, hour: int, shard: int) -> str:
    return joined("SERIES", environment, module, f"{hour}/{shard}")


def _owner(row: Attributes) -> tuple[str, str]:
    return row["nodeId"]["S"], row["digest"]["S"]


def _attributes(window: Window) -> Attributes:
    """The numbers as they are, the histogram as `bucket:count bucket:count`."""
    latency = " ".join(f"{bucket}:{count}" for bucket, count in window.latency.counts)
    return {name: {"N": str(getattr(window, name))} for name in _NUMBERS} | {"latency": {"S": latency}}


def _window(row: Attributes) -> Window:
    pairs = (pair.split(":") for pair in row["latency"]["S"].split())
    latency = Histogram(counts=tuple((int(bucket), int(count)) for bucket, count in pairs))
    return Window(latency=latency, **{name: int(row[name]["N"]) for name in _NUMBERS})

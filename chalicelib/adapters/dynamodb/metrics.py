"""Implements Metrics: the series of what nodes measured, one row for each node, digest and step that is over.

    rows      pk                                     sk                       kept
    series    SERIES#environment#module#hour/shard   step#node id#digest      7 days

A step is ten seconds, or as fine as the policy reads levels. What is not over stands in the node's row, so a report
costs no write here; a step is written once. The histogram is one short text, which keeps a row within one write unit.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from chalicelib.adapters.dynamodb.codec import Attributes
from chalicelib.adapters.dynamodb.keys import EXPIRES_AT, ITEM_TYPE, LAST, PK, SK, joined
from chalicelib.adapters.dynamodb.patience import code_of, patiently
from chalicelib.domain.histogram import Histogram
from chalicelib.domain.metering import OpenStep
from chalicelib.domain.metrics import OwnMetric, Window
from chalicelib.usecases.ports import SERIES_STEP_MS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DIGITS = 13
"""Of an instant in milliseconds, so that keys sort by time."""

HOUR_MS = 3_600_000
SHARDS = 8
SERIES_KEPT_S = 7 * 86_400

NEVER_LESS = f"attribute_not_exists({PK}) OR #duration <= :duration"

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
    """The series, in the one table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client: Any = client
        self._table = table

    def keep(self, *, environment: str, node_id: str, step: OpenStep) -> None:
        """Keep a step that is over. Keeping it again changes nothing; a smaller sum never replaces a bigger one."""
        shard = _shard(node_id)
        window = step.window
        item: Attributes = {
            PK: {"S": _series_key(environment, step.module, window.started_at_ms // HOUR_MS, shard)},
            SK: {"S": f"{step.begins_ms:0{DIGITS}d}#{node_id}#{step.digest}"},
            "nodeId": {"S": node_id},
            "digest": {"S": step.digest},
            ITEM_TYPE: {"S": "Window"},
            EXPIRES_AT: {"N": str(window.ended_at_ms // 1000 + SERIES_KEPT_S)},
        }
        request = partial(
            self._client.put_item,
            TableName=self._table,
            Item=item | _attributes(window),
            ConditionExpression=NEVER_LESS,
            ExpressionAttributeNames={"#duration": "duration_ms"},
            ExpressionAttributeValues={":duration": {"N": str(window.duration_ms)}},
        )
        try:
            patiently(request)
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise

    def series(
        self, *, environment: str, module: str, nodes: Collection[str], from_ms: int, to_ms: int
    ) -> tuple[tuple[str, str, Window], ...]:
        """(node id, digest, window of one step) of these nodes (ids), oldest first, whose start lies in [from, to)."""
        # A row's key is where its step begins, which may lie before the first window in it.
        low, high = f"{max(from_ms - SERIES_STEP_MS, 0):0{DIGITS}d}", f"{to_ms - 1:0{DIGITS}d}{LAST}"
        rows = [
            row
            for hour in range(from_ms // HOUR_MS, (to_ms - 1) // HOUR_MS + 1)
            for shard in sorted({_shard(node_id) for node_id in nodes})
            for row in self._rows(_series_key(environment, module, hour, shard), low, high)
        ]
        found = [(*_owner(row), _window(row)) for row in rows]
        within = [row for row in found if from_ms <= row[2].started_at_ms < to_ms and row[0] in nodes]
        return tuple(sorted(within, key=lambda row: (row[2].started_at_ms, row[0], row[1])))

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


def _shard(node_id: str) -> int:
    return zlib.crc32(node_id.encode()) % SHARDS


def _series_key(environment: str, module: str, hour: int, shard: int) -> str:
    return joined("SERIES", environment, module, f"{hour}/{shard}")


def _owner(row: Attributes) -> tuple[str, str]:
    return row["nodeId"]["S"], row["digest"]["S"]


def _attributes(window: Window) -> Attributes:
    """The numbers as they are, the histogram as `bucket:count bucket:count`, own metrics as `name:integral:covered`."""
    latency = " ".join(f"{bucket}:{count}" for bucket, count in window.latency.counts)
    attributes = {name: {"N": str(getattr(window, name))} for name in _NUMBERS} | {"latency": {"S": latency}}
    if window.own:
        own = " ".join(f"{metric.name}:{metric.micros_ms}:{metric.covered_ms}" for metric in window.own)
        attributes["own"] = {"S": own}
    return attributes


def _window(row: Attributes) -> Window:
    pairs = [pair.split(":") for pair in row["latency"]["S"].split()]
    return Window(
        started_at_ms=int(row["started_at_ms"]["N"]),
        ended_at_ms=int(row["ended_at_ms"]["N"]),
        duration_ms=int(row["duration_ms"]["N"]),
        requests=int(row["requests"]["N"]),
        errors=int(row["errors"]["N"]),
        latency=Histogram(counts=tuple([(int(bucket), int(count)) for bucket, count in pairs])),
        cpu_ms=int(row["cpu_ms"]["N"]),
        memory_byte_ms=int(row["memory_byte_ms"]["N"]),
        crashes=int(row["crashes"]["N"]),
        own=_own(row["own"]["S"]) if "own" in row else (),
    )


def _own(text: str) -> tuple[OwnMetric, ...]:
    triples = (triple.split(":") for triple in text.split())
    return tuple(
        OwnMetric(name=name, micros_ms=int(micros_ms), covered_ms=int(covered_ms))
        for name, micros_ms, covered_ms in triples
    )

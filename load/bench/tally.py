"""What each operation asks of the table: calls, units and bytes, by DynamoDB's rules of what counts.

Sources: "DynamoDB item sizes and formats" and "Read and write operations" of the developer guide: a read unit is 4 KB
(half for an eventual read), a write unit 1 KB, a transaction counts twice; a changed item is written again into each
index it stands in, and deleted first where its key there changes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chalicelib.adapters.aws_clients import AwsClients

READ_BYTES, WRITE_BYTES = 4_096, 1_024
INDEXES = ("gsi1", "gsi2")


def size_of(attributes: Mapping[str, Any]) -> int:
    """Bytes of an item: names and values."""
    return sum(len(name.encode()) + _value(value) for name, value in attributes.items())


def _value(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return -(-len(content.strip("-.")) // 2) + 1
        case "M":
            return 3 + sum(len(name.encode()) + _value(part) + 1 for name, part in content.items())
        case "L":
            return 3 + sum(_value(part) + 1 for part in content)
        case "SS" | "NS" | "BS":
            return 3 + sum(len(part) for part in content)
    return 1


@dataclass(slots=True)
class Used:
    """What one operation used. An eventual read costs half a unit."""

    calls: int = 0
    reads: float = 0.0
    writes: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    largest_item: int = 0
    written_keys: list[str] = field(default_factory=list)


class CountingTable:
    """The DynamoDB client with an eye on every call. Everything else is the client's own."""

    def __init__(self, client: Any, tally: Tally) -> None:
        self._client, self._tally = client, tally

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_item(self, **request: Any) -> Any:
        answer = self._client.get_item(**request)
        self._read([answer["Item"]] if "Item" in answer else [], consistent=request.get("ConsistentRead", False))
        return answer

    def query(self, **request: Any) -> Any:
        answer = self._client.query(**request)
        self._read(answer["Items"], consistent=request.get("ConsistentRead", False))
        return answer

    def batch_get_item(self, **request: Any) -> Any:
        answer = self._client.batch_get_item(**request)
        for items in answer["Responses"].values():
            for item in items:
                self._read([item], consistent=True, calls=0)
        self._tally.used().calls += 1
        return answer

    def put_item(self, **request: Any) -> Any:
        before = self._before(request["TableName"], request["Item"])
        answer = self._client.put_item(**request)
        self._wrote(before, request["Item"], times=1)
        return answer

    def delete_item(self, **request: Any) -> Any:
        before = self._before(request["TableName"], request["Key"])
        answer = self._client.delete_item(**request)
        self._wrote(before, {}, times=1)
        return answer

    def transact_write_items(self, **request: Any) -> Any:
        pairs = []
        for each in request["TransactItems"]:
            ((_, parameters),) = each.items()
            item = parameters.get("Item", {})
            pairs.append((self._before(parameters["TableName"], item or parameters["Key"]), item))
        answer = self._client.transact_write_items(**request)
        for before, after in pairs:
            self._wrote(before, after, times=2, calls=0)
        self._tally.used().calls += 1
        return answer

    def batch_write_item(self, **request: Any) -> Any:
        puts = [(name, each["PutRequest"]["Item"]) for name, many in request["RequestItems"].items() for each in many]
        pairs = [(self._before(name, item), item) for name, item in puts]
        answer = self._client.batch_write_item(**request)
        for before, after in pairs:
            self._wrote(before, after, times=1, calls=0)
        self._tally.used().calls += 1
        return answer

    def _before(self, table: str, item: Mapping[str, Any]) -> Mapping[str, Any]:
        key = {name: item[name] for name in ("pk", "sk")}
        found: Mapping[str, Any] = self._client.get_item(TableName=table, Key=key).get("Item", {})
        return found

    def _read(self, items: list[Mapping[str, Any]], *, consistent: bool, calls: int = 1) -> None:
        used, size = self._tally.used(), sum(size_of(item) for item in items)
        used.calls += calls
        used.reads += max(-(-size // READ_BYTES), 1) * (1.0 if consistent else 0.5)
        used.bytes_read += size

    def _wrote(self, before: Mapping[str, Any], after: Mapping[str, Any], *, times: int, calls: int = 1) -> None:
        used = self._tally.used()
        used.calls += calls
        most = max(size_of(before), size_of(after))
        used.writes += times * max(-(-most // WRITE_BYTES), 1)
        used.bytes_written += size_of(after)
        used.largest_item = max(used.largest_item, size_of(after))
        used.written_keys.append((after or before).get("pk", {}).get("S", ""))
        for index in INDEXES:
            old, new = (
                tuple(item.get(f"{index}{part}", {}).get("S") for part in ("pk", "sk")) for item in (before, after)
            )
            stands, stood = new[0] is not None, old[0] is not None
            if old == new and stands:
                used.writes += max(-(-most // WRITE_BYTES), 1)
            elif old != new:
                used.writes += sum(
                    -(-size_of(item) // WRITE_BYTES)
                    for item, is_there in ((before, stood), (after, stands))
                    if is_there
                )


class Tally:
    """Sums by operation. Calls outside of one count for `other`."""

    def __init__(self) -> None:
        self.operations: dict[str, list[Used]] = {}
        self._thread = threading.local()
        self._other = Used()

    def used(self) -> Used:
        """Where this thread's calls count."""
        found: Used | None = getattr(self._thread, "used", None)
        return self._other if found is None else found

    @contextmanager
    def operation(self, name: str) -> Iterator[Used]:
        """What this thread asks of the table in here is this operation's."""
        own = self._thread.used = Used()
        try:
            yield own
        finally:
            self._thread.used = None
            self.operations.setdefault(name, []).append(own)

    def around_request(self, event: Mapping[str, Any], proceed: Callable[[], Any]) -> Any:
        """For `Gateway.around`."""
        with self.operation(f"{event['httpMethod']} {event['resource']}"):
            return proceed()

    def around_steps(self, handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """The same for the function of the state machine's tasks."""

        def run(event: Any, context: Any) -> Any:
            with self.operation(f"step {event['state']}"):
                return handler(event, context)

        return run

    def around_sweeps(self, handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """The same for the function of the clock."""

        def run(event: Any, context: Any) -> Any:
            with self.operation("sweep, nothing to do"):
                return handler(event, context)

        return run

    def told(self) -> dict[str, dict[str, Any]]:
        """Medians and bounds by operation."""
        return {name: _told(each) for name, each in sorted(self.operations.items())}


class CountingClients(AwsClients):
    """The clients of the process; the table's counts."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    def get(self, service: str, *, endpoint: str | None = None) -> Any:
        client = super().get(service, endpoint=endpoint)
        return CountingTable(client, self._tally) if service == "dynamodb" else client


def _told(many: list[Used]) -> dict[str, Any]:
    def median(name: str) -> float:
        ordered = sorted(getattr(each, name) for each in many)
        value: float = ordered[len(ordered) // 2]
        return value

    return {
        "times": len(many),
        "calls": median("calls"),
        "mostCalls": max(each.calls for each in many),
        "readUnits": median("reads"),
        "writeUnits": median("writes"),
        "mostWriteUnits": max(each.writes for each in many),
        "bytesRead": median("bytes_read"),
        "bytesWritten": median("bytes_written"),
        "largestItem": max(each.largest_item for each in many),
    }

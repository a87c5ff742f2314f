"""Implements Store on the one table. Every write names its condition; every read a decision needs is consistent."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.adapters.dynamodb.codec import Attributes
from chalicelib.adapters.dynamodb.cursor import cursor_after, position_of
from chalicelib.adapters.dynamodb.items import item_of, pointer_of, record_of, text
from chalicelib.adapters.dynamodb.keys import (
    INDEX_NAMES,
    LAST,
    LAYOUTS,
    PART_OF,
    PK,
    SK,
    TARGET_PK,
    TARGET_SK,
    require_list,
    shard_names,
)
from chalicelib.adapters.dynamodb.patience import TRIES, patiently, pause
from chalicelib.adapters.dynamodb.writes import commit_all
from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.ports import Address, Change, Page, Record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

R = TypeVar("R", bound=Record)

WRITTEN_AT_ONCE, READ_AT_ONCE = 25, 100
"""Limits of BatchWriteItem and BatchGetItem."""


def share(wanted: int, shards: int) -> int:
    """How many items to read of each shard when `wanted` of all are needed: its part, and what chance adds to that.

    Keys fall into shards like dice, so a part spreads by about the root of itself; beyond twice that the shard is asked
    once more.
    """
    part = wanted / shards
    return wanted if shards == 1 else min(wanted, math.ceil(part + 2 * math.sqrt(part)))


class DynamoStore:
    """The one table, through the low-level client."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client: Any = client
        self._table = table

    def get(self, kind: type[R], *key: str) -> R | None:
        """One record, read consistently."""
        layout = LAYOUTS[kind]
        wanted = {PK: {"S": layout.pk(key)}, SK: {"S": layout.sk(key)}}
        answer = patiently(
            partial(self._client.get_item, TableName=self._table, Key=wanted, ConsistentRead=True),
        )
        return record_of(kind, answer["Item"]) if "Item" in answer else None

    def get_many(self, *wanted: Address) -> tuple[Any, ...]:
        """Records with one call for each hundred, None where there is none; each read consistently, together no snapshot."""
        places = [(LAYOUTS[kind].pk(key), LAYOUTS[kind].sk(key)) for kind, key in wanted]
        found = self._read([{PK: {"S": pk}, SK: {"S": sk}} for pk, sk in dict.fromkeys(places)])
        return tuple(
            record_of(kind, found[place]) if place in found else None
            for (kind, _), place in zip(wanted, places, strict=True)
        )

    def list(
        self,
        kind: type[R],
        *prefix: str,
        after: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> tuple[R, ...]:
        """Records whose key begins with `prefix`, in key order (or the other way round), read consistently."""
        layout = LAYOUTS[kind]
        begin = layout.sort_prefix(prefix)
        low, high = begin, begin + LAST
        known = None if after is None else begin + after
        if known is not None:
            low, high = (low, known) if newest_first else (known, high)
        # The one that is known already comes along.
        most = None if limit is None else limit + (known is not None)
        items = self._query(None, layout.pk(prefix), low, high, newest_first=newest_first, at_once=most)
        found = (item for item in items if text(item, SK) != known)
        return tuple(record_of(kind, item) for item in islice(found, limit))

    def page(
        self,
        kind: type[R],
        index: str,
        partition: str,
        *,
        limit: int,
        cursor: str | None = None,
        newest_first: bool = False,
        upto: str | None = None,
    ) -> Page:
        """One page of an index, its shards put together in order; pointers are followed with consistent reads.

        Raises:
            InvalidInput: the cursor is not one this method gave for this list.
            ValueError: there is no such list; keys.py has them all.
        """
        require_list(kind, index, partition)
        name = INDEX_NAMES[index]
        listed = (PART_OF.get(kind, kind).__name__, index, partition, str(newest_first))
        known = None if cursor is None else position_of(cursor, *listed)
        low, high = " ", LAST if upto is None else upto + LAST
        if known is not None:
            low, high = (low, min(high, known)) if newest_first else (max(low, known), high)
        names = shard_names(index, partition)
        # One more shows whether there are more; the one that is known already comes along.
        most = share(limit + 1 + (known is not None), len(names))
        shards = [self._query(name, shard, low, high, newest_first=newest_first, at_once=most) for shard in names]
        merged = heapq.merge(*shards, key=lambda item: text(item, f"{name}sk"), reverse=newest_first)
        items = list(islice((item for item in merged if text(item, f"{name}sk") != known), limit + 1))
        more = len(items) > limit
        items = items[:limit]
        following = cursor_after(text(items[-1], f"{name}sk"), *listed) if more and items else None
        return Page(records=tuple(record_of(kind, item) for item in self._followed(items)), cursor=following)

    def commit(self, *changes: Change) -> None:
        """All changes, or none; one change alone costs a plain write, several a transaction.

        Raises:
            StaleWrite: a condition failed; names the first record whose condition did.
            Unavailable: the table stayed busy, or its answer was lost; read again to see what is stored.
            ValueError: more changes than a transaction takes, or two of the same record; a mistake in the program.
        """
        commit_all(self._client, self._table, changes)

    def add_many(self, records: Sequence[Record]) -> None:
        """Records whose keys are derived, written as they are; writing them again changes nothing.

        Raises:
            Unavailable: the table stayed busy; some may be written.
        """
        items: dict[tuple[str, str], Attributes] = {}
        for record in records:
            for item in (item_of(record), pointer_of(record)):
                if item is not None:
                    items[text(item, PK), text(item, SK)] = item
        requests = [{"PutRequest": {"Item": item}} for item in items.values()]
        for start in range(0, len(requests), WRITTEN_AT_ONCE):
            self._write_batch(requests[start : start + WRITTEN_AT_ONCE])

    def _write_batch(self, requests: Sequence[dict[str, Any]]) -> None:
        for attempt in range(TRIES):
            wanted = {self._table: list(requests)}
            answer = patiently(partial(self._client.batch_write_item, RequestItems=wanted))
            requests = answer.get("UnprocessedItems", {}).get(self._table, ())
            if not requests:
                return
            pause(attempt)
        raise Unavailable("DynamoDB is busy: items were left unprocessed.")

    def _query(
        self, index: str | None, pk: str, low: str, high: str, *, newest_first: bool, at_once: int | None
    ) -> Iterator[Attributes]:
        """The items of a partition whose sort key lies in [low, high]; `at_once` are read with one call, when the first
        of them is asked for."""
        if low > high:
            return
        hash_name, range_name = (PK, SK) if index is None else (f"{index}pk", f"{index}sk")
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": f"{hash_name} = :pk AND {range_name} BETWEEN :low AND :high",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":low": {"S": low}, ":high": {"S": high}},
            "ScanIndexForward": not newest_first,
        }
        request |= {"Limit": at_once} if at_once is not None else {}
        request |= {"IndexName": index} if index is not None else {"ConsistentRead": True}
        while True:
            answer = patiently(partial(self._client.query, **request))
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _followed(self, items: Sequence[Attributes]) -> Iterator[Attributes]:
        """The items themselves, or what they point at; a pointer to nothing is passed over."""
        if not items or TARGET_PK not in items[0]:
            yield from items
            return
        keys = [{PK: item[TARGET_PK], SK: item[TARGET_SK]} for item in items]
        found = self._read(keys)
        for key in keys:
            target = found.get((text(key, PK), text(key, SK)))
            if target is not None:
                yield target

    def _read(self, keys: Sequence[Attributes]) -> dict[tuple[str, str], Attributes]:
        """The items of these keys, those that exist, read consistently."""
        batches = (keys[start : start + READ_AT_ONCE] for start in range(0, len(keys), READ_AT_ONCE))
        items = (item for batch in batches for item in self._read_batch(batch))
        return {(text(item, PK), text(item, SK)): item for item in items}

    def _read_batch(self, keys: Sequence[Attributes]) -> Iterator[Attributes]:
        for attempt in range(TRIES):
            wanted = {self._table: {"Keys": list(keys), "ConsistentRead": True}}
            answer = patiently(partial(self._client.batch_get_item, RequestItems=wanted))
            yield from answer["Responses"].get(self._table, ())
            keys = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", ())
            if not keys:
                return
            pause(attempt)
        raise Unavailable("DynamoDB is busy: items were left unread.")

"""The table in memory: same keys, same conditions, same answers as on DynamoDB; tests/contracts/test_store.py proves it."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from chalicelib.adapters.dynamodb.codec import Attributes
from chalicelib.adapters.dynamodb.cursor import cursor_after, position_of
from chalicelib.adapters.dynamodb.items import item_of, key_of, pointer_of, record_of, text
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
from chalicelib.domain.errors import StaleWrite
from chalicelib.usecases.ports import Add, Address, Change, Page, Record, Remove, Replace
from tests import canaries

R = TypeVar("R", bound=Record)
Key = tuple[str, str]


class FakeStore:
    """A Store. Records pass through the real codec, so whatever could not be stored fails here too.

    `commits` holds what was committed, in order; `fail_next` makes commits fail.
    """

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, Attributes]] = {}
        self._order: dict[str, list[str]] = {}
        self._indexes: dict[str, dict[Key, Attributes]] = {}
        self._lock = threading.RLock()
        self._failures: list[Exception] = []
        self.commits: list[tuple[Change, ...]] = []

    def fail_next(self, *errors: Exception) -> None:
        """The next commits raise these, one each, and write nothing."""
        self._failures.extend(errors)

    def items(self) -> Sequence[Attributes]:
        """Every item as the table would hold it."""
        with self._lock:
            return [item for partition in self._partitions.values() for item in partition.values()]

    def load(self, items: Sequence[Attributes]) -> None:
        """Items as they are, whoever wrote them."""
        with self._lock:
            for item in items:
                self._put(item)

    def get(self, kind: type[R], *key: str) -> R | None:
        layout = LAYOUTS[kind]
        with self._lock:
            item = self._partitions.get(layout.pk(key), {}).get(layout.sk(key))
        return None if item is None else record_of(kind, item)

    def get_many(self, *wanted: Address) -> tuple[Any, ...]:
        return tuple(self.get(kind, *key) for kind, key in wanted)

    def list(
        self,
        kind: type[R],
        *prefix: str,
        after: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> tuple[R, ...]:
        layout = LAYOUTS[kind]
        begin = layout.sort_prefix(prefix)
        known = None if after is None else begin + after
        low, high = begin, begin + LAST
        if known is not None:
            low, high = (low, known) if newest_first else (known, high)
        with self._lock:
            order = self._order.get(layout.pk(prefix), [])
            names = order[bisect_left(order, low) : bisect_left(order, high)]
            behind = [name for name in (reversed(names) if newest_first else names) if name != known][:limit]
            items = [self._partitions[layout.pk(prefix)][name] for name in behind]
        return tuple(record_of(kind, item) for item in items)

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
        require_list(kind, index, partition)
        listed = (PART_OF.get(kind, kind).__name__, index, partition, str(newest_first))
        known = None if cursor is None else position_of(cursor, *listed)
        with self._lock:
            name = f"{INDEX_NAMES[index]}sk"
            entries = {
                text(item, name): item
                for shard in shard_names(index, partition)
                for item in self._indexes.get(f"{index}:{shard}", {}).values()
            }
            places = sorted((place for place in entries if upto is None or place <= upto + LAST), reverse=newest_first)
            behind = [place for place in places if known is None or (place < known if newest_first else place > known)]
            items = list(self._followed([entries[place] for place in behind[:limit]]))
        following = cursor_after(behind[limit - 1], *listed) if len(behind) > limit else None
        return Page(records=tuple(record_of(kind, item) for item in items), cursor=following)

    def commit(self, *changes: Change) -> None:
        keys = [_address(key_of(change.record)) for change in changes]
        pointers = [pointer_of(change.record) for change in changes if isinstance(change, Add)]
        if len(changes) + len(pointers) - pointers.count(None) > 100 or len(set(keys)) != len(keys):
            raise ValueError("too many changes, or one record changed twice")
        with self._lock:
            if self._failures:
                raise self._failures.pop(0)
            for change in changes:
                self._demand(change)
            for change in changes:
                self._apply(change)
            self.commits.append(changes)

    def add_many(self, records: Sequence[Record]) -> None:
        with self._lock:
            for record in records:
                self._apply(Add(record))

    def _demand(self, change: Change) -> None:
        pk, sk = _address(key_of(change.record))
        stored = self._partitions.get(pk, {}).get(sk)
        match change:
            case Add():
                met = stored is None
            case Replace(record):
                met = stored is not None and int(stored["revision"]["N"]) == record.revision - 1
            case Remove():
                met = stored is not None
        if not met:
            raise StaleWrite(type(change.record).__name__, "/".join(change.record.key))

    def _apply(self, change: Change) -> None:
        if isinstance(change, Remove):
            self._delete(_address(key_of(change.record)))
            return
        self._put(item_of(change.record))
        pointer = pointer_of(change.record) if isinstance(change, Add) else None
        if pointer is not None:
            self._put(pointer)

    def _put(self, item: Attributes) -> None:
        canaries.require_absent("dynamodb", "PutItem", item)
        key = _address(item)
        self._delete(key)
        self._partitions.setdefault(key[0], {})[key[1]] = item
        insort(self._order.setdefault(key[0], []), key[1])
        for where in _index_partitions(item):
            self._indexes.setdefault(where, {})[key] = item

    def _delete(self, key: Key) -> None:
        item = self._partitions.get(key[0], {}).pop(key[1], None)
        if item is not None:
            order = self._order[key[0]]
            del order[bisect_left(order, key[1])]
        for where in _index_partitions(item or {}):
            del self._indexes[where][key]

    def _followed(self, items: Sequence[Attributes]) -> Iterator[Attributes]:
        for item in items:
            if TARGET_PK not in item:
                yield item
                continue
            target = self._partitions.get(text(item, TARGET_PK), {}).get(text(item, TARGET_SK))
            if target is not None:
                yield target


def _address(item: Attributes) -> Key:
    return text(item, PK), text(item, SK)


def _index_partitions(item: Attributes) -> tuple[str, ...]:
    return tuple(f"{index}:{text(item, f'{name}pk')}" for index, name in INDEX_NAMES.items() if f"{name}pk" in item)

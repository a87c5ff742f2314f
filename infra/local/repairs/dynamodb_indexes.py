"""Queries that look only at the addressed partition or index key.

moto sorts the whole table for every query: 127 ms at 10,000 items. Here a base-table query sees one partition, and an
index query sees the items that carry the index key asked for. All that follows (order, limit, pages, filters,
projection) is still moto's own code, on fewer items.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.dynamodb.models.table import Table

_ATTRIBUTE = "hotswap_partitions"
_CANDIDATES = "hotswap_candidates"

Key = tuple[Any, Any]


class _Partitions:
    """For every index: index key -> the keys of the items that carry it."""

    def __init__(self, table: Any) -> None:
        self.hash_attributes = {
            index.name: next(part["AttributeName"] for part in index.schema if part["KeyType"] == "HASH")
            for index in table.all_indexes()
        }
        self.members: dict[str, dict[Any, dict[Key, Any]]] = {name: {} for name in self.hash_attributes}
        self._filed: dict[Key, list[tuple[str, Any]]] = {}
        for item in _all(table):
            self.refresh((item.hash_key, item.range_key), item)

    def refresh(self, key: Key, item: Any) -> None:
        for name, value in self._filed.pop(key, ()):
            partition = self.members[name][value]
            del partition[key]
            if not partition:
                del self.members[name][value]
        if item is None:
            return
        filed = [(name, _plain(item.attrs[attr])) for name, attr in self.hash_attributes.items() if attr in item.attrs]
        for name, value in filed:
            self.members[name].setdefault(value, {})[key] = item
        if filed:
            self._filed[key] = filed


def _plain(value: Any) -> tuple[str, Any]:
    """A value as a key. Not moto's own object: an update changes that in place."""
    return value.type, value.cast_value


def _all(table: Any) -> Iterator[Any]:
    for entry in table.items.values():
        if table.has_range_key:
            yield from entry.values()
        else:
            yield entry


def refresh(table: Any, hash_key: Any, range_key: Any) -> None:
    """File the item anew after it was put, changed or deleted. Nothing to do before the first index query."""
    partitions = table.__dict__.get(_ATTRIBUTE)
    if partitions is None:
        return
    entry = table.items.get(hash_key)
    item = entry if range_key is None or entry is None else entry.get(range_key)
    partitions.refresh((hash_key, range_key), item)


def _partitions(table: Any) -> _Partitions:
    partitions = table.__dict__.get(_ATTRIBUTE)
    if partitions is None or partitions.hash_attributes.keys() != {index.name for index in table.all_indexes()}:
        partitions = _Partitions(table)
        setattr(table, _ATTRIBUTE, partitions)
    found: _Partitions = partitions
    return found


def _in_partition(table: Any, hash_key: Any, comparison: str | None, values: list[Any]) -> list[Any]:
    entry = table.items.get(hash_key)
    if entry is None:
        return []
    if not table.has_range_key:
        return [entry]
    if comparison is None:
        return list(entry.values())
    # Only what matches can be answered, so only that needs to be sorted.
    return [item for range_key, item in entry.items() if range_key.compare(comparison, values)]


@contextmanager
def queries_look_at_one_partition() -> Iterator[None]:
    """Repair: see the module."""
    query, all_items = Table.query, Table.all_items

    def query_one(
        self: Any,
        hash_key: Any,
        range_comparison: str | None,
        range_objs: list[Any],
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        # limit, start key, direction, projection, index name: positions as in moto's signature
        index_name = kwargs.get("index_name", args[4] if len(args) > 4 else None)
        conditions = kwargs.get("hash_key_conditions") or []
        if index_name is None:
            candidates = _in_partition(self, hash_key, range_comparison, range_objs)
        else:
            partitions = _partitions(self)
            wanted = next(
                (value for name, value in conditions if name == partitions.hash_attributes.get(index_name)), None
            )
            if wanted is None:
                return query(self, hash_key, range_comparison, range_objs, *args, **kwargs)
            candidates = list(partitions.members[index_name].get(_plain(wanted), {}).values())
            for name, comparison, values in (kwargs.get("range_key_conditions") or [])[-1:]:
                candidates = [c for c in candidates if name in c.attrs and c.attrs[name].compare(comparison, values)]
        setattr(self, _CANDIDATES, candidates)
        try:
            return query(self, hash_key, range_comparison, range_objs, *args, **kwargs)
        finally:
            delattr(self, _CANDIDATES)

    def all_or_candidates(self: Any) -> list[Any]:
        candidates: list[Any] | None = self.__dict__.get(_CANDIDATES)
        return all_items(self) if candidates is None else candidates

    with patch.object(Table, "query", query_one), patch.object(Table, "all_items", all_or_candidates):
        yield

"""DynamoDB tables that survive SIGKILL: each call's after-images go to the log before its answer."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from moto.dynamodb.models import DynamoDBBackend

from infra.local.repairs.dynamodb_items import Journal
from infra.local.repairs.dynamodb_json import json_of
from infra.local.write_ahead_log import WriteAheadLog

_log = logging.getLogger(__name__)


class KeptTables:
    """Keeps the items of a moto back end in a folder. One record per call, so a transaction is there whole or not."""

    def __init__(self, folder: Path, *, compact_after_bytes: int = 32 * 1024 * 1024) -> None:
        self._wal = WriteAheadLog(folder, compact_after_bytes=compact_after_bytes)
        self._backend: Any = None
        self.cut_bytes = 0

    def restore(self, backend: DynamoDBBackend) -> None:
        """Fill the (existing, empty) tables of `backend` with what was kept, and keep what is written from now on.

        Items of a table that no longer exists are reported and dropped.
        """
        recovery = self._wal.open()
        self.cut_bytes = recovery.cut_bytes
        if recovery.cut_bytes:
            _log.warning("the last write was torn and never acknowledged: %d bytes cut off", recovery.cut_bytes)
        for name, items in (recovery.snapshot or {}).items():
            for item in items:
                _put(backend, name, item)
        for record in recovery.records:
            for name, key, item in record:
                if item is None:
                    _delete(backend, name, key)
                else:
                    _put(backend, name, item)
        self._backend = backend

    def keep(self, changes: Journal) -> None:
        """Append what one call changed. Raises OSError when it cannot be kept; the caller undoes the change."""
        if self._backend is None:
            return
        parts = []
        for table, hash_key, range_key, item in changes.after():
            key = [_plain(hash_key), None if range_key is None else _plain(range_key)]
            parts.append(f"[{json.dumps(table.name)},{json.dumps(key)},{'null' if item is None else _written(item)}]")
        self._wal.append(f"[{','.join(parts)}]")
        if self._wal.is_large():
            self._wal.compact(self._snapshot())

    def close(self) -> None:
        """Keep nothing any more."""
        self._backend = None
        self._wal.close()

    def _snapshot(self) -> str:
        tables = (
            f"{json.dumps(name)}:[{','.join(map(_written, _items(table)))}]"
            for name, table in self._backend.tables.items()
        )
        return f"{{{','.join(tables)}}}"


def _items(table: Any) -> Iterable[Any]:
    for entry in table.items.values():
        if table.has_range_key:
            yield from entry.values()
        else:
            yield entry


def _plain(value: Any) -> dict[str, Any]:
    return {value.type: value.value}


def _written(item: Any) -> str:
    """An item as DynamoDB's own JSON, with bytes as text."""
    return json_of(item) or json.dumps({name: _regular(value) for name, value in item.attrs.items()})


def _regular(value: Any) -> dict[str, Any]:
    content = value.value
    if isinstance(content, dict):
        return {value.type: {name: _regular(part) for name, part in content.items()}}
    if isinstance(content, list | set | tuple):
        return {value.type: [_regular(part) if hasattr(part, "cast_value") else _text(part) for part in content]}
    return {value.type: _text(content)}


def _text(content: Any) -> Any:
    return {"base64": base64.b64encode(content).decode("ascii")} if isinstance(content, bytes) else content


def _bytes(content: Any) -> Any:
    return base64.b64decode(content["base64"]) if isinstance(content, dict) else content


def _restored(value: dict[str, Any]) -> dict[str, Any]:
    """The reverse of `_regular`."""
    ((kind, content),) = value.items()
    if kind == "M":
        return {kind: {name: _restored(part) for name, part in content.items()}}
    if kind == "L":
        return {kind: [_restored(part) for part in content]}
    if kind == "BS":
        return {kind: [_bytes(part) for part in content]}
    return {kind: _bytes(content) if kind == "B" else content}


def _put(backend: Any, name: str, item: dict[str, Any]) -> None:
    if name not in backend.tables:
        _log.warning("table %s no longer exists; an item of it was dropped", name)
        return
    attributes = {attribute: _restored(value) for attribute, value in item.items()}
    backend.tables[name].put_item(attributes, overwrite=True)


def _delete(backend: Any, name: str, key: list[Any]) -> None:
    from moto.dynamodb.models.dynamo_type import DynamoType

    if name in backend.tables:
        hash_key, range_key = (None if part is None else DynamoType(part) for part in key)
        backend.tables[name].delete_item(hash_key, range_key)

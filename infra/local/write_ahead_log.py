"""Records that survive SIGKILL: appended to a log before the write they describe is acknowledged.

A record is `length (4 bytes) | CRC-32 of the content (4 bytes) | content (JSON)`. It is handed to the operating system
before `append` returns. That survives the death of the process, however sudden. It does not survive a power cut;
`sync=True` pays one fsync per record for that.

`snapshot.json` holds everything up to the log it names; the log holds what came after. A new generation of the log
begins with each snapshot, so a crash in the middle of compaction leaves either the old pair or the new one.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HEADER = struct.Struct("<II")
_MAX_RECORD = 64 * 1024 * 1024

Record = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What was found at the start."""

    snapshot: Any
    records: list[Record]
    cut_bytes: int
    """Bytes from the first broken record to the end, cut off and put aside as `cut-*`; 0 after an orderly end."""


class LogIsDamagedError(RuntimeError):
    """The snapshot cannot be read. Nothing was changed; the message names the file."""


class WriteAheadLog:
    """Snapshot and log in one folder. Calls come from one thread at a time: the caller holds the lock of its data."""

    def __init__(self, folder: Path, *, sync: bool = False, compact_after_bytes: int = 32 * 1024 * 1024) -> None:
        self._folder = folder
        self._sync = sync
        self._compact_after_bytes = compact_after_bytes
        self._generation = 0
        self._file = -1
        self._good_bytes = 0

    def open(self) -> Recovery:
        """Read what is there, cut a torn tail, and be ready to append.

        Raises:
            LogIsDamagedError: the snapshot is unreadable.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        snapshot: Any = None
        if self._snapshot_path.exists():
            snapshot, self._generation = self._read_snapshot()
        path = self._log_path(self._generation)
        content = path.read_bytes() if path.exists() else b""
        records, good = _whole_records(content)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        if good < len(content):
            # Put aside, not thrown away: after a flipped bit in the middle there may be whole records behind it.
            replace_file(self._folder / f"cut-{self._generation:08d}", content[good:])
            os.ftruncate(self._file, good)
        self._good_bytes = good
        self._forget_other_generations()
        return Recovery(snapshot=snapshot, records=records, cut_bytes=len(content) - good)

    def append(self, record: str) -> None:
        """Add a record (JSON). When this returns it survives the death of the process.

        Raises:
            OSError: it could not be written whole (the disk is full); the log is as before.
        """
        content = record.encode()
        whole = _HEADER.pack(len(content), zlib.crc32(content)) + content
        try:
            written = 0
            while written < len(whole):
                written += os.write(self._file, whole[written:])
            if self._sync:
                os.fsync(self._file)
        except OSError:
            # Later records must not come to lie behind half of this one: they would be cut off with it.
            os.ftruncate(self._file, self._good_bytes)
            raise
        self._good_bytes += len(whole)

    def is_large(self) -> bool:
        """Whether it is time to call `compact`."""
        return self._good_bytes >= self._compact_after_bytes

    def compact(self, content: str) -> None:
        """Replace the log so far by a snapshot (JSON) of all it led to."""
        generation = self._generation + 1
        fresh = os.open(self._log_path(generation), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o600)
        replace_file(
            self._snapshot_path,
            json.dumps({"generation": generation, "crc32": zlib.crc32(content.encode()), "content": content}).encode(),
        )
        os.close(self._file)
        self._file, self._generation, self._good_bytes = fresh, generation, 0
        self._forget_other_generations()

    def close(self) -> None:
        """Append nothing any more. What was appended stays."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @property
    def _snapshot_path(self) -> Path:
        return self._folder / "snapshot.json"

    def _log_path(self, generation: int) -> Path:
        return self._folder / f"log-{generation:08d}"

    def _read_snapshot(self) -> tuple[Any, int]:
        try:
            stored = json.loads(self._snapshot_path.read_bytes())
            content = stored["content"]
            if zlib.crc32(content.encode()) != stored["crc32"]:
                raise ValueError("its checksum is wrong")
            return json.loads(content), int(stored["generation"])
        except (ValueError, KeyError, TypeError) as error:
            raise LogIsDamagedError(f"{self._snapshot_path} cannot be read: {error}") from error

    def _forget_other_generations(self) -> None:
        for path in self._folder.glob("log-*"):
            if path != self._log_path(self._generation):
                path.unlink()


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader, also after a crash, sees the old content or the new, never a part."""
    partial = path.with_name(path.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        view: Any = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(partial, path)  # noqa: PTH105


def _whole_records(content: bytes) -> tuple[list[Record], int]:
    records = []
    good = 0
    for record, end in _walk(content, json.loads):
        records.append(record)
        good = end
    return records, good


def _walk(content: bytes, parse: Callable[[bytes], Record]) -> Iterator[tuple[Record, int]]:
    position = 0
    while position + _HEADER.size <= len(content):
        length, checksum = _HEADER.unpack_from(content, position)
        start = position + _HEADER.size
        part = content[start : start + length]
        if length > _MAX_RECORD or len(part) < length or zlib.crc32(part) != checksum:
            return
        position = start + length
        yield parse(part), position

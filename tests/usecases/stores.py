"""Stores that do what networks and other processes do: fail at the n-th write, lag, or let somebody in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.ports import Page


class CrashingStore:
    """The n-th write (counted from 1) fails; `applied`: it was written, only the answer got lost."""

    def __init__(self, store: Any, *, at: int, applied: bool) -> None:
        self._store = store
        self._at = at
        self._applied = applied
        self.writes = 0

    @property
    def has_crashed(self) -> bool:
        return self.writes >= self._at

    def commit(self, *changes: Any) -> None:
        self._write(self._store.commit, *changes)

    def add_many(self, records: Any) -> None:
        self._write(self._store.add_many, records)

    def _write(self, write: Callable[..., None], *arguments: Any) -> None:
        self.writes += 1
        if self.writes != self._at:
            write(*arguments)
            return
        if self._applied:
            write(*arguments)
        raise Unavailable("The table does not answer.")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class LaggingStore:
    """Its indexes have not heard of anything yet; records themselves are read as they are."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def page(self, *_arguments: Any, **_more: Any) -> Page:
        return Page(records=())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class InterruptedStore:
    """Somebody else gets on right before one call: the first to `call` for which `when` holds of its arguments."""

    def __init__(self, store: Any, *, call: str, meanwhile: Callable[[], object], when: Callable[..., bool]) -> None:
        self._store = store
        self._call = call
        self._meanwhile = meanwhile
        self._when = when
        self.interrupted = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name != self._call:
            return method

        def interrupted(*arguments: Any, **named: Any) -> Any:
            if not self.interrupted and self._when(*arguments):
                self.interrupted = True
                self._meanwhile()
            return method(*arguments, **named)

        return interrupted

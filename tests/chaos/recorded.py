"""The table, watched: what it took, and what its users were told of the turn."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.errors import StaleWrite
from chalicelib.domain.turn import Turn
from tests.chaos.history import Commit, History
from tests.chaos.linearizable import Operation


class RecordedStore:
    """The table itself, and what it took, whoever wrote it."""

    def __init__(self, store: Any, history: History) -> None:
        self._store = store
        self._history = history

    def commit(self, *changes: Any) -> None:
        self._store.commit(*changes)
        self._history.commits.append(Commit(at=self._history.tick(), changes=changes))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class WatchedTurns:
    """The table as its users see it: every read and write of a turn, with what came back and when."""

    def __init__(self, store: Any, history: History) -> None:
        self._store = store
        self._history = history
        self.operations: list[Operation] = []

    def get(self, kind: type[Any], *key: str) -> Any:
        invoked = self._history.tick()
        found = self._store.get(kind, *key)
        if kind is Turn:
            self._note("read", invoked, answer=_value(found))
        return found

    def commit(self, *changes: Any) -> None:
        turns = [change for change in changes if isinstance(change.record, Turn)]
        invoked = self._history.tick()
        argument = _value(turns[0].record) if turns else None
        try:
            self._store.commit(*changes)
        except StaleWrite:
            if turns:
                self._note("write", invoked, argument=argument, answer="refused")
            raise
        except BaseException:
            if turns:
                self.operations.append(Operation(name="write", argument=argument, invoked=invoked))
            raise
        if turns:
            self._note("write", invoked, argument=argument)

    def _note(self, name: str, invoked: int, *, argument: Any = None, answer: Any = None) -> None:
        ended = self._history.tick()
        self.operations.append(Operation(name=name, argument=argument, answer=answer, invoked=invoked, ended=ended))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def _value(turn: Turn | None) -> tuple[int, str | None, int, tuple[str, ...]] | None:
    return None if turn is None else (turn.revision, turn.holder, turn.fence, turn.queue)

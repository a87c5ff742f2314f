"""Users' functions, their metrics and alarms in memory, with the answers of the real adapters; tests/contracts proves it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.alias import Split
from chalicelib.domain.errors import NotFound, StaleWrite, Unavailable
from chalicelib.domain.metrics import Window
from chalicelib.usecases.alias_ports import AliasAsItIs, AliasPorts, Publication


@dataclass
class FakeFunctions:
    """One function per name with one alias; `wrong` are digests whose check fails, `moves` every split there was."""

    aliases: dict[tuple[str, str], AliasAsItIs] = field(default_factory=dict)
    published: dict[str, list[tuple[str, str | None]]] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    checked: list[str] = field(default_factory=list)
    moves: list[Split] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unavailable: bool = False
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def has(self, function: str, alias: str) -> None:
        """A function whose owner published version 1 and points an alias at it."""
        self.published[function] = [("theirs", None)]
        self.outside(function, alias, Split(main="1"))

    def outside(self, function: str, alias: str, split: Split) -> None:
        """Somebody else changes the alias."""
        self.aliases[function, alias] = AliasAsItIs(split=split, revision_id=f"r{next(self._numbers)}")

    def read(self, function: str, alias: str) -> AliasAsItIs:
        if self.unavailable:
            raise Unavailable("Lambda does not answer.")
        found = self.aliases.get((function, alias))
        if found is None:
            raise NotFound("alias", f"{function}:{alias}")
        return found

    def publish(self, function: str, publication: Publication) -> str:
        versions = self.published.get(function)
        if versions is None:
            raise NotFound("function", function)
        wanted = (publication.digest, publication.configuration)
        if versions[-1] != wanted:
            versions.append(wanted)
        return str(len(versions))

    def check(self, function: str, version: str, event: Mapping[str, Any]) -> str:
        digest, _ = self.published[function][int(version) - 1]
        self.checked.append(version)
        return self.wrong.get(digest, "")

    def move(self, function: str, alias: str, split: Split, *, revision_id: str, note: str) -> AliasAsItIs:
        if self.read(function, alias).revision_id != revision_id:
            raise StaleWrite("alias", f"{function}:{alias}")
        self.moves.append(split)
        self.notes.append(note)
        self.outside(function, alias, split)
        return self.read(function, alias)


@dataclass
class FakeAliasMetrics:
    """Windows by version; `asked` are the stretches of time somebody asked for."""

    measured: list[tuple[str, Window]] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)
    unavailable: bool = False

    def windows(
        self, function: str, alias: str, versions: Sequence[str], *, from_ms: int, to_ms: int
    ) -> tuple[tuple[str, Window], ...]:
        if self.unavailable:
            raise Unavailable("CloudWatch gives no metrics.")
        self.asked.append((from_ms, to_ms))
        found = [
            (version, window)
            for version, window in self.measured
            if version in versions and from_ms <= window.started_at_ms < to_ms
        ]
        return tuple(sorted(found, key=lambda each: (each[1].started_at_ms, each[0])))


@dataclass
class FakeAlarms:
    """States by name."""

    known: dict[str, str] = field(default_factory=dict)

    def states(self, names: Sequence[str]) -> Mapping[str, str]:
        return {name: self.known[name] for name in names if name in self.known}


def fake_alias_ports(**others: Any) -> AliasPorts:
    """All of them in memory; metrics by the second, complete at once."""
    fakes: dict[str, Any] = {
        "functions": FakeFunctions(),
        "metrics": FakeAliasMetrics(),
        "alarms": FakeAlarms(),
        "period_ms": 1_000,
        "settles_ms": 0,
    }
    return AliasPorts(**(fakes | others))

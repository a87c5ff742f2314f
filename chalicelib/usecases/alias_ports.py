"""What the one function that may touch users' functions needs of the world, beside the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.domain.alias import Split
from chalicelib.domain.metrics import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasAsItIs:
    """An alias as it was read back; the revision id is another one after every change, whoever makes it."""

    split: Split
    revision_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What to publish: the artifact with this digest, started by `handler` on `runtime`, under a configuration (JSON)."""

    edition: str
    digest: str
    handler: str
    runtime: str
    configuration: str | None = None


class Functions(Protocol):
    """Users' functions, their versions and aliases."""

    def read(self, function: str, alias: str) -> AliasAsItIs:
        """The alias as it is.

        Raises:
            NotFound: there is no such function or alias.
            Conflict: it cannot be split: it points at $LATEST, or at more versions than two.
            NotAllowed: we may not ask.
            Unavailable: Lambda does not answer.
        """
        ...

    def publish(self, function: str, publication: Publication) -> str:
        """The number of a version with exactly these bytes and this configuration; publishing again makes no second one.

        Raises:
            ArtifactRefused: Lambda runs other bytes than the digest says.
            Conflict: somebody else is changing the function, or Lambda cannot run it; says why.
            NotFound, NotAllowed, Unavailable: as `read`; Unavailable also while the function is being updated.
        """
        ...

    def check(self, function: str, version: str, event: Mapping[str, Any]) -> str:
        """Call a version that has no traffic yet; empty when it answered well, else what was wrong.

        Raises:
            NotFound, NotAllowed, Unavailable: as `read`.
        """
        ...

    def move(self, function: str, alias: str, split: Split, *, revision_id: str, note: str) -> AliasAsItIs:
        """The alias with this split, as it was read back; `note` stands in its description.

        Raises:
            StaleWrite: its revision is another one by now; nothing was changed.
            NotFound, NotAllowed, Unavailable: as `read`.
        """
        ...


class AliasMetrics(Protocol):
    """What was measured of the calls through an alias, by the version that was executed."""

    def windows(
        self, function: str, alias: str, versions: Sequence[str], *, from_ms: int, to_ms: int
    ) -> tuple[tuple[str, Window], ...]:
        """(version, window of one period) for the periods in [from, to), oldest first; none where nothing was measured.

        Raises:
            Unavailable: the metrics cannot be had; that is never the same as none.
        """
        ...


class Alarms(Protocol):
    """Alarms that users name."""

    def states(self, names: Sequence[str]) -> Mapping[str, str]:
        """OK, ALARM or INSUFFICIENT_DATA by name; alarms that do not exist are left out.

        Raises:
            Unavailable: the alarms cannot be had.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasPorts:
    """Everything at once. `period_ms` is how fine the metrics are; what is younger than `settles_ms` may still grow."""

    functions: Functions
    metrics: AliasMetrics
    alarms: Alarms
    period_ms: int
    settles_ms: int

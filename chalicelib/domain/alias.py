"""A function alias as a node: how it splits its traffic, and what is known of it from looking at it before.

An alias points at one version and may give a share of its traffic to a second one. Everything here is a value; who may
touch an alias is `usecases/settle_alias.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from chalicelib.domain.environment import Environment

WHOLE = 100
"""All of an alias's traffic, in percent: the size of the fleet that a plan by weight divides."""

MOST_VERSIONS = 20
"""Versions remembered of an alias; older ones are published again when they are wanted."""

FOREIGN = "version:"
"""How a version is called that HotSwap did not publish: by its number."""

FUNCTION_PREFIX = "hotswap-node-"
"""Functions that HotSwap may change are named so; the policy of the one function that changes them says the same."""

FUNCTION_NAME = re.compile(re.escape(FUNCTION_PREFIX) + r"[A-Za-z0-9_-]{1,51}")
ALIAS_NAME = re.compile(r"(?![0-9]+$)[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Where the traffic of an alias goes: `weight` percent to `canary`, the rest to `main`; both are version numbers.

    Raises:
        ValueError: shares that do not add up to a hundred, or a share for nobody.
    """

    main: str
    canary: str | None = None
    weight: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.weight < WHOLE:
            raise ValueError(f"a second version gets 1 to {WHOLE - 1} percent, not {self.weight}")
        if (self.canary is None) != (self.weight == 0) or self.canary == self.main:
            raise ValueError("a share needs a second version, and a second version a share")

    @property
    def shares(self) -> dict[str, int]:
        """Version -> percent; they add up to a hundred."""
        own = {self.main: WHOLE - self.weight}
        return own if self.canary is None else own | {self.canary: self.weight}

    def __str__(self) -> str:
        return ", ".join(f"{share} % to version {version}" for version, share in self.shares.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVersion:
    """The number an edition was published under; `checked` once it answered before it had traffic."""

    edition: str
    version: str
    checked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasState:
    """Which alias a node is, whose alarms count, and what was last seen of it.

    `split` and `revision_id` are the alias as we last knew it, `intended` what it was about to be made: an alias that
    is neither was changed from outside. `outside_fence` is the turn in which that was found, 0 for never; a later turn
    takes the alias over as it is. `fence` is the turn that `fired_before` (alarms that were firing when it began)
    belongs to. What was measured is in the series until `measured_upto_ms` (machine time).
    """

    function: str
    alias: str
    module: str
    alarms: tuple[str, ...] = ()
    revision_id: str = ""
    split: Split | None = None
    intended: Split | None = None
    versions: tuple[PublishedVersion, ...] = ()
    fence: int = 0
    fired_before: tuple[str, ...] = ()
    outside_fence: int = 0
    measured_upto_ms: int = 0
    trouble: str = ""

    def edition_of(self, version: str) -> str:
        """The edition of a version number; its own number where HotSwap did not publish it."""
        known = (each.edition for each in self.versions if each.version == version)
        return next(known, f"{FOREIGN}{version}")

    def published(self, edition: str) -> PublishedVersion | None:
        """The version an edition was published under; None when it was not, or is forgotten."""
        if edition.startswith(FOREIGN):
            return PublishedVersion(edition=edition, version=edition.removeprefix(FOREIGN), checked=True)
        return next((each for each in self.versions if each.edition == edition), None)

    def with_version(self, published: PublishedVersion) -> AliasState:
        """The state that knows one version more, the newest first."""
        others = (each for each in self.versions if each.edition != published.edition)
        return replace(self, versions=(published, *others)[:MOST_VERSIONS])


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasClaim:
    """Which node an alias is: one alias is one node, in one environment. All claims together are what to look at."""

    function: str
    alias: str
    environment: Environment
    node_id: str
    module: str
    alarms: tuple[str, ...] = ()
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.function, self.alias)


def seen(state: AliasState, split: Split, revision_id: str, *, fence: int, restoring: bool) -> AliasState:
    """What is known after a look at the alias under the turn `fence`.

    Its revision changes with every change, so one we do not know, with a split that was neither there nor intended,
    is a change from outside. It is left alone until the next turn, except that a restore gives back what it must.
    """
    ours = (
        state.split is None
        or revision_id == state.revision_id
        or split in (state.split, state.intended)
        or fence > state.fence
        or restoring
    )
    known = replace(state, split=split, revision_id=revision_id)
    if ours:
        settled = state.outside_fence and (fence > state.outside_fence or restoring or split == state.intended)
        return replace(known, outside_fence=0) if settled else known
    return replace(known, outside_fence=fence or 1)


def worsened(state: AliasState, firing: Iterable[str]) -> tuple[AliasState, tuple[str, ...]]:
    """The alarms that began to fire since the turn began, and the state that forgets those that are over.

    An alarm that fired before the start does not count until it has been quiet: it is what a fix is brought for.
    """
    now = frozenset(firing)
    news = tuple(sorted(now - frozenset(state.fired_before)))
    still = tuple(name for name in state.fired_before if name in now)
    return replace(state, fired_before=still), news


def firing_of(states: Mapping[str, str]) -> tuple[str, ...]:
    """The alarms that fire, by name."""
    return tuple(sorted(name for name, value in states.items() if value == "ALARM"))

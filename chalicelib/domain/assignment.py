"""What every node of an environment should run of one module: two digests and two cut-offs, however many nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from chalicelib.domain.alias import WHOLE
from chalicelib.domain.configuration import matches
from chalicelib.domain.edition import edition
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import Member, ModuleReport, Node, NodeStatus

MOST_PAST = 5
"""An assignment is read with every heartbeat, so it remembers only this many of what ran before."""

NO_LABELS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was stable until `until_ms` (policy time)."""

    digest: str
    version: str
    configuration: int = 0
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The desired state of `module` in `environment`.

    Outside a rollout every node whose labels `stable_runs_on` asks for runs the stable edition (digest and
    configuration revision). During one, members with rank < `active_upto` run the candidate, members with rank <
    `staged_upto` hold it started beside what they run, and everybody else is left as the rollout found them. Moving a
    cut-off is the only thing a wave or a rollback has to write. `stable_by` is the deployment that was promoted last.

    `position` is the effect the nodes' answers belong to: members with `wave_first` <= rank < the cut-off owe one, or
    while restoring those with rank < `touched_upto`. `bake` names the sums of what is measured since `look_from_ms`
    (machine time). Nodes' windows are kept in steps of `series_step_ms`. `correlation_id` is that of the deployment that
    changed something last, also when it is over.

    `by_weight`: the nodes are function aliases, and a cut-off is the percent of traffic the candidate gets.
    """

    environment: Environment
    module: str
    fence: int = 0
    stable_digest: str | None = None
    stable_version: str | None = None
    stable_configuration: int = 0
    stable_runs_on: dict[str, str] = field(default_factory=dict)
    stable_by: str = ""
    deployment_id: str | None = None
    correlation_id: str = ""
    candidate_digest: str | None = None
    candidate_version: str | None = None
    candidate_configuration: int = 0
    candidate_runs_on: dict[str, str] = field(default_factory=dict)
    active_upto: int = 0
    staged_upto: int = 0
    wave_first: int = 0
    touched_upto: int = 0
    position: str = ""
    bake: str = ""
    look_from_ms: int | None = None
    series_step_ms: int = 10_000
    retained_digest: str | None = None
    retained_configuration: int = 0
    retained_until_ms: int | None = None
    past: tuple[Past, ...] = ()
    by_weight: bool = False
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.environment, self.module)

    @property
    def stable(self) -> str | None:
        """The edition that runs outside a rollout."""
        return edition(self.stable_digest, self.stable_configuration)

    @property
    def candidate(self) -> str | None:
        """The edition a rollout brings."""
        return edition(self.candidate_digest, self.candidate_configuration)

    @property
    def retained(self) -> str | None:
        """The edition that is parked for a while after a rollout."""
        return edition(self.retained_digest, self.retained_configuration)

    @property
    def is_changing(self) -> bool:
        """Whether a rollout is on."""
        return self.deployment_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """When the next look for harm is due, in machine time.

    A record of its own: looks come every second, and must not get in the way of a decision about the assignment.
    """

    environment: Environment
    module: str
    due_at_ms: int
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.environment, self.module)


def given_back(assignment: Assignment) -> Assignment:
    """The assignment after a rollout ended without success: nothing is changing, the stable digest is as it was."""
    return replace(
        assignment,
        deployment_id=None,
        candidate_digest=None,
        candidate_version=None,
        candidate_configuration=0,
        candidate_runs_on={},
        active_upto=0,
        staged_upto=0,
        wave_first=0,
        touched_upto=0,
        position="",
        bake="",
        look_from_ms=None,
        revision=assignment.revision + 1,
    )


def settled(assignment: Assignment, *, retained_until_ms: int | None, now_ms: int) -> Assignment:
    """The assignment after a rollout was promoted: the candidate is stable, and its predecessor stays parked till then."""
    changed = assignment.stable is not None and assignment.stable != assignment.candidate
    kept = changed and retained_until_ms is not None
    return replace(
        given_back(assignment),
        stable_digest=assignment.candidate_digest,
        stable_version=assignment.candidate_version,
        stable_configuration=assignment.candidate_configuration,
        stable_runs_on=assignment.candidate_runs_on,
        stable_by=assignment.deployment_id or "",
        retained_digest=assignment.stable_digest if kept else None,
        retained_configuration=assignment.stable_configuration if kept else 0,
        retained_until_ms=retained_until_ms if kept else None,
        past=_with_past(assignment, now_ms) if changed else assignment.past,
    )


def ran_lately(assignment: Assignment | None, wanted: str | None, *, window_ms: int, now_ms: int) -> bool:
    """Whether the edition `wanted` was stable here within the last `window_ms`, and something else has been since."""
    if assignment is None or wanted is None or wanted == assignment.stable:
        return False
    return any(
        edition(past.digest, past.configuration) == wanted and now_ms - past.until_ms < window_ms
        for past in assignment.past
    )


def _with_past(assignment: Assignment, now_ms: int) -> tuple[Past, ...]:
    ended = Past(
        digest=assignment.stable_digest or "",
        version=assignment.stable_version or "",
        configuration=assignment.stable_configuration,
        until_ms=now_ms,
    )
    return (ended, *assignment.past)[:MOST_PAST]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """The editions one node should have: `active` serving (None: nothing), `staged` started beside it; on a function
    alias `canary` has `weight` percent of the traffic."""

    active: str | None
    staged: tuple[str, ...] = ()
    canary: str | None = None
    weight: int = 0

    def is_met_by(self, report: ModuleReport) -> bool:
        """Whether the traffic goes where it should, and what should be staged is."""
        runs = (report.active, report.canary, report.weight)
        return runs == (self.active, self.canary, self.weight) and set(self.staged) <= set(report.staged)


def desired_for(
    assignment: Assignment, member: Member | None, *, labels: Mapping[str, str] = NO_LABELS, now_ms: int
) -> Desired:
    """What a node with these labels should run, given its membership in the rollout that is on, if any.

    A node that joined after the membership was frozen runs the stable edition until the rollout has ended.
    `now_ms` is policy time: a retained predecessor is parked until its time is up.
    """
    if assignment.by_weight:
        return _desired_by_weight(assignment, member)
    if not assignment.is_changing or member is None:
        if not matches(assignment.stable_runs_on, labels):
            return Desired(active=None)
        kept = assignment.retained
        keep = kept is not None and (assignment.retained_until_ms or 0) > now_ms and not assignment.is_changing
        return Desired(active=assignment.stable, staged=(kept,) if keep and kept is not None else ())
    candidate, before = assignment.candidate, member.from_edition
    if member.rank < assignment.active_upto:
        return Desired(active=candidate, staged=(before,) if before is not None and before != candidate else ())
    if member.rank < assignment.staged_upto and candidate is not None and candidate != before:
        return Desired(active=before, staged=(candidate,))
    return Desired(active=before)


def _desired_by_weight(assignment: Assignment, member: Member | None) -> Desired:
    """An alias always points at a version, and old versions stay; so nothing is parked and nothing is taken away."""
    if not assignment.is_changing or member is None:
        return Desired(active=assignment.stable)
    candidate, before, weight = assignment.candidate, member.from_edition, assignment.active_upto
    if candidate == before or weight >= WHOLE:
        return Desired(active=candidate if weight else before)
    if weight:
        return Desired(active=before, canary=candidate, weight=weight)
    staged = assignment.staged_upto and candidate is not None
    return Desired(active=before, staged=(candidate,) if staged and candidate is not None else ())


def concerns(assignment: Assignment, node: Node) -> bool:
    """Whether a node is of the kind that this module runs on here: a kernel, or an alias of this very function."""
    if node.alias is None:
        return not assignment.by_weight
    return assignment.by_weight and node.alias.module == assignment.module


def desired_of(assignment: Assignment, node: Node, member: Member | None, *, now_ms: int) -> Desired | None:
    """What this node should run, None where it is to be left as it is.

    A rollout a node takes part in comes first; then a cordoned node keeps what it has, and a draining one runs nothing.
    What runs on aliases is no business of kernels, nor the other way round.
    """
    if not concerns(assignment, node):
        return None
    if member is None or not assignment.is_changing:
        if node.status is NodeStatus.CORDONED:
            return None
        if node.status in (NodeStatus.DRAINING, NodeStatus.DRAINED):
            return Desired(active=None)
    return desired_for(assignment, member, labels=node.labels, now_ms=now_ms)

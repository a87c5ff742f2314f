"""What every node of an environment should run of one module: two digests and two cut-offs, however many nodes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.environment import Environment
from chalicelib.domain.node import Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The desired state of `module` in `environment`.

    Outside a rollout every node runs `stable_digest`. During one, members with rank < `active_upto` run
    `candidate_digest`, members with rank < `staged_upto` hold it started beside what they run, and everybody else
    is left as the rollout found them. Moving a cut-off is the only thing a wave or a rollback has to write.

    `position` is the effect the nodes' answers belong to: members with `wave_first` <= rank < the cut-off owe one, or
    while restoring those with rank < `touched_upto`. `bake` names the sums of what is measured since `look_from_ms`
    (machine time). Nodes' windows are kept in steps of `series_step_ms`.
    """

    environment: Environment
    module: str
    fence: int = 0
    stable_digest: str | None = None
    stable_version: str | None = None
    deployment_id: str | None = None
    candidate_digest: str | None = None
    candidate_version: str | None = None
    active_upto: int = 0
    staged_upto: int = 0
    wave_first: int = 0
    touched_upto: int = 0
    position: str = ""
    bake: str = ""
    look_from_ms: int | None = None
    series_step_ms: int = 10_000
    retained_digest: str | None = None
    retained_until_ms: int | None = None
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.environment, self.module)

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
        active_upto=0,
        staged_upto=0,
        wave_first=0,
        touched_upto=0,
        position="",
        bake="",
        look_from_ms=None,
        revision=assignment.revision + 1,
    )


def settled(assignment: Assignment, *, retained_until_ms: int | None) -> Assignment:
    """The assignment after a rollout was promoted: the candidate is stable, and its predecessor stays parked till then."""
    before = assignment.stable_digest
    kept = before if retained_until_ms is not None and before != assignment.candidate_digest else None
    return replace(
        given_back(assignment),
        stable_digest=assignment.candidate_digest,
        stable_version=assignment.candidate_version,
        retained_digest=kept,
        retained_until_ms=retained_until_ms if kept is not None else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What one node should run: `active` serving (None: nothing), `staged` started beside it."""

    active: str | None
    staged: tuple[str, ...] = ()


def desired_for(assignment: Assignment, member: Member | None, *, now_ms: int) -> Desired:
    """What a node should run, given its membership in the rollout that is on, if any.

    A node that joined after the membership was frozen runs the stable digest until the rollout has ended.
    `now_ms` is policy time: a retained predecessor is parked until its time is up.
    """
    if not assignment.is_changing or member is None:
        kept = assignment.retained_digest
        keep = kept is not None and (assignment.retained_until_ms or 0) > now_ms and not assignment.is_changing
        return Desired(active=assignment.stable_digest, staged=(kept,) if keep and kept is not None else ())
    candidate, before = assignment.candidate_digest, member.from_digest
    if member.rank < assignment.active_upto:
        return Desired(active=candidate, staged=(before,) if before is not None and before != candidate else ())
    if member.rank < assignment.staged_upto and candidate is not None and candidate != before:
        return Desired(active=before, staged=(candidate,))
    return Desired(active=before)

"""One look at a function alias: bring it to what it should be, measure it, and report it as a kernel reports itself.

An alias has no program of its own that could pull, so the one function that may touch Lambda looks for it: when a wave
or a restore orders it, when an alarm changes, and every minute. The alias is read first and the assignment after it.
Whoever moved the alias in between gave it another revision id, and the move that follows is refused; so a look that
was overtaken changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.alias import AliasState, Split, firing_of, seen, worsened
from chalicelib.domain.analysis.verdict import ReasonCode
from chalicelib.domain.assignment import Assignment, desired_of
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import ArtifactRefused, Conflict, NotAllowed, NotFound, StaleWrite
from chalicelib.domain.metering import Meters
from chalicelib.domain.node import Ack, Member, ModuleReport, Node, NodeStatus
from chalicelib.domain.rollout import restore_position
from chalicelib.usecases.alias_ports import AliasPorts
from chalicelib.usecases.measure_alias import measured
from chalicelib.usecases.ports import Ports, Replace
from chalicelib.usecases.publish_edition import check_event, publish_edition
from chalicelib.usecases.register_alias import BEAT_MS
from chalicelib.usecases.report_heartbeat import Heartbeat, take_report
from chalicelib.usecases.take_back import take_back

MAX_LOOKS = 3
"""A look that was overtaken is taken anew this often; then the next order or minute does it."""


class _Failed(Exception):
    """The alias cannot be brought to what it should be; `reason` is a word for programs, the text one for people."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


@dataclass(slots=True, kw_only=True)
class _Look:
    """What one look has found so far: `state` grows with it, so that a failure half-way forgets nothing.

    `assignment` and `member` are the order there is for the node, read after the alias.
    """

    node: Node
    state: AliasState
    assignment: Assignment | None = None
    member: Member | None = None
    news: tuple[str, ...] = ()
    ack: Ack | None = None

    @property
    def fence(self) -> int:
        return 0 if self.assignment is None else self.assignment.fence

    @property
    def is_changing(self) -> bool:
        """Whether a rollout is on that this alias takes part in."""
        return self.assignment is not None and self.assignment.is_changing and self.member is not None

    @property
    def is_restoring(self) -> bool:
        return (
            self.is_changing
            and self.assignment is not None
            and self.assignment.position == restore_position(self.assignment.environment)
        )


def settle_alias(environment: Environment, node_id: str, *, aliases: AliasPorts, ports: Ports) -> None:
    """Look at one alias, act, and report. Repeating it is harmless.

    Raises:
        StaleWrite: others were faster every time.
        Unavailable: Lambda, CloudWatch or the table does not answer; nothing was reported, which counts as silence.
    """
    for attempt in range(MAX_LOOKS):
        try:
            _look_once(environment, node_id, aliases=aliases, ports=ports)
        except StaleWrite:
            if attempt == MAX_LOOKS - 1:
                raise
        else:
            return


def _look_once(environment: Environment, node_id: str, *, aliases: AliasPorts, ports: Ports) -> None:
    node = ports.store.get(Node, environment, node_id)
    if node is None or node.alias is None or node.status is NodeStatus.REMOVED:
        return
    look = _Look(node=node, state=replace(node.alias, trouble=""))
    try:
        _see(look, aliases=aliases, ports=ports)
        _act(look, aliases=aliases, ports=ports)
    except StaleWrite:
        raise
    except (ArtifactRefused, Conflict, NotAllowed, NotFound, _Failed) as failed:
        look.ack = _ack(look, succeeded=False, reason=_reason(failed), detail=str(failed))
        look.state = replace(look.state, trouble=str(failed))
    meters = Meters()
    if look.assignment is not None and look.assignment.is_changing and look.member is not None:
        look.state, meters = measured(look.state, look.node, look.assignment, look.member, aliases=aliases, ports=ports)
    _report(look, meters, ports=ports)
    why = _why(look)
    if why is not None and look.assignment is not None:
        take_back(look.assignment, *why, ports=ports)


def _see(look: _Look, *, aliases: AliasPorts, ports: Ports) -> None:
    """Read the alias, then the order, then the alarms.

    Raises:
        StaleWrite: somebody else was at it meanwhile; what they intended or did must not be taken for a stranger's.
    """
    state, node = look.state, look.node
    try:
        found = aliases.functions.read(state.function, state.alias)
        if ports.store.get(Node, node.environment, node.id) != node:
            raise StaleWrite("node", node.id)
    finally:
        look.assignment = ports.store.get(Assignment, node.environment, state.module)
        if look.assignment is not None and look.assignment.deployment_id is not None:
            look.member = ports.store.get(Member, look.assignment.deployment_id, node.environment, node.id)
    look.state = seen(state, found.split, found.revision_id, fence=look.fence, restoring=look.is_restoring)
    if look.is_changing and not look.is_restoring:
        _watch(look, aliases=aliases)
    look.state = replace(look.state, fence=max(look.fence, look.state.fence))


def _watch(look: _Look, *, aliases: AliasPorts) -> None:
    """Which alarms fire that did not when the turn began.

    Raises:
        _Failed: an alarm is named that does not exist; it could warn nobody.
    """
    names = look.state.alarms
    states = aliases.alarms.states(names) if names else {}
    missing = [name for name in names if name not in states]
    if missing:
        raise _Failed("ALARM_MISSING", f"There is no alarm {', '.join(missing)}.")
    if look.fence > look.state.fence:
        look.state = replace(look.state, fired_before=firing_of(states))
    look.state, look.news = worsened(look.state, firing_of(states))


def _act(look: _Look, *, aliases: AliasPorts, ports: Ports) -> None:
    """Bring the alias to what it should be and read it back.

    Raises:
        _Failed: it cannot be, or it was changed from outside while it owes an answer.
    """
    if look.assignment is None:
        return
    if look.state.outside_fence:
        if look.is_changing:
            raise _Failed("CHANGED_OUTSIDE", f"The alias was changed from outside: {look.state.split}.")
        return
    wanted = desired_of(look.assignment, look.node, look.member, now_ms=0)
    if wanted is None or wanted.active is None or look.news:
        return  # before an alarm that is new nothing gets more traffic; the restore that follows takes it away
    numbers = {
        edition: _ready(look, edition, aliases=aliases, ports=ports)
        for edition in filter(None, (wanted.active, wanted.canary, *wanted.staged))
    }
    canary = None if wanted.canary is None else numbers[wanted.canary]
    _move(look, Split(main=numbers[wanted.active], canary=canary, weight=wanted.weight), aliases=aliases, ports=ports)
    look.ack = _ack(look, succeeded=True)


def _ready(look: _Look, edition: str, *, aliases: AliasPorts, ports: Ports) -> str:
    """The number of a published version of this edition; a new one has answered its check.

    Raises:
        _Failed: it did not answer well.
    """
    state, environment = look.state, look.node.environment
    published = state.published(edition)
    if published is None:
        published = publish_edition(state, environment, edition, aliases=aliases, ports=ports)
        look.state = state = state.with_version(published)
    is_new = look.assignment is not None and edition == look.assignment.candidate and not published.checked
    if is_new and not look.is_restoring:
        event = check_event(state, environment, edition, ports=ports)
        wrong = aliases.functions.check(state.function, published.version, event)
        if wrong:
            text = f"Version {published.version} failed its check before it had traffic: {wrong}"
            raise _Failed("CHECK_FAILED", text)
        look.state = state.with_version(replace(published, checked=True))
    return published.version


def _move(look: _Look, split: Split, *, aliases: AliasPorts, ports: Ports) -> None:
    if look.state.split == split:
        return
    node, state = look.node, replace(look.state, intended=split)
    # Noted before it is done: whoever looks between the move and the report knows it for ours.
    look.node = replace(node, alias=state, revision=node.revision + 1)
    ports.store.commit(Replace(look.node))
    position = "" if look.assignment is None else look.assignment.position
    moved = aliases.functions.move(
        state.function,
        state.alias,
        split,
        revision_id=state.revision_id,
        note=f"HotSwap: fence {look.fence}, {position or 'stable'}",
    )
    look.state = replace(state, split=moved.split, revision_id=moved.revision_id)
    if moved.split != split:
        raise _Failed("NOT_MOVED", f"The alias was read back as {moved.split}, not {split}.")


def _ack(look: _Look, *, succeeded: bool, reason: str = "", detail: str = "") -> Ack | None:
    if look.assignment is None or look.member is None:
        return None
    staging = not look.is_restoring and not look.assignment.active_upto
    return Ack(
        fence=look.fence,
        digest=(look.member.from_edition if look.is_restoring else look.assignment.candidate) or "",
        action="stage" if staging else "activate",
        succeeded=succeeded,
        reason=reason,
        detail=detail[:500],
    )


def _reason(failed: Exception) -> str:
    if isinstance(failed, _Failed | ArtifactRefused):
        return failed.reason
    return {NotFound: "FUNCTION_MISSING", NotAllowed: "NOT_ALLOWED"}.get(type(failed), "FUNCTION_REFUSED")


def _report(look: _Look, meters: Meters, *, ports: Ports) -> None:
    node, state, split = look.node, look.state, look.state.split
    report = ModuleReport(
        module=state.module,
        fence=look.fence,
        active=None if split is None else state.edition_of(split.main),
        canary=None if split is None or split.canary is None else state.edition_of(split.canary),
        weight=0 if split is None else split.weight,
        staged=tuple(each.edition for each in state.versions if each.checked),
        healthy=not state.trouble,
        ack=look.ack or node.report(state.module).ack,
    )

    def read() -> Node:
        found = ports.store.get(Node, node.environment, node.id)
        if found is None or found.interval != node.interval:
            # Somebody else has looked meanwhile, and may have seen what we have not.
            raise StaleWrite("node", node.id)
        return found

    take_report(
        read,
        Heartbeat(interval=node.interval + 1, kernel_version="", modules=(report,)),
        beat_ms=BEAT_MS,
        amend=lambda said: replace(said, alias=state, meters=meters),
        ports=ports,
    )


def _why(look: _Look) -> tuple[ReasonCode, str] | None:
    """Why the wave that is on is to be taken back at once; None where nothing asks for it."""
    if not look.is_changing or look.is_restoring:
        return None
    if look.news:
        return ReasonCode.ALARM, f"Began to fire since the turn began: {', '.join(look.news)}."
    if look.state.outside_fence:
        state = look.state
        return ReasonCode.CHANGED_OUTSIDE, f"{state.function}:{state.alias} was changed from outside: {state.split}."
    return None

"""Limit guesses: nobody tries passwords for ever, of one account, from one address, or over all.

The counters are in the table, so every function sees the same ones. They are looked at before the password is, and
once more after it was right: whoever guesses many times at once gets no more for it than the requests in flight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.errors import StaleWrite, TooManyRequests
from chalicelib.domain.guessing import (
    EVERYWHERE,
    SHARDS_OVER_ALL,
    WrongGuesses,
    by_name,
    by_source,
    waits_ms,
)
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Add, Change, Ports, Remove, Replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try: the name as it was typed, whether there is such a user, where it comes from."""

    username: str
    is_known: bool
    source: str
    request_id: str = ""


def require_tries_left(username: str, source: str, *, ports: Ports) -> None:
    """Nothing, if this name may be tried from this address now. Known and unknown names are treated alike.

    Raises:
        TooManyRequests: too many wrong passwords came; says when to come back.
    """
    now = ports.clock.machine_ms()
    scopes = (by_name(username), by_source(source), EVERYWHERE)
    waits = max(waits_ms(scope, ports.store.list(WrongGuesses, scope), now) for scope in scopes)
    if waits:
        raise TooManyRequests("There were too many wrong passwords.", after_s=-(-waits // 1000))


def count_wrong_guess(attempt: Attempt, *, ports: Ports) -> None:
    """Count a wrong password in every scope, and say so in the audit.

    Raises:
        TooManyRequests: so many come at once that they could not be counted; nobody learns whether this one was wrong.
    """
    shard = sum(map(ord, ports.new_id())) % SHARDS_OVER_ALL
    try:
        for scope, number in ((by_name(attempt.username), 0), (by_source(attempt.source), 0), (EVERYWHERE, shard)):
            _count(scope, number, attempt, ports=ports)
    except StaleWrite as lost:
        raise TooManyRequests("There were too many wrong passwords.", after_s=1) from lost


def forget_guesses(username: str, *, ports: Ports) -> tuple[Change, ...]:
    """The writes that take a name's wrong passwords away; none where there are none."""
    return tuple(Remove(each) for each in ports.store.list(WrongGuesses, by_name(username)))


def locked_until_ms(username: str, *, ports: Ports) -> int | None:
    """Until when nobody may log in under this name; None when they may."""
    now, scope = ports.clock.machine_ms(), by_name(username)
    waits = waits_ms(scope, ports.store.list(WrongGuesses, scope), now)
    return now + waits if waits else None


def _count(scope: str, shard: int, attempt: Attempt, *, ports: Ports) -> None:
    def decide() -> tuple[None, tuple[Change, ...]]:
        now = ports.clock.machine_ms()
        known = ports.store.get(WrongGuesses, scope, f"{shard:02d}")
        change: Change
        if known is None:
            counted = replace(WrongGuesses(scope=scope, shard=shard, began_ms=now), count=1)
            change = Add(counted)
        else:
            counted = known.counted(now)
            change = Replace(counted)
        if not scope.startswith("name:"):
            return None, (change,)
        return None, (change, audited(_deed(attempt, counted.count), ports=ports))

    decide_and_commit(decide, ports=ports)


def _deed(attempt: Attempt, count: int) -> Deed:
    # Who types a password into the wrong field must not find it in the audit: unknown names are not written.
    subject = f"user:{attempt.username}" if attempt.is_known else f"source:{attempt.source}"
    return Deed(
        subject=subject,
        actor=attempt.username if attempt.is_known else "anonymous",
        action="LoginFailed",
        outcome="refused",
        detail={"failed": count, "source": attempt.source},
        request_id=attempt.request_id,
    )

"""Freeze windows: when an environment may not be changed, once or every week, in the wall clock of a time zone.

Pure: the instant is passed in; the time zone database is the standard library's. What a wall clock shows twice begins
at the first and ends at the second time; what it never shows is the instant at which it jumps. So a window is never
shorter than people read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from chalicelib.domain.errors import InvalidInput, Violation

LONGEST_CHAIN = 1_000
"""Windows that follow each other without a gap are added up this often; a longer freeze has no end that counts."""

_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Verb(StrEnum):
    """What a window forbids: beginning to change the environment, going on to its next wave, approving."""

    START = "start"
    PROMOTE = "promote"
    APPROVE = "approve"


class FreezeThen(StrEnum):
    """What happens to a deployment that meets the window."""

    WAIT = "wait"
    REFUSE = "refuse"


class Weekday(StrEnum):
    """A day of the week, in the order of ISO 8601."""

    MONDAY = "Monday"
    TUESDAY = "Tuesday"
    WEDNESDAY = "Wednesday"
    THURSDAY = "Thursday"
    FRIDAY = "Friday"
    SATURDAY = "Saturday"
    SUNDAY = "Sunday"


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """From one wall-clock time (`2026-12-20T18:00`) until another."""

    begins: str
    ends: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """On these days from `begins` until `ends` (`HH:MM`); an end that is not after the beginning is the next day's."""

    days: tuple[Weekday, ...]
    begins: str = "00:00"
    ends: str = "24:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeWindow:
    """One rule of an environment's calendar: either `once` or `weekly`.

    Raises:
        InvalidInput: not exactly one of the two, or times, days or a time zone that do not exist.
    """

    name: str
    reason: str = ""
    verbs: tuple[Verb, ...] = (Verb.START, Verb.PROMOTE)
    then: FreezeThen = FreezeThen.WAIT
    time_zone: str = "UTC"
    once: Once | None = None
    weekly: Weekly | None = None

    def __post_init__(self) -> None:
        violations = [*_wrong_zone(self.time_zone), *_wrong_times(self)]
        if (self.once is None) == (self.weekly is None):
            violations.append(Violation("once", "exactly one of once and weekly must be given"))
        if not self.verbs:
            violations.append(Violation("verbs", "must name at least one of start, promote, approve"))
        if violations:
            raise InvalidInput(*violations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A freeze that is in force: what it forbids, since when, and until when (None: no end that counts)."""

    window: FreezeWindow
    verb: Verb
    from_ms: int
    until_ms: int | None

    @property
    def sentence(self) -> str:
        why = f" ({self.window.reason})" if self.window.reason else ""
        return f"The freeze '{self.window.name}'{why} forbids to {self.verb}"

    def refusal(self, *, at_ms: int, longest_wait_s: int) -> str | None:
        """Why a deployment that meets it at `at_ms` ends, in a sentence; None when it waits."""
        if self.window.then is FreezeThen.REFUSE:
            return f"{self.sentence}, and refuses what meets it."
        if self.until_ms is None or self.until_ms - at_ms > longest_wait_s * 1000:
            return f"{self.sentence} for longer than the {longest_wait_s} s a deployment may wait."
        return None


def freeze_at(windows: Sequence[FreezeWindow], verb: Verb, at_ms: int) -> Freeze | None:
    """The freeze that forbids `verb` at this instant, None when it is allowed.

    A window that refuses goes before one that waits. `until_ms` is when the last of those that follow each other
    without a gap is over; whoever waits has to ask again then, since a window that refuses may follow.
    """
    at = [span for window in windows if verb in window.verbs for span in [_span_at(window, at_ms)] if span]
    if not at:
        return None
    begins, ends, window = min(at, key=lambda span: (span[2].then is not FreezeThen.REFUSE, -span[1]))
    same = [each for each in windows if verb in each.verbs and each.then is window.then]
    until = ends
    for _ in range(LONGEST_CHAIN):
        following = [span[1] for each in same for span in [_span_at(each, until)] if span]
        if not following:
            return Freeze(window=window, verb=verb, from_ms=begins, until_ms=until)
        until = max(following)
    return Freeze(window=window, verb=verb, from_ms=begins, until_ms=None)


def _span_at(window: FreezeWindow, at_ms: int) -> tuple[int, int, FreezeWindow] | None:
    found = [(begins, ends) for begins, ends in _spans_near(window, at_ms) if begins <= at_ms < ends]
    return (*max(found, key=lambda span: span[1]), window) if found else None


def _spans_near(window: FreezeWindow, at_ms: int) -> Iterator[tuple[int, int]]:
    zone = ZoneInfo(window.time_zone)
    if window.once is not None:
        begins, ends = (datetime.fromisoformat(text) for text in (window.once.begins, window.once.ends))
        yield instant_of(begins, zone), instant_of(ends, zone, last=True)
    if window.weekly is not None:
        today = _wall(at_ms, zone).date()
        for offset in (-2, -1, 0, 1):
            day = today + timedelta(days=offset)
            if list(Weekday)[day.weekday()] in window.weekly.days:
                yield _occurrence(window.weekly, day, zone)


def _occurrence(weekly: Weekly, day: date, zone: tzinfo) -> tuple[int, int]:
    begins, ends = _minutes(weekly.begins), _minutes(weekly.ends)
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (a wall clock, on purpose)
    over = ends if ends > begins else ends + 24 * 60
    return (
        instant_of(midnight + timedelta(minutes=begins), zone),
        instant_of(midnight + timedelta(minutes=over), zone, last=True),
    )


def instant_of(wall: datetime, zone: tzinfo, *, last: bool = False) -> int:
    """The instant, in ms, at which the zone's wall clock shows `wall`: the first, or the `last` if it shows it twice.

    A time that the clock jumps over is the instant of the jump.
    """
    at = _ms(wall.replace(tzinfo=zone, fold=1 if last else 0))
    if _wall(at, zone) == wall:
        return at
    # In a gap the two readings lie on either side of the jump; find the first instant with the later offset.
    low, high = sorted(_ms(wall.replace(tzinfo=zone, fold=fold)) // 1000 for fold in (0, 1))
    after = _offset(high, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(middle, zone) == after else (middle, high)
    return high * 1000


def _offset(at_s: int, zone: tzinfo) -> timedelta | None:
    return (_EPOCH + timedelta(seconds=at_s)).astimezone(zone).utcoffset()


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _wall(at_ms: int, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone).replace(tzinfo=None, fold=0)


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _wrong_zone(name: str) -> Iterator[Violation]:
    try:
        known = _ZONE.fullmatch(name) is not None and ZoneInfo(name) is not None
    except (ValueError, OSError, LookupError):
        known = False
    if not known:
        yield Violation("timeZone", "must be a time zone of the IANA database such as Europe/Berlin")


def _wrong_times(window: FreezeWindow) -> Iterator[Violation]:
    if window.weekly is not None:
        if not window.weekly.days or len(set(window.weekly.days)) != len(window.weekly.days):
            yield Violation("weekly.days", "must name days, each once")
        for name, text in (("begins", window.weekly.begins), ("ends", window.weekly.ends)):
            if not _TIME.fullmatch(text) or (name == "begins" and text == "24:00"):
                yield Violation(f"weekly.{name}", "must be a time such as 18:00")
    if window.once is not None:
        times = {"begins": _local(window.once.begins), "ends": _local(window.once.ends)}
        for name, at in times.items():
            if at is None:
                yield Violation(f"once.{name}", "must be a local time such as 2026-12-20T18:00")
        begins, ends = times["begins"], times["ends"]
        if begins is not None and ends is not None and ends <= begins:
            yield Violation("once.ends", "must be after it begins")


def _local(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if _LOCAL.fullmatch(text) else None
    except ValueError:
        return None
    return found if found is not None and 1970 < found.year < 2200 else None

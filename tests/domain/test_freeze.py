"""Freeze windows: right in every time zone, on the days on which clocks change too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import InvalidInput
from chalicelib.domain.freeze import (
    Freeze,
    FreezeThen,
    FreezeWindow,
    Once,
    Verb,
    Weekday,
    Weekly,
    freeze_at,
    instant_of,
)

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> int:
    """Milliseconds of an instant in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def weekly(*days: str, begins: str = "00:00", ends: str = "24:00", zone: str = "Europe/Berlin", **more: object):
    found = tuple(Weekday(day) for day in days)
    return FreezeWindow(
        name="weekly",
        time_zone=zone,
        weekly=Weekly(days=found, begins=begins, ends=ends),
        **more,  # type: ignore[arg-type]
    )


def once(begins: str, ends: str, zone: str = "Europe/Berlin", **more: object) -> FreezeWindow:
    return FreezeWindow(name="once", time_zone=zone, once=Once(begins=begins, ends=ends), **more)  # type: ignore[arg-type]


def span(window: FreezeWindow, text: str) -> tuple[int, int | None] | None:
    freeze = freeze_at([window], Verb.START, at(text))
    return None if freeze is None else (freeze.from_ms, freeze.until_ms)


def test_a_one_time_window_holds_from_its_first_instant_until_before_its_last() -> None:
    window = once("2026-12-20T18:00", "2027-01-02T08:00")

    assert span(window, "2026-12-20T16:59:59") is None
    assert span(window, "2026-12-20T17:00:00") == (at("2026-12-20T17:00:00"), at("2027-01-02T07:00:00"))
    assert span(window, "2027-01-02T06:59:59") is not None
    assert span(window, "2027-01-02T07:00:00") is None


# Clocks in Berlin jump from 02:00 to 03:00 on 2026-03-29 (01:00 UTC) and from 03:00 back to 02:00 on 2026-10-25 (01:00 UTC).
@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        ("2026-03-29T00:00", "2026-03-29T04:00", ("2026-03-28T23:00", "2026-03-29T02:00")),
        ("2026-03-29T02:30", "2026-03-29T04:00", ("2026-03-29T01:00", "2026-03-29T02:00")),
        ("2026-03-29T00:00", "2026-03-29T02:30", ("2026-03-28T23:00", "2026-03-29T01:00")),
        ("2026-10-25T00:00", "2026-10-25T04:00", ("2026-10-24T22:00", "2026-10-25T03:00")),
        ("2026-10-25T02:30", "2026-10-25T04:00", ("2026-10-25T00:30", "2026-10-25T03:00")),
        ("2026-10-25T00:00", "2026-10-25T02:30", ("2026-10-24T22:00", "2026-10-25T01:30")),
    ],
    ids=["over the gap", "from the gap", "into the gap", "over the fold", "from the fold", "into the fold"],
)
def test_a_window_is_as_long_as_people_read_it_on_the_days_clocks_change(
    begins: str, ends: str, expected: tuple[str, str]
) -> None:
    first, last = (at(text) for text in expected)

    assert span(once(begins, ends), expected[0]) == (first, last)
    assert freeze_at([once(begins, ends)], Verb.START, first - 1) is None
    assert freeze_at([once(begins, ends)], Verb.START, last) is None


def test_the_hour_that_comes_twice_has_no_hole() -> None:
    window = weekly("Sunday", begins="02:30", ends="05:00")
    instants = range(at("2026-10-25T00:30:00"), at("2026-10-25T04:00:00"), 60_000)

    assert all(freeze_at([window], Verb.START, instant) is not None for instant in instants)


def test_a_day_that_was_left_out_altogether_is_the_instant_of_the_jump() -> None:
    # Apia went from the end of 2011-12-29 to the beginning of 2011-12-31.
    apia = ZoneInfo("Pacific/Apia")

    jump = instant_of(datetime(2011, 12, 30, 12, 0), apia)  # noqa: DTZ001

    assert jump == at("2011-12-30T10:00:00")


def test_every_evening_until_the_next_morning_keeps_its_wall_clock_over_the_year() -> None:
    window = weekly(*Weekday, begins="22:00", ends="06:00")

    assert span(window, "2026-01-15T21:30:00") == (at("2026-01-15T21:00:00"), at("2026-01-16T05:00:00"))
    assert span(window, "2026-07-15T20:30:00") == (at("2026-07-15T20:00:00"), at("2026-07-16T04:00:00"))
    assert span(window, "2026-07-15T19:59:00") is None


def test_windows_that_follow_each_other_are_one_wait() -> None:
    calendar = [
        weekly("Friday", begins="16:00"),
        weekly("Saturday", "Sunday"),
        weekly("Monday", begins="00:00", ends="08:00"),
    ]

    freeze = freeze_at(calendar, Verb.START, at("2026-11-20T15:00:00"))

    assert freeze is not None
    assert freeze.until_ms == at("2026-11-23T07:00:00")


def test_a_calendar_that_never_opens_has_no_end_that_counts() -> None:
    freeze = freeze_at([weekly(*Weekday)], Verb.START, at("2026-11-20T15:00:00"))

    assert freeze is not None
    assert freeze.until_ms is None
    assert "longer than the 604800 s" in (freeze.refusal(at_ms=0, longest_wait_s=604_800) or "")


def test_a_window_that_refuses_goes_before_one_that_waits() -> None:
    waits, refuses = weekly(*Weekday), once("2026-11-20T10:00", "2026-11-20T20:00", then=FreezeThen.REFUSE)

    freeze = freeze_at([waits, refuses], Verb.START, at("2026-11-20T15:00:00"))

    assert freeze is not None
    assert (freeze.window.name, freeze.until_ms) == ("once", at("2026-11-20T19:00:00"))


def test_a_window_forbids_its_own_verbs_only() -> None:
    window = weekly(*Weekday, verbs=(Verb.APPROVE,))
    found = {verb: freeze_at([window], verb, at("2026-11-20T15:00:00")) for verb in Verb}

    assert {verb for verb, freeze in found.items() if isinstance(freeze, Freeze)} == {Verb.APPROVE}


@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    minutes=st.integers(0, 2 * 365 * 24 * 60),
)
def test_an_instant_survives_the_way_over_the_wall_clock(zone: str, minutes: int) -> None:
    own = ZoneInfo(zone)
    wall = datetime(2026, 1, 1) + timedelta(minutes=minutes)  # noqa: DTZ001

    first, last = instant_of(wall, own), instant_of(wall, own, last=True)

    assert first <= last
    shown = datetime.fromtimestamp(first / 1000, own).replace(tzinfo=None, fold=0)
    assert shown >= wall
    if shown != wall:
        before = datetime.fromtimestamp(first / 1000 - 60, own).replace(tzinfo=None, fold=0)
        assert before < wall


@given(minutes=st.integers(0, 400 * 24 * 60), zone=st.sampled_from(["Europe/Berlin", "America/New_York"]))
def test_the_end_of_a_freeze_is_the_first_instant_that_is_free(minutes: int, zone: str) -> None:
    calendar = [weekly("Friday", begins="16:00", zone=zone), weekly("Saturday", "Sunday", ends="06:30", zone=zone)]
    instant = at("2026-01-01T00:00:00") + minutes * 60_000

    freeze = freeze_at(calendar, Verb.START, instant)

    if freeze is not None:
        assert freeze.until_ms is not None
        assert freeze.from_ms <= instant < freeze.until_ms
        assert freeze_at(calendar, Verb.START, freeze.until_ms) is None
        assert freeze_at(calendar, Verb.START, freeze.until_ms - 1) is not None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time_zone": "Europe/Atlantis"}, "timeZone"),
        ({"time_zone": "../../etc/passwd"}, "timeZone"),
        ({"time_zone": "localtime"}, "timeZone"),
        ({"verbs": ()}, "verbs"),
        ({"weekly": None}, "once"),
        ({"once": Once(begins="2026-01-01T00:00", ends="2026-01-02T00:00")}, "once"),
        ({"weekly": Weekly(days=())}, "weekly.days"),
        ({"weekly": Weekly(days=(Weekday.MONDAY,), begins="24:00")}, "weekly.begins"),
        ({"weekly": Weekly(days=(Weekday.MONDAY,), ends="25:00")}, "weekly.ends"),
        ({"weekly": None, "once": Once(begins="2026-02-30T00:00", ends="2026-03-01T00:00")}, "once.begins"),
        ({"weekly": None, "once": Once(begins="2026-01-02T00:00", ends="2026-01-01T00:00")}, "once.ends"),
    ],
)
def test_a_window_that_cannot_be_is_refused_by_name(changes: dict[str, object], field: str) -> None:
    given = {"name": "n", "weekly": Weekly(days=(Weekday.MONDAY,))} | changes

    with pytest.raises(InvalidInput) as refused:
        FreezeWindow(**given)  # type: ignore[arg-type]

    assert [violation.field for violation in refused.value.violations] == [field]


# A year and a half around every jump these zones made: Berlin and New York by an hour, Lord Howe by half an hour, and
# Casablanca, which goes back for Ramadan.
JUMPING = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"]
TIMES = st.integers(0, 24 * 60 - 1).map(lambda minutes: f"{minutes // 60:02}:{minutes % 60:02}")


def shows(window: FreezeWindow, instant: int) -> bool:
    """Whether the clock on the wall shows a time in the window; read with nothing but the calendar."""
    assert window.weekly is not None
    wall = datetime.fromtimestamp(instant / 1000, ZoneInfo(window.time_zone))
    names = list(Weekday)
    today, yesterday = names[wall.weekday()], names[wall.weekday() - 1]
    now, begins, ends = f"{wall:%H:%M}", window.weekly.begins, window.weekly.ends
    if ends > begins:
        return today in window.weekly.days and begins <= now < ends
    return (today in window.weekly.days and now >= begins) or (yesterday in window.weekly.days and now < ends)


def jumps_near(zone: str, instant: int) -> bool:
    """Whether clocks are changed within two days of an instant."""
    own, day = ZoneInfo(zone), 24 * 3600
    offsets = {datetime.fromtimestamp(instant / 1000 + shift * day, own).utcoffset() for shift in (-2, -1, 0, 1, 2)}
    return len(offsets) > 1


@given(
    zone=st.sampled_from(JUMPING),
    days=st.sets(st.sampled_from(Weekday), min_size=1),
    begins=TIMES,
    ends=TIMES,
    minutes=st.integers(0, 18 * 30 * 24 * 60),
)
def test_a_weekly_window_holds_whenever_the_clock_on_the_wall_shows_it(
    zone: str, days: set[Weekday], begins: str, ends: str, minutes: int
) -> None:
    window = weekly(*sorted(days), begins=begins, ends=ends, zone=zone)
    instant = at("2026-01-01T00:00:00") + minutes * 60_000

    held = freeze_at([window], Verb.START, instant) is not None

    assert held or not shows(window, instant)
    if not jumps_near(zone, instant):
        assert held == shows(window, instant)


@pytest.mark.parametrize("zone", JUMPING)
@pytest.mark.parametrize(("begins", "ends"), [("01:45", "03:15"), ("02:00", "02:30"), ("23:30", "02:15")])
def test_around_every_jump_of_a_year_no_minute_the_clock_shows_is_left_out(zone: str, begins: str, ends: str) -> None:
    own = ZoneInfo(zone)
    window = weekly(*Weekday, begins=begins, ends=ends, zone=zone)
    hours = range(at("2026-01-01T00:00:00"), at("2027-01-01T00:00:00"), 3_600_000)
    offset = {hour: datetime.fromtimestamp(hour / 1000, own).utcoffset() for hour in hours}
    jumps = [hour for hour in hours[1:] if offset[hour] != offset[hour - 3_600_000]]
    assert len(jumps) == (0 if zone == "Asia/Kathmandu" else 2)

    for jump in jumps:
        for instant in range(jump - 6 * 3_600_000, jump + 6 * 3_600_000, 10 * 60_000):
            assert freeze_at([window], Verb.START, instant) is not None or not shows(window, instant)

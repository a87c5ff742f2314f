"""Every record comes back from the table exactly as it went in."""

from __future__ import annotations

import types
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from boto3.dynamodb.types import TypeDeserializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb.codec import attributes_of, instance_of
from chalicelib.adapters.dynamodb.items import item_of, record_of
from chalicelib.adapters.dynamodb.keys import LAYOUTS
from chalicelib.domain.alias import Split
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.freeze import FreezeThen, FreezeWindow, Once, Verb, Weekday, Weekly
from chalicelib.domain.histogram import Histogram
from chalicelib.domain.metrics import Window
from chalicelib.domain.policy import DEFAULT_POLICIES, Policy
from tests.builders import a_deployment, a_policy, an_event

WHOLE = st.integers(0, 10**15)
TEXT = st.text(max_size=12)
# What JSON can hold, but for fractions; lists, because JSON has no tuples.
ANYTHING = st.recursive(
    st.none() | st.booleans() | WHOLE | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
FREEZES = st.builds(
    FreezeWindow,
    name=TEXT,
    reason=TEXT,
    verbs=st.lists(st.sampled_from(Verb), min_size=1, unique=True).map(tuple),
    then=st.sampled_from(FreezeThen),
    time_zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    weekly=st.builds(Weekly, days=st.lists(st.sampled_from(Weekday), min_size=1, unique=True).map(tuple)),
) | st.builds(FreezeWindow, name=TEXT, once=st.just(Once(begins="2026-12-20T18:00", ends="2027-01-02T08:00")))
SPLITS = st.builds(Split, main=TEXT) | st.builds(
    Split, main=st.just("1"), canary=st.just("2"), weight=st.integers(1, 99)
)
POLICIES = st.builds(AnalysisPolicy, alpha_bp=st.integers(1, 2_000), level_windows=st.integers(1, 1_000))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Windows that can have been measured: the numbers agree with each other."""
    counts = draw(st.dictionaries(st.integers(0, 511), st.integers(1, 10**6), max_size=4))
    latency = Histogram(counts=tuple(sorted(counts.items())))
    started, duration = draw(st.integers(0, 10**13)), draw(st.integers(0, 10**6))
    return Window(
        started_at_ms=started,
        ended_at_ms=started + duration,
        duration_ms=duration,
        requests=latency.total,
        errors=draw(st.integers(0, latency.total)),
        latency=latency,
        cpu_ms=draw(WHOLE),
        memory_byte_ms=draw(WHOLE),
        crashes=draw(WHOLE),
    )


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field with this type."""
    arguments = get_args(hint)
    if hint is Any:
        return ANYTHING
    if hint is AnalysisPolicy:
        return POLICIES
    if hint is Window:
        return windows()
    if hint is Split:
        return SPLITS
    if hint is FreezeWindow:
        return FREEZES
    if get_origin(hint) is types.UnionType:
        return st.one_of([values_of(each) for each in arguments])
    if get_origin(hint) is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if get_origin(hint) is dict:
        return st.dictionaries(TEXT, values_of(arguments[1]), max_size=3)
    if is_dataclass(hint):
        return instances_of(hint)
    if issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    return {bool: st.booleans(), int: WHOLE, str: TEXT, types.NoneType: st.none()}[hint]


def instances_of(kind: Any) -> st.SearchStrategy[Any]:
    """Instances of a dataclass, every field drawn."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{each.name: values_of(hints[each.name]) for each in fields(kind)})


@pytest.mark.parametrize("kind", LAYOUTS, ids=lambda kind: kind.__name__)
def test_every_record_comes_back_as_it_was(kind: type[Any]):
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(instances_of(kind))
    def check(record: Any) -> None:
        assert record_of(kind, item_of(record)) == record

    check()


@pytest.mark.parametrize("kind", LAYOUTS, ids=lambda kind: kind.__name__)
def test_items_are_what_dynamodb_calls_native(kind: type[Any]):
    @settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(instances_of(kind))
    def check(record: Any) -> None:
        for attribute in item_of(record).values():
            TypeDeserializer().deserialize(attribute)

    check()


def test_the_default_policies_come_back_as_they_were():
    for policy in DEFAULT_POLICIES.values():
        assert record_of(Policy, item_of(policy)) == policy


def test_what_is_empty_is_left_out_and_numbers_never_are():
    attributes = attributes_of(a_deployment())

    assert "description" not in attributes
    assert "stages" not in attributes
    assert "ended_at_ms" not in attributes
    assert attributes["event_seq"] == {"N": "0"}


def test_a_field_added_later_gets_its_default_and_one_taken_away_is_ignored():
    item = item_of(a_policy())
    del item["queue_limit"]
    item["once_known"] = {"S": "x"}

    assert record_of(Policy, item) == a_policy()


@pytest.mark.parametrize("value", [0.5, float("nan"), b"bytes", {1}, object()])
def test_what_the_table_cannot_hold_is_refused(value: Any):
    with pytest.raises(TypeError):
        item_of(an_event(detail={"deep": [{"value": value}]}))


@dataclass(frozen=True)
class Fraction:
    share: float


@dataclass(frozen=True)
class EitherOfTwo:
    which: Policy | Deployment


@pytest.mark.parametrize("kind", [Fraction, EitherOfTwo])
def test_a_class_with_a_field_nothing_can_hold_is_refused(kind: type[Any]):
    with pytest.raises(TypeError):
        instance_of(kind, {})


def test_pairs_keep_their_types():
    @dataclass(frozen=True)
    class Pairs:
        counts: tuple[tuple[int, str], ...]

    Pairs.__annotations__["counts"] = tuple[tuple[int, str], ...]

    assert instance_of(Pairs, attributes_of(Pairs(counts=((1, "a"), (2, "b"))))) == Pairs(counts=((1, "a"), (2, "b")))

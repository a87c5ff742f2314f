"""What ran here lately may come back fast: for as long as the window says, and not an instant longer."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.analysis.policy import AnalysisMode
from chalicelib.domain.assignment import MOST_PAST, Assignment, settled
from chalicelib.domain.environment import Environment
from chalicelib.domain.rollback_window import is_return, returning
from chalicelib.domain.strategies import Strategy
from tests.builders import NOW_MS, a_policy, an_assignment

HOUR_S = 3_600


def one_after_the_other(digests: list[str], *, every_ms: int) -> Assignment:
    """An environment that ran these, each for as long."""
    assignment = an_assignment(stable_digest=None, stable_version=None)
    for number, digest in enumerate(digests):
        candidate = replace(assignment, deployment_id="x", candidate_digest=digest, candidate_version=digest)
        assignment = settled(candidate, retained_until_ms=None, now_ms=NOW_MS + number * every_ms)
    return assignment


def returns(assignment: Assignment, digest: str, *, window_s: int, now_ms: int) -> bool:
    return is_return(a_policy(rollback_window_seconds=window_s), assignment, digest, now_ms=now_ms)


@given(window_s=st.integers(0, 10_000), passed_ms=st.integers(0, 20_000_000))
def test_it_is_a_return_until_the_window_is_over_and_never_with_a_window_of_nothing(
    window_s: int, passed_ms: int
) -> None:
    assignment = one_after_the_other(["old", "new"], every_ms=0)

    assert returns(assignment, "old", window_s=window_s, now_ms=NOW_MS + passed_ms) == (passed_ms < window_s * 1000)
    assert not returns(assignment, "new", window_s=window_s, now_ms=NOW_MS + passed_ms), "that runs"
    assert not returns(assignment, "other", window_s=window_s, now_ms=NOW_MS + passed_ms), "that never ran"


@given(digests=st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h"]), min_size=1, max_size=20))
def test_the_last_few_are_remembered_and_what_runs_is_never_a_return(digests: list[str]) -> None:
    assignment = one_after_the_other(digests, every_ms=1)

    kept = [past.digest for past in assignment.past]
    changes = [digest for digest, before in zip(digests, ["", *digests], strict=False) if digest != before]
    assert kept == list(reversed(changes[:-1]))[:MOST_PAST]
    for digest in {*digests}:
        expected = digest in kept and digest != digests[-1]
        assert returns(assignment, digest, window_s=HOUR_S, now_ms=NOW_MS + 1_000) == expected


def test_a_return_asks_nobody_bakes_nothing_and_is_judged_on_health() -> None:
    policy = a_policy(environment=Environment.PRODUCTION)
    assert policy.approval.required

    terms = returning(policy)

    assert (terms.strategy.kind, terms.strategy.bake_seconds) == (Strategy.DIRECT, 0)
    assert not terms.approval.required
    assert terms.analysis.mode is AnalysisMode.HEALTH_ONLY
    assert replace(terms, strategy=policy.strategy, approval=policy.approval, analysis=policy.analysis) == policy

"""The statistics against scipy, against textbooks, and against chance itself."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import betaln

from chalicelib.domain.analysis.spread import LogReading, between_variance, effective_nodes
from chalicelib.domain.statistics.beta import log_beta, log_upper_tail
from chalicelib.domain.statistics.effects import cliffs_delta, common_language, mean_ratio
from chalicelib.domain.statistics.quantiles import QuantileMethod, quantile
from chalicelib.domain.statistics.ranks import hodges_lehmann, mann_whitney
from chalicelib.domain.statistics.sequential import log_e_ratio, log_e_share, mean_radius, ratio_interval

samples = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=6)
few = settings(max_examples=60, deadline=None)
fewer = settings(max_examples=15, deadline=None)


@few
@given(st.floats(0.1, 3_000), st.floats(0.1, 3_000), st.floats(0.001, 0.999))
def test_the_tail_of_the_beta_law_is_scipys(a, b, x):
    expected = stats.beta.logsf(x, a, b)

    assert log_beta(a, b) == pytest.approx(betaln(a, b), rel=1e-9, abs=1e-9)
    if expected > -500:
        assert log_upper_tail(x, a, b) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [(3e5, 4e5), (1e6, 1e8), (60.0, 1e7)])
@pytest.mark.parametrize("deviations", [-3, 0, 3])
def test_the_tail_for_very_many_observations_is_scipys_to_a_percent(a, b, deviations):
    law = stats.beta(a, b)
    x = law.mean() + deviations * law.std()

    assert math.exp(log_upper_tail(x, a, b)) == pytest.approx(law.sf(x), rel=0.01)


@fewer
@given(samples, samples)
def test_exact_rank_p_values_are_those_of_all_permutations(first, second):
    def statistic(a, b, axis):
        return stats.mannwhitneyu(a, b, method="asymptotic", axis=axis).statistic

    expected = stats.permutation_test(
        (first, second), statistic, alternative="greater", vectorized=True, n_resamples=math.inf
    )

    found = mann_whitney(first, second)

    assert found.exact
    assert found.u == expected.statistic
    assert found.p_greater == pytest.approx(expected.pvalue, abs=1e-9)


@fewer
@given(
    st.lists(st.integers(0, 30).map(float), min_size=31, max_size=50),
    st.lists(st.integers(0, 40).map(float), min_size=31, max_size=50),
)
def test_normal_rank_p_values_are_scipys_with_ties_and_continuity(first, second):
    found = mann_whitney(first, second)

    for side, p in (("greater", found.p_greater), ("less", found.p_less)):
        expected = stats.mannwhitneyu(first, second, alternative=side, method="asymptotic", use_continuity=True)
        assert p == pytest.approx(expected.pvalue, rel=1e-9)


@few
@given(samples, samples)
def test_rank_tests_are_symmetric_in_their_samples(first, second):
    one, other = mann_whitney(first, second), mann_whitney(second, first)

    assert one.p_two_sided == pytest.approx(other.p_two_sided)
    assert one.p_greater == pytest.approx(other.p_less)
    assert cliffs_delta(first, second) == pytest.approx(-cliffs_delta(second, first))
    assert common_language(first, second) + common_language(second, first) == pytest.approx(1)
    assert hodges_lehmann(first, second, 0.05)[0] == pytest.approx(-hodges_lehmann(second, first, 0.05)[0])


def test_the_shift_of_the_textbook_is_found():
    # Hollander, Wolfe and Chicken, table 4.1 (permeability of membranes): estimate 0.305.
    term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    early = [1.15, 0.88, 0.90, 0.74, 1.21]

    estimate, low, high = hodges_lehmann(term, early, 0.05)

    assert estimate == pytest.approx(0.305)
    assert low < 0 < estimate < high
    assert mann_whitney(term, early).p_greater == pytest.approx(0.1272, abs=1e-4)


@pytest.mark.parametrize("bad", [([], [1.0]), ([1.0], []), ([math.nan], [1.0])])
def test_rank_tests_refuse_what_has_no_ranks(bad):
    with pytest.raises(ValueError, match="rank test"):
        mann_whitney(*bad)


def test_constant_samples_have_no_effect():
    found = mann_whitney([3.0] * 40, [3.0] * 40)

    assert (found.p_greater, found.p_less) == (1.0, 1.0)
    assert mean_ratio([0.0, 0.0], [0.0]) == 1.0
    assert mean_ratio([1.0], [0.0]) == math.inf


@pytest.mark.parametrize("method", list(QuantileMethod))
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 1))
def test_quantiles_are_those_of_the_named_method(method, values, probability):
    expected = stats.mstats.mquantiles if method is not QuantileMethod.INVERTED_CDF else None

    found = quantile(values, probability, method)

    if expected is None:
        assert found == sorted(values)[max(0, math.ceil(len(values) * probability) - 1)]
    else:
        a = {QuantileMethod.WEIBULL: 0.0, QuantileMethod.LINEAR: 1.0, QuantileMethod.MEDIAN_UNBIASED: 1 / 3}[method]
        assert found == pytest.approx(expected(values, [probability], alphap=a, betap=a)[0], rel=1e-9, abs=1e-6)


def test_looking_after_every_observation_costs_no_false_alarms():
    generator, alarms, runs = random.Random(7), 0, 200
    for _ in range(runs):
        hits = 0
        for trials in range(1, 201):
            hits += generator.random() < 0.3
            if trials % 4 == 0 and log_e_share(hits, trials, 0.3) >= math.log(1 / 0.05):
                alarms += 1
                break

    assert alarms <= 0.05 * runs + 3 * math.sqrt(0.05 * 0.95 * runs)


def test_an_e_value_cannot_be_expected_to_grow_under_the_null():
    trials, share = 40, 0.2
    expected = sum(
        stats.binom.pmf(hits, trials, share) * math.exp(log_e_share(hits, trials, share)) for hits in range(trials + 1)
    )

    assert expected == pytest.approx(1.0, abs=1e-6)


@few
@given(st.integers(0, 200), st.integers(0, 200), st.floats(0.5, 5))
def test_more_hits_are_more_evidence_and_a_higher_ratio_asks_for_more(hits, base_hits, ratio):
    here = log_e_ratio(hits, 1_000, base_hits, 4_000, ratio)

    assert (
        log_e_ratio(hits + 1, 1_000, base_hits, 4_000, ratio) >= here - 1e-9 or hits / 1_000 < ratio * base_hits / 4_000
    )
    assert log_e_ratio(hits, 1_000, base_hits, 4_000, ratio * 1.5) <= max(here, 0.0) + 1e-9


def test_the_interval_of_a_ratio_holds_the_ratio_and_shrinks_with_data():
    small = ratio_interval(20, 1_000, 40, 4_000, 0.01)
    large = ratio_interval(2_000, 100_000, 4_000, 400_000, 0.01)

    assert small is not None
    assert large is not None
    assert small[0] < large[0] < 2.0 < large[1] < small[1]
    assert ratio_interval(0, 0, 1, 10, 0.01) is None


def test_the_bound_of_a_mean_holds_at_every_look():
    generator, alarms, runs = random.Random(11), 0, 300
    for _ in range(runs):
        total = 0.0
        for count in range(1, 121):
            total += generator.gauss(0, 1)
            if total / count > mean_radius(1.0, count, 0.05, best_at=30):
                alarms += 1
                break

    assert alarms <= 0.05 * runs + 3 * math.sqrt(0.05 * 0.95 * runs)


def test_no_trials_are_no_evidence():
    assert log_e_share(0, 0, 0.5) == 0.0
    assert log_e_ratio(5, 10, 0, 0, 1.5) == 0.0
    assert mean_radius(1.0, 0, 0.01, best_at=30) == math.inf


def test_few_nodes_leave_the_prior_and_many_replace_it():
    generator = random.Random(3)
    readings = [LogReading(value=generator.gauss(0, 0.4), variance=1e-4) for _ in range(200)]

    assert between_variance(readings[:1], 0.2) == pytest.approx(0.04)
    assert between_variance(readings, 0.2) == pytest.approx(0.16, rel=0.3)
    assert effective_nodes([1, 1, 1, 1]) == 4
    assert effective_nodes([100, 1]) == pytest.approx(1.0, abs=0.03)

"""Shares of a fleet as whole nodes, over plain numbers.

Percentages of a batch follow Kubernetes (a limit on what is missing rounds down, a surge rounds up), minimum healthy
follows CodeDeploy (rounds up), and a canary's weight follows Argo Rollouts (neither side is emptied if avoidable).
"""

from __future__ import annotations

import re
from fractions import Fraction

_PERCENT = re.compile(r"(100|[1-9]?[0-9])%")


def share_up(total: int, percent: int) -> int:
    """`percent` of `total`, rounded up. Source: Kubernetes intstr, CodeDeploy FLEET_PERCENT."""
    return -(-total * percent // 100)


def share_down(total: int, percent: int) -> int:
    """`percent` of `total`, rounded down. Source: Kubernetes intstr."""
    return total * percent // 100


def parse_share(text: int | str) -> tuple[int, bool]:
    """A count, or text such as `25%`, as (number, is a percentage).

    Raises:
        ValueError: neither of the two, or below zero.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        if text < 0:
            raise ValueError("must not be negative")
        return text, False
    match = _PERCENT.fullmatch(str(text))
    if match is None:
        raise ValueError("must be a whole number or a percentage such as '25%'")
    return int(match.group(1)), True


def max_unavailable_count(total: int, share: int | str) -> int:
    """How many nodes may be missing at once: percentages round down, and at least one may be, or nothing ever moves.

    Source: Kubernetes ResolveFenceposts.
    """
    number, is_percent = parse_share(share)
    return max(1, share_down(total, number) if is_percent else number)


def minimum_healthy_count(total: int, share: int | str) -> int:
    """How many nodes must stay healthy: percentages round up. Source: CodeDeploy user guide, instance health."""
    number, is_percent = parse_share(share)
    return share_up(total, number) if is_percent else number


def weighted_counts(total: int, weight: int, *, max_surge: int = 0) -> tuple[int, int]:
    """How many nodes run the new version and how many the old one at a weight of `weight` percent.

    A weight of 1 to 99 leaves neither side empty where there are two nodes or may be; of what is left the least error
    counts, then the smaller total, then the bigger canary. With `max_surge` one node more than `total` may run.
    Source: Argo Rollouts, approximateWeightedCanaryStableReplicaCounts; tests/published_rules/argo_rollouts.json.
    """
    if total <= 0:
        return 0, 0
    weight = min(max(weight, 0), 100)
    one_side_may_be_empty = weight in (0, 100) or (total == 1 and max_surge <= 0)
    options = []
    for size in (total, total + 1) if max_surge > 0 else (total,):
        high, low = share_up(total, weight), share_down(total, weight)
        if one_side_may_be_empty or high < size:
            options.append((high, size))
        if (low or one_side_may_be_empty) and size * weight % 100 != 50:
            options.append((low, size))
    # min keeps the first of equals, and the options stand in the order of preference.
    canary, size = min(options, key=lambda option: Fraction(abs(100 * option[0] - weight * option[1]), option[1]))
    return canary, size - canary


def canary_count(total: int, weight: int) -> int:
    """How many of a fleet of fixed size stand for a weight of `weight` percent; see `weighted_counts`."""
    return weighted_counts(total, weight)[0]

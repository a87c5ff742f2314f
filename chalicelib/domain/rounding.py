"""Shares of a fleet as whole nodes, over plain numbers.

Percentages of a batch follow Kubernetes (a limit on what is missing rounds down, a surge rounds up), minimum healthy
follows CodeDeploy (rounds up), and a canary's weight follows Argo Rollouts (neither side is emptied if avoidable).
"""

from __future__ import annotations

import re

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


def canary_count(total: int, weight: int) -> int:
    """How many of `total` nodes stand for a weight of `weight` percent.

    The nearest whole number, ties to the bigger canary; a weight of 1 to 99 leaves neither side empty where there
    are two nodes or more. Source: Argo Rollouts, CalculateReplicaCountsForBasicCanary, for a fleet of fixed size.
    """
    if weight <= 0 or total <= 0:
        return 0
    if weight >= 100:
        return total
    if total == 1:
        return 1
    nearest = (2 * total * weight + 100) // 200
    return min(max(nearest, 1), total - 1)

"""Rolling where nodes can be added: how many run above and below the wanted number at once, over plain numbers.

A fleet of enrolled nodes has a fixed size and cannot surge: its policies refuse `maxSurge` (`FIXED_FLEET`). Source:
Kubernetes' deployment controller; tests/published_rules/kubernetes_rolling.json.
"""

from __future__ import annotations

from chalicelib.domain.rounding import parse_share, share_down, share_up


def fenceposts(wanted: int, *, max_surge: int | str = 0, max_unavailable: int | str = 0) -> tuple[int, int]:
    """How many nodes may run above and below `wanted`: a surge rounds up, what is missing rounds down.

    Where both come to nothing one may be missing, or nothing would ever move.

    Raises:
        ValueError: not a count or a percentage.
    """
    surge, surge_is_percent = parse_share(max_surge)
    missing, missing_is_percent = parse_share(max_unavailable)
    above = share_up(wanted, surge) if surge_is_percent else surge
    below = share_down(wanted, missing) if missing_is_percent else missing
    return above, below if above or below else 1


def new_target(wanted: int, *, surge: int, old: int, new: int) -> int:
    """How many nodes should run the new version now: as many as fit below the surge, never more than wanted."""
    room = wanted + surge - old - new
    return min(wanted, new + max(room, 0))


def old_target(wanted: int, *, unavailable: int, ready: int, old: int) -> int:
    """How many nodes may still run the old version: whatever is ready above the minimum goes."""
    spare = ready - (wanted - unavailable)
    return old - min(max(spare, 0), old)


def unhealthy_to_replace(*, old: int, ready: int, most: int) -> int:
    """How many old nodes that are not ready are replaced first; that costs nobody anything."""
    return min(old - ready, most)


def surge_steps(
    wanted: int, *, max_surge: int | str = 0, max_unavailable: int | str = 0
) -> tuple[tuple[int, int], ...]:
    """The (old, new) counts after each step from all old to all new, everything that was started having become ready.

    Raises:
        ValueError: no nodes are wanted, or not a count or a percentage.
    """
    if wanted < 1:
        raise ValueError("a fleet without nodes has nothing to roll")
    surge, unavailable = fenceposts(wanted, max_surge=max_surge, max_unavailable=max_unavailable)
    old, new = wanted, 0
    steps: list[tuple[int, int]] = []
    while old or new < wanted:
        new = new_target(wanted, surge=surge, old=old, new=new)
        old = old_target(wanted, unavailable=unavailable, ready=old + new, old=old)
        steps.append((old, new))
    return tuple(steps)

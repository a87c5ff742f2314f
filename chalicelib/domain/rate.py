"""How often somebody may ask: a burst, and then as many as drain. The generic cell rate algorithm, one number a caller.

Source: ITU-T I.371 (virtual scheduling).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Network, ip_address


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """`most` requests at once, and `most` in every `window_ms` from then on."""

    name: str
    most: int
    window_ms: int = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a caller has left: `remaining` now, all of it again in `reset_ms`. `wait_ms` above 0: not this one."""

    limit: RateLimit
    remaining: int
    reset_ms: int
    wait_ms: int = 0


def admit(limit: RateLimit, full_at_us: int, now_ms: int) -> tuple[int, Allowance]:
    """The caller's new number and what they have left. The number says when everything has drained (microseconds); a
    refused request leaves it as it is."""
    now, window = now_ms * 1_000, limit.window_ms * 1_000
    one = max(window // limit.most, 1)
    after = max(full_at_us, now) + one
    if after - window > now:
        wait = -(-(after - window - now) // 1_000)
        reset = -(-(full_at_us - now) // 1_000)
        return full_at_us, Allowance(limit=limit, remaining=0, reset_ms=reset, wait_ms=wait)
    remaining = (window - (after - now)) // one
    return after, Allowance(limit=limit, remaining=remaining, reset_ms=-(-(after - now) // 1_000))


def counted_source(address: str) -> str:
    """The name under which requests from an address are counted: of IPv6 the first 64 bits, of which everybody has all
    that follow to themselves. What is no address counts as it is."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    mapped = found.ipv4_mapped
    return str(mapped) if mapped else str(IPv6Network((int(found) >> 64 << 64, 64)))

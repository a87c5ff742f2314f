"""What differs between two installations."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

STAGE = re.compile(r"[a-z][a-z0-9]{1,11}")
FIT_FOR_ANYTHING = "dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One installation. Everything but `dev` keeps its data when it is destroyed and has a firewall before it: a stage
    that somebody names anew is as safe as production."""

    name: str
    keeps_data: bool
    has_firewall: bool
    log_days: int
    requests_per_second: int
    alarm_email: str = ""
    cors_origins: str = ""
    is_traced: bool = False

    @classmethod
    def from_context(cls, told: Callable[[str], object]) -> Stage:
        """From `-c stage=… -c alarmEmail=… -c corsOrigins=… -c tracing=on`.

        Raises:
            ValueError: names the value and its rule.
        """
        name = str(told("stage") or FIT_FOR_ANYTHING)
        if not STAGE.fullmatch(name) or name in ("local", "test"):
            raise ValueError(f"stage {name!r}: 2 to 12 small letters and digits, a letter first; not local, not test")
        email = str(told("alarmEmail") or "")
        if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
            raise ValueError(f"alarmEmail {email!r} is no address")
        tracing = str(told("tracing") or "off")
        if tracing not in ("on", "off"):
            raise ValueError(f"tracing {tracing!r}: on or off")
        keeps = name != FIT_FOR_ANYTHING
        return cls(
            name=name,
            keeps_data=keeps,
            has_firewall=keeps,
            log_days=90 if keeps else 14,
            requests_per_second=2_000 if keeps else 200,
            alarm_email=email,
            cors_origins=str(told("corsOrigins") or ""),
            is_traced=tracing == "on",
        )

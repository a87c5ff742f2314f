"""Secrets that carry a mark, planted in the whole run, and who looks for the mark where no secret may be.

Passwords, refresh tokens, node credentials and enrol tokens of the tests carry it. It must be in nothing a test writes
to its log or its output, and in nothing that is sent to AWS but to Secrets Manager: table, execution input and history,
events, queues.
"""

from __future__ import annotations

from typing import Any, Final

MARK: Final = "canary-5e1f"
PASSWORD: Final = f"{MARK} horse battery staple"
ALLOWED: Final = frozenset({"secretsmanager"})


def planted(kind: str, number: int) -> str:
    """A secret that is found wherever it goes."""
    return f"{MARK}-{kind}-{number}"


def is_in(text: object) -> bool:
    """Whether the mark is anywhere in what is shown."""
    return MARK in (text if isinstance(text, str) else repr(text))


def require_absent(service: str, operation: str, parameters: Any) -> None:
    """Nothing, if a call to AWS holds no secret.

    Raises:
        AssertionError: it does; says which call.
    """
    if service not in ALLOWED and is_in(parameters):
        raise AssertionError(f"a secret is sent to {service}:{operation}")

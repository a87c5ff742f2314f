"""Secrets are looked for in the whole run, wherever none may be.

Three ways to know one: passwords and secrets of the tests carry a mark; tokens and keys have forms of their own, so real
ones are known without being planted; and whatever is written to Secrets Manager is learnt. What is found is kept until
the test that runs is reported (tests/conftest.py), because a program that answers its callers swallows an assertion.
"""

from __future__ import annotations

import json
import re
from collections import deque
from typing import Any, Final

MARK: Final = "canary-5e1f"
PASSWORD: Final = f"{MARK} horse battery staple"
ALLOWED: Final = frozenset({"secretsmanager"})
KEEP_TOKENS: Final = frozenset({"dynamodb", "stepfunctions", "lambda"})
"""Where task tokens belong: the table that keeps them, the machine they are of, the function they are given to."""

USERS_FUNCTIONS: Final = "hotswap-hook-"
"""A user's function is told the token of its call, and nobody else is."""

PUBLIC: Final = "audit-public-keys"
_SIGNS: Final = (MARK, "PRIVATE KEY", "hsc_", "hse_", "hsn_", "hsr_", "whsec_", ".eyJ")
_FORMS: Final = re.compile(
    f"{MARK}|BEGIN [A-Z ]*PRIVATE KEY|(?:hs[cenr]_|whsec_)[A-Za-z0-9_+/=-]{{20,}}"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
)
_TASK_TOKEN: Final = re.compile(r"(?<![\w-])AQ[\w-]{64}(?![\w=-])")
SHORTEST_KEY: Final = 40
_MOST_LEARNT: Final = 40

_learnt: deque[str] = deque(maxlen=_MOST_LEARNT)
_found: list[str] = []


def planted(kind: str, number: int) -> str:
    """A secret that is found wherever it goes."""
    return f"{MARK}-{kind}-{number}"


def is_in(shown: object, *, task_tokens: bool = False) -> bool:
    """Whether a secret is anywhere in what is shown; a task token is one where `task_tokens` says so."""
    text = shown if isinstance(shown, str) else repr(shown)
    if any(sign in text for sign in _SIGNS) and _FORMS.search(text):
        return True
    if any(secret in text for secret in _learnt):
        return True
    return task_tokens and has_task_token(text)


def has_task_token(text: str) -> bool:
    """Whether the token of a waiting state is in a text."""
    return _TASK_TOKEN.search(text) is not None


def learn(name: str, value: str) -> None:
    """Whatever is kept as a secret is one: a whole value, or the lines of the keys in it."""
    if PUBLIC in name:
        return
    for each in _keys_in(value):
        if each not in _learnt:
            _learnt.append(each)


def _keys_in(value: str) -> list[str]:
    try:
        parsed = json.loads(value)
    except ValueError:
        return [value] if len(value) >= SHORTEST_KEY else []
    keys = parsed.get("keys", {}).values() if isinstance(parsed, dict) else ()
    private = [str(key.get("pem", "")) for key in keys if isinstance(key, dict)]
    return [line for pem in private for line in pem.splitlines() if len(line) >= SHORTEST_KEY]


def look(where: str, shown: object, *, task_tokens: bool = False) -> bool:
    """Whether there is a secret; it is kept for the report of the test."""
    if not is_in(shown, task_tokens=task_tokens):
        return False
    _found.append(where)
    return True


def found() -> list[str]:
    """Where secrets were since this was asked last."""
    places, _found[:] = list(_found), []
    return places


def require_absent(service: str, operation: str, parameters: Any) -> None:
    """Nothing, if a call to AWS holds no secret.

    Raises:
        AssertionError: it does; says which call.
    """
    if service in ALLOWED:
        if "SecretString" in parameters:
            learn(str(parameters.get("SecretId", parameters.get("Name", ""))), str(parameters["SecretString"]))
        return
    if service == "lambda" and str(parameters.get("FunctionName", "")).startswith(USERS_FUNCTIONS):
        return
    if look(f"{service}:{operation}", parameters, task_tokens=service not in KEEP_TOKENS):
        raise AssertionError(f"a secret is sent to {service}:{operation}")

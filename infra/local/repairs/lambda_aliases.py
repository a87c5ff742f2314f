"""Aliases that split traffic and notice who changed them, and calls that are measured as Lambda measures them."""

# mypy: disable-error-code="attr-defined,no-any-return"
# (moto is typed in parts)
from __future__ import annotations

import hashlib
import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError, PreconditionFailedException
from moto.awslambda.models import LambdaAlias, LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse

_STALE = "The RevisionId provided does not match the latest RevisionId. Call the Get API for the latest RevisionId."


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCall:
    """One call of a function: through which alias, which version was executed, how long, and how it went."""

    function: str
    alias: str | None
    version: str
    duration_ms: float = 0.0
    failed: bool = False
    throttled: bool = False


class TooManyRequests(LambdaClientError):
    """As many calls run as the function's reserved concurrency allows."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


@contextmanager
def alias_revisions_are_heeded() -> Iterator[None]:
    """Repair: every change of an alias gives it another RevisionId, and a change that names an old one is refused.

    moto never changes it and never looks at it, so two could move an alias at once and neither would notice.
    """
    update_alias, update = LambdaResponse.update_alias, LambdaAlias.update
    lock = threading.Lock()

    def updated(self: Any, *args: Any, **kwargs: Any) -> None:
        update(self, *args, **kwargs)
        self.revision_id = str(uuid.uuid4())

    def checked(self: Any) -> Any:
        wanted = json.loads(self.body).get("RevisionId")
        function, name = unquote(self.path.rsplit("/")[-3]), unquote(self.path.rsplit("/", 2)[-1])
        with lock:
            if wanted is not None and self.backend.get_alias(name, function).revision_id != wanted:
                raise PreconditionFailedException(_STALE)
            _, headers, body = update_alias(self)
            # boto3 takes 201 as well; AWS answers 200.
            return 200, headers | {"status": 200}, body

    with patch.object(LambdaResponse, "update_alias", checked), patch.object(LambdaAlias, "update", updated):
        yield


@contextmanager
def function_revisions_are_heeded() -> Iterator[None]:
    """Repair: a function has a RevisionId that changes with its code and settings, and changes that name an old one fail.

    moto knows none.
    """
    configuration, update_code, update_settings, publish = (
        LambdaFunction.get_configuration,
        LambdaBackend.update_function_code,
        LambdaBackend.update_function_configuration,
        LambdaResponse.publish_version,
    )

    def with_revision(self: Any, on_create: bool = False) -> dict[str, Any]:
        return configuration(self, on_create) | {"RevisionId": _revision(self)}

    def require(function: Any, wanted: str | None) -> None:
        if wanted is not None and _revision(function) != wanted:
            raise PreconditionFailedException(_STALE)

    def code(self: Any, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        require(self.get_function(function_name, qualifier), body.get("RevisionId"))
        return update_code(self, function_name, qualifier, body)

    def settings(self: Any, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
        require(self.get_function(function_name, qualifier), body.get("RevisionId"))
        return update_settings(self, function_name, qualifier, body)

    def version(self: Any) -> Any:
        body = json.loads(self.body or "{}")
        function = self.backend.get_function(unquote(self.path.split("/")[-2]), None)
        require(function, body.get("RevisionId"))
        if body.get("CodeSha256") not in (None, function.code_sha_256):
            raise PreconditionFailedException("CodeSHA256 does not match the function's code.")
        return publish(self)

    with (
        patch.object(LambdaFunction, "get_configuration", with_revision),
        patch.object(LambdaBackend, "update_function_code", code),
        patch.object(LambdaBackend, "update_function_configuration", settings),
        patch.object(LambdaResponse, "publish_version", version),
    ):
        yield


def _revision(function: Any) -> str:
    """A name for code and settings as they are; the same again only when nothing changed in between, or was undone."""
    told = (function.code_sha_256, function.handler, function.run_time, function.environment_vars, function.timeout)
    return str(uuid.UUID(hashlib.sha256(repr(told).encode()).hexdigest()[:32]))


@contextmanager
def alias_weights_are_heeded(
    record: Callable[[MeasuredCall], None], took_ms: Callable[[], float | None] = lambda: None, *, seed: int = 1
) -> Iterator[None]:
    """Repair: an alias with weights gives each version its share of the calls; every call is measured, and one above the
    function's reserved concurrency is refused. moto always runs the alias's first version and counts nothing.

    `took_ms` is what the code itself measured of the call this thread made last; without it the whole call counts.
    """
    invoke = LambdaBackend.invoke
    drawn = random.Random(seed)  # noqa: S311 (which of two versions, not a secret)
    running: dict[str, int] = {}
    lock = threading.Lock()

    def enter(function: Any) -> bool:
        reserved = function.reserved_concurrency
        with lock:
            busy = running.get(function.function_name, 0)
            if reserved is not None and busy >= int(reserved):
                return False
            running[function.function_name] = busy + 1
            return True

    def leave(name: str) -> None:
        with lock:
            running[name] -= 1

    def invoke_weighted(
        self: Any, function_name: str, qualifier: Any, body: Any, headers: Any, response_headers: Any
    ) -> Any:
        name, alias, version = _chosen(self, function_name, qualifier, drawn)
        if alias is None and version in (None, "$LATEST"):
            return invoke(self, function_name, qualifier, body, headers, response_headers)
        latest = self.get_function(name, None)
        if not enter(latest):
            record(MeasuredCall(function=name, alias=alias, version=version or "$LATEST", throttled=True))
            raise TooManyRequests
        begun = time.perf_counter()
        try:
            answer = invoke(self, name, version, body, headers, response_headers)
        finally:
            leave(name)
        whole_ms, own_ms = (time.perf_counter() - begun) * 1000, took_ms()
        record(
            MeasuredCall(
                function=name,
                alias=alias,
                version=version or "$LATEST",
                duration_ms=whole_ms if own_ms is None else own_ms,
                failed="x-amz-function-error" in response_headers,
            )
        )
        return answer

    with patch.object(LambdaBackend, "invoke", invoke_weighted):
        yield


def _chosen(
    backend: Any, function_name: str, qualifier: str | None, drawn: random.Random
) -> tuple[str, str | None, str | None]:
    """The function's name, the alias that was named if any, and the version to execute."""
    name = function_name.split(":function:")[-1]
    name, _, named = name.partition(":")
    qualifier = named or qualifier
    if not qualifier:
        return name, None, None
    alias = backend._lambdas._get_function_aliases(name).get(qualifier)
    if alias is None:
        return name, None, qualifier
    weights = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
    at = drawn.random()
    for version, weight in weights.items():
        if at < weight:
            return name, qualifier, version
        at -= weight
    return name, qualifier, alias.function_version

"""Implements Functions on AWS Lambda: publishes versions, asks them, and splits the traffic of aliases."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError, WaiterError

from chalicelib.adapters.s3_artifacts import object_key
from chalicelib.domain.alias import Split
from chalicelib.domain.edition import configuration_of
from chalicelib.domain.errors import ArtifactRefused, Conflict, NotAllowed, NotFound, StaleWrite, Unavailable
from chalicelib.usecases.alias_ports import AliasAsItIs, Publication

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

LATEST = "$LATEST"
VALUES, REVISION = "HOTSWAP_CONFIGURATION_VALUES", "HOTSWAP_CONFIGURATION_REVISION"
"""The variables that tell a function its configuration: JSON, and which revision it is."""

WAIT = {"Delay": 1, "MaxAttempts": 45}
"""Lambda takes seconds to take over new code; what takes longer is told when it is asked again."""

MAX_ANSWER = 64 * 1024
MAX_DESCRIPTION = 256

_NOT_THERE = frozenset({"ResourceNotFoundException"})
_FORBIDDEN = frozenset({"AccessDeniedException", "KMSAccessDeniedException"})
_OVERTAKEN = frozenset({"PreconditionFailedException"})
_LATER = frozenset(
    {
        "EC2ThrottledException",
        "ResourceConflictException",
        "ResourceNotReadyException",
        "ServiceException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class LambdaFunctions:
    """Users' functions. `bucket` is where artifacts are kept; Lambda copies them from there with our permission."""

    def __init__(self, client: LambdaClient, bucket: str) -> None:
        self._client: Any = client
        self._bucket = bucket

    def read(self, function: str, alias: str) -> AliasAsItIs:
        """The alias as it is. Raises as `Functions.read`."""
        with _translated("alias", f"{function}:{alias}"):
            found = self._client.get_alias(FunctionName=function, Name=alias)
        return _as_it_is(found)

    def publish(self, function: str, publication: Publication) -> str:
        """The number of a version with exactly these bytes and this configuration. Raises as `Functions.publish`.

        Every step names the revision it saw, so nobody else's change gets into the version; a step that was done
        before changes nothing, and Lambda makes no second version of what has not changed since the last one.
        """
        sha256 = base64.b64encode(bytes.fromhex(publication.digest.removeprefix("sha256:"))).decode()
        with _translated("function", function):
            latest = self._client.get_function_configuration(FunctionName=function)
            if latest.get("LastUpdateStatus") == "InProgress":
                raise Unavailable(f"{function} is being updated.")
            if latest["CodeSha256"] != sha256:
                latest = self._with_code(function, publication, sha256, latest["RevisionId"])
            wanted = _settings(publication, latest)
            if any(latest.get(name) != value for name, value in wanted.items()):
                latest = self._client.update_function_configuration(
                    FunctionName=function, RevisionId=latest["RevisionId"], **wanted
                )
                latest = self._updated(function)
            made = self._client.publish_version(
                FunctionName=function,
                CodeSha256=sha256,
                RevisionId=latest["RevisionId"],
                Description=f"HotSwap: {publication.edition}"[:MAX_DESCRIPTION],
            )
            version: str = made["Version"]
            waiter = self._client.get_waiter("published_version_active")
            waiter.wait(FunctionName=function, Qualifier=version, WaiterConfig=WAIT)
        return version

    def check(self, function: str, version: str, event: Mapping[str, Any]) -> str:
        """Call a version that has no traffic yet; empty when it answered well. Raises as `Functions.check`."""
        try:
            with _translated("function", f"{function}:{version}"):
                answer = self._client.invoke(
                    FunctionName=function, Qualifier=version, Payload=json.dumps(dict(event)).encode()
                )
                content = answer["Payload"].read(MAX_ANSWER)
        except Unavailable as trouble:
            if isinstance(trouble.__cause__, ReadTimeoutError):
                return "it did not answer in time"
            raise
        return _wrong(content, failed="FunctionError" in answer)

    def move(self, function: str, alias: str, split: Split, *, revision_id: str, note: str) -> AliasAsItIs:
        """The alias with this split, as it was read back. Raises as `Functions.move`."""
        weights = {} if split.canary is None else {split.canary: split.weight / 100}
        with _translated("alias", f"{function}:{alias}"):
            moved = self._client.update_alias(
                FunctionName=function,
                Name=alias,
                FunctionVersion=split.main,
                RoutingConfig={"AdditionalVersionWeights": weights},
                RevisionId=revision_id,
                Description=note[:MAX_DESCRIPTION],
            )
        found = self.read(function, alias)
        if found.revision_id != moved["RevisionId"]:
            raise StaleWrite("alias", f"{function}:{alias}")
        return found

    def _with_code(self, function: str, publication: Publication, sha256: str, revision_id: str) -> Any:
        updated = self._client.update_function_code(
            FunctionName=function,
            S3Bucket=self._bucket,
            S3Key=object_key(publication.digest),
            RevisionId=revision_id,
        )
        if updated["CodeSha256"] != sha256:
            raise ArtifactRefused("ARTIFACT_DIGEST_MISMATCH", f"Lambda read {updated['CodeSha256']} (base64) from S3")
        return self._updated(function)

    def _updated(self, function: str) -> Any:
        self._client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig=WAIT)
        return self._client.get_function_configuration(FunctionName=function)


def _as_it_is(found: Mapping[str, Any]) -> AliasAsItIs:
    weights = dict((found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})
    weights = {version: weight for version, weight in weights.items() if weight > 0}
    name = found["AliasArn"].split(":function:")[-1]
    if found["FunctionVersion"] == LATEST or len(weights) > 1:
        raise Conflict(f"{name} points at {LATEST}, or at more than two versions; point it at one published version.")
    split = Split(main=found["FunctionVersion"])
    for version, weight in weights.items():
        # Somebody else's weight may be no whole percent; it is told as the nearest that says there are two versions.
        split = Split(main=split.main, canary=version, weight=min(99, max(1, round(weight * 100))))
    return AliasAsItIs(split=split, revision_id=found["RevisionId"])


def _settings(publication: Publication, latest: Mapping[str, Any]) -> dict[str, Any]:
    """What the version must be configured with; the function's own variables stay as they are."""
    variables = dict((latest.get("Environment") or {}).get("Variables") or {})
    before = dict(variables)
    variables.pop(VALUES, None)
    variables.pop(REVISION, None)
    if publication.configuration is not None:
        variables[VALUES] = publication.configuration
        variables[REVISION] = str(configuration_of(publication.edition))
    wanted: dict[str, Any] = {"Handler": publication.handler, "Runtime": publication.runtime}
    return wanted if variables == before else wanted | {"Environment": {"Variables": variables}}


def _wrong(content: bytes, *, failed: bool) -> str:
    """What is wrong with an answer: an error of the function, or a status of 400 and above where it speaks HTTP."""
    try:
        answer = json.loads(content or b"null")
    except ValueError:
        answer = None
    if failed:
        told = answer if isinstance(answer, dict) else {}
        return f"{told.get('errorType', 'an error')}: {told.get('errorMessage', '')}".strip(": ")[:400]
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    return f"it answered with status {status}" if isinstance(status, int) and status >= 400 else ""


@contextmanager
def _translated(kind: str, name: str) -> Iterator[None]:
    """Lambda's errors as ours; those that say nothing we know of go on as they are."""
    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code in _NOT_THERE:
            raise NotFound(kind, name) from error
        if code in _FORBIDDEN:
            raise NotAllowed(f"HotSwap may not use the {kind} {name}.") from error
        if code in _OVERTAKEN:
            raise StaleWrite(kind, name) from error
        if code in _LATER:
            raise Unavailable(f"Lambda does not answer for {name} now ({code}).") from error
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) < 500:
            raise Conflict(f"Lambda refuses {name}: {message[:400]}") from error
        raise Unavailable(f"Lambda does not answer for {name} ({code}).") from error
    except (BotoCoreError, WaiterError) as error:
        raise Unavailable(f"Lambda does not answer for {name} ({type(error).__name__}).") from error

"""S3 that is busy or silent is unavailable; what it refuses is passed on; what is not there is None."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.adapters.s3_artifacts import S3Artifacts
from chalicelib.domain.errors import Unavailable

DIGEST = "sha256:" + "a" * 64


class Failing:
    """A client whose every read fails in the same way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_object(self, **_: Any) -> Any:
        raise self.error


def read(error: Exception) -> bytes | None:
    client: Any = Failing(error)
    return S3Artifacts(client, "artifacts").read(DIGEST, limit=10)


def refusal(code: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]  # no more is read
        "GetObject",
    )


@pytest.mark.parametrize(
    "error",
    [
        refusal("InternalError", 500),
        refusal("SlowDown", 503),
        refusal("ServiceUnavailable", 503),
        refusal("RequestTimeout", 400),
        ReadTimeoutError(endpoint_url="x"),
    ],
)
def test_busy_or_silent_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable):
        read(error)


def test_what_was_never_uploaded_is_not_there() -> None:
    assert read(refusal("NoSuchKey", 404)) is None


def test_any_other_refusal_passes_through() -> None:
    with pytest.raises(ClientError):
        read(refusal("AccessDenied", 403))

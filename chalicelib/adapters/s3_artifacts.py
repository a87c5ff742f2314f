"""Implements Artifacts on S3: bytes under their digest, links that carry their own permission."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.module import is_digest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LINK_LIVES_S = 900
CONTENT_TYPE = "application/octet-stream"


class S3Artifacts:
    """One bucket. `links` signs the links; it has another endpoint where clients reach S3 under another address."""

    def __init__(self, client: S3Client, bucket: str, *, links: S3Client | None = None) -> None:
        self._client = client
        self._links = links or client
        self._bucket = bucket

    def upload_link(self, digest: str, *, size: int) -> str:
        """A URL that takes, for a quarter of an hour, a PUT of `size` bytes of application/octet-stream."""
        named = {"Bucket": self._bucket, "Key": object_key(digest)}
        params: dict[str, Any] = named | {"ContentLength": size, "ContentType": CONTENT_TYPE}
        return self._links.generate_presigned_url("put_object", Params=params, ExpiresIn=LINK_LIVES_S)

    def download_link(self, digest: str) -> str:
        """A URL to GET the bytes from, for a quarter of an hour."""
        params = {"Bucket": self._bucket, "Key": object_key(digest)}
        return self._links.generate_presigned_url("get_object", Params=params, ExpiresIn=LINK_LIVES_S)

    def read(self, digest: str, *, limit: int) -> bytes | None:
        """The bytes, None when nothing was uploaded; at most `limit` + 1 of them.

        Raises:
            Unavailable: S3 does not answer.
        """
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=object_key(digest))
            return answer["Body"].read(limit + 1)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            if _is_for_now(error):
                raise Unavailable("S3 does not answer.") from error
            raise
        except BotoCoreError as error:
            raise Unavailable("S3 does not answer.") from error


def _is_for_now(error: ClientError) -> bool:
    """Whether S3 is busy or broken: its errors of that kind are told by their status (500 InternalError, 503 SlowDown)."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.response["Error"]["Code"] == "RequestTimeout"


def object_key(digest: str) -> str:
    """Where the bytes with this digest are kept.

    Raises:
        ValueError: not a digest; a mistake in the program, which checks input before.
    """
    if not is_digest(digest):
        raise ValueError(f"{digest!r} is not a digest")
    return f"artifacts/sha256/{digest.removeprefix('sha256:')}"

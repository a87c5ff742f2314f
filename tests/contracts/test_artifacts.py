"""What every Artifacts promises, on the fake and on S3; links are tried out where there is somebody to open them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.adapters.s3_artifacts import S3Artifacts, object_key
from chalicelib.usecases.ports import Artifacts
from infra.local.cloud import LocalCloud
from infra.local.virtual_time import VirtualTime
from tests.contracts.conftest import STORES
from tests.fakes import FakeArtifacts

BYTES = b"the bytes of a module"
DIGEST = "sha256:" + hashlib.sha256(BYTES).hexdigest()
BUCKET = "hotswap-artifacts"

Put = Callable[[str, bytes], object]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """An installation whose links can be opened."""
    with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}, emulator_port=0) as cloud:
        yield cloud


@pytest.fixture(params=["fake", "s3"])
def artifacts(request: pytest.FixtureRequest) -> tuple[Artifacts, Put]:
    if request.param == "fake":
        fake = FakeArtifacts()
        return fake, fake.put
    s3 = request.getfixturevalue("cloud").client("s3")

    def put(digest: str, content: bytes) -> object:
        return s3.put_object(Bucket=BUCKET, Key=object_key(digest), Body=content)

    s3.delete_object(Bucket=BUCKET, Key=object_key(DIGEST))
    return S3Artifacts(s3, BUCKET), put


def test_what_nobody_uploaded_is_none(artifacts: tuple[Artifacts, Put]):
    assert artifacts[0].read(DIGEST, limit=100) is None


def test_what_was_uploaded_is_read(artifacts: tuple[Artifacts, Put]):
    artifacts[1](DIGEST, BYTES)

    assert artifacts[0].read(DIGEST, limit=100) == BYTES


def test_one_byte_more_than_the_limit_shows_that_it_was_passed(artifacts: tuple[Artifacts, Put]):
    artifacts[1](DIGEST, BYTES)

    assert artifacts[0].read(DIGEST, limit=3) == BYTES[:4]


@pytest.fixture
def served(cloud: LocalCloud) -> S3Artifacts:
    return S3Artifacts(cloud.client("s3"), BUCKET, links=cloud.client("s3", over_http=True))


def opened(method: str, url: str, content: bytes | None = None) -> tuple[int, bytes]:
    """Status and body of a call over HTTP."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    headers = {} if content is None else {"Content-Type": "application/octet-stream"}
    connection.request(method, f"{parts.path}?{parts.query}", content, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_a_link_takes_one_upload_and_another_gives_it_back(served: S3Artifacts):
    status, _ = opened("PUT", served.upload_link(DIGEST, size=len(BYTES)), BYTES)

    assert status == 200
    assert opened("GET", served.download_link(DIGEST)) == (200, BYTES)
    assert served.read(DIGEST, limit=100) == BYTES


def test_there_is_nothing_behind_the_link_of_what_was_never_uploaded(served: S3Artifacts):
    status, _ = opened("GET", served.download_link("sha256:" + "0" * 64))

    assert status == 404


def test_an_upload_link_is_good_for_these_bytes_only_and_not_for_long(served: S3Artifacts):
    signed = parse_qs(urlsplit(served.upload_link(DIGEST, size=21)).query)

    assert signed["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
    assert signed["X-Amz-Expires"] == ["900"]
    assert signed["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


@pytest.mark.parametrize("digest", ["", "sha256:x", "../secret", "sha256:" + "A" * 64])
def test_only_digests_name_objects(digest: str):
    with pytest.raises(ValueError):
        object_key(digest)

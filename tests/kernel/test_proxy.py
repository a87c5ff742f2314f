"""The node's port: what passes through it unchanged, what it answers itself, and what it counts."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from kernel.artifact import digest_of
from kernel.examples.build import BuiltArtifact, zip_of
from kernel.proxy import WHOLE_BODY_BYTES, split
from kernel.resident import Pace
from tests.kernel.conftest import Fleet
from tests.kernel.fake_control_plane import FakeControlPlane, KnownNode, until
from tests.kernel.test_crash import alive

Echo = Callable[[str], Awaitable[str]]


def echo_artifact(version: str, folder: Path) -> BuiltArtifact:
    manifest = {"name": "echo", "version": version, "command": ["python3", "main.py"], "shutdownGraceMs": 200}
    source = Path(__file__).with_name("echo") / "main.py"
    data = zip_of({"hotswap.json": json.dumps(manifest).encode(), "main.py": source.read_bytes()})
    path = folder / f"echo-{version}.zip"
    path.write_bytes(data)
    return BuiltArtifact(name="echo", version=version, digest=digest_of(data), size=len(data), path=path)


@pytest.fixture
async def echo(control_plane: FakeControlPlane, fleet: Fleet, tmp_path: Path) -> Echo:
    """Make a version of the echo module active; returns its digest."""
    name = await fleet.start(pace=Pace(restart_min_s=0.05, drain_limit_s=5.0))
    fences = iter(range(1, 100))

    async def run(version: str) -> str:
        artifact = echo_artifact(version, tmp_path)
        fence = next(fences)
        control_plane.order(name, fence, control_plane.publish(artifact), module="echo")
        ack = await control_plane.settled(name, fence, artifact.digest, "echo")
        assert ack["outcome"] == "succeeded", ack
        return artifact.digest

    return run


def node_of(control_plane: FakeControlPlane) -> KnownNode:
    return control_plane.node("production-01")


@pytest.mark.parametrize(
    ("path", "module", "rest"),
    [
        ("/echo/charge", "echo", "/charge"),
        ("/echo", "echo", "/"),
        ("/echo?a=1", "echo", "/?a=1"),
        ("/echo//a%2Fb/?q=%20&r=/x/y", "echo", "//a%2Fb/?q=%20&r=/x/y"),
        ("/echo/..%2f", "echo", "/..%2f"),
    ],
)
def test_the_first_segment_names_the_module_and_the_rest_is_left_as_it_came(path: str, module: str, rest: str) -> None:
    assert split(path) == (module, rest)


async def test_a_request_arrives_as_it_was_sent(fleet: Fleet, echo: Echo) -> None:
    await echo("1.0.0")

    headers = {"X-Own": "Zürich", "Cookie": "a=1", "Connection": "X-Hop", "X-Hop": "1"}
    async with fleet.session.put(fleet.url("echo/a%2Fb?q=%20"), data=b"body", headers=headers) as answer:
        told = await answer.json(content_type=None)

    arrived = {name.lower(): value for name, value in told["headers"]}
    assert (told["method"], told["path"], told["length"]) == ("PUT", "/a%2Fb?q=%20", 4)
    assert (arrived["cookie"], arrived["x-forwarded-for"]) == ("a=1", "127.0.0.1")
    assert arrived["x-own"].encode("latin-1").decode() == "Zürich"
    assert "x-hop" not in arrived


async def test_a_child_is_told_what_the_contract_says_and_nothing_else(
    fleet: Fleet, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for modules")
    digest = await echo("1.0.0")

    async with fleet.session.get(fleet.url("echo/")) as answer:
        environment = (await answer.json(content_type=None))["environment"]

    allowed = {"PATH", "LANG", "TZ", "HOME", "LC_CTYPE"}  # Python sets LC_CTYPE itself where no locale is told
    told = {name for name in environment if name not in allowed}
    assert told == {f"HOTSWAP_{name}" for name in ("SOCKET", "MODULE", "VERSION", "DIGEST", "NODE_ID")}
    assert (environment["HOTSWAP_MODULE"], environment["HOTSWAP_DIGEST"]) == ("echo", digest)
    assert len(environment["HOTSWAP_SOCKET"]) < 104


async def test_a_body_of_any_size_arrives_whole(fleet: Fleet, echo: Echo) -> None:
    await echo("1.0.0")

    for size in (0, 1, WHOLE_BODY_BYTES, WHOLE_BODY_BYTES + 1, 3_000_000):
        async with fleet.session.post(fleet.url("echo/"), data=b"x" * size) as answer:
            assert (await answer.json(content_type=None))["length"] == size


async def test_a_body_without_a_length_is_passed_on_as_it_comes(fleet: Fleet, echo: Echo) -> None:
    await echo("1.0.0")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 1000

    async with fleet.session.post(fleet.url("echo/"), data=pieces()) as answer:
        assert (await answer.json(content_type=None))["length"] == 50_000


async def test_an_answer_in_pieces_comes_back_whole(fleet: Fleet, echo: Echo) -> None:
    await echo("1.0.0")

    async with fleet.session.get(fleet.url("echo/pieces/500")) as answer:
        assert len(await answer.read()) == 500 * 1024


async def test_head_and_empty_answers_and_repeated_headers_stay_what_they_are(fleet: Fleet, echo: Echo) -> None:
    await echo("1.0.0")

    async with fleet.session.head(fleet.url("echo/")) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert int(answer.headers["Content-Length"]) > 0
    async with fleet.session.get(fleet.url("echo/status/204")) as answer:
        assert (answer.status, answer.headers.getall("Set-Cookie")) == (204, ["a=1", "b=2"])
    async with fleet.session.get(fleet.url("echo/status/302"), allow_redirects=False) as answer:
        assert answer.status == 302


async def test_only_the_modules_own_failures_count_as_errors(
    control_plane: FakeControlPlane, fleet: Fleet, echo: Echo
) -> None:
    digest = await echo("1.0.0")

    for status in (200, 404, 422, 499, 500, 503):
        async with fleet.session.get(fleet.url(f"echo/status/{status}")) as answer:
            assert answer.status == status

    node = node_of(control_plane)
    await until(lambda: node.total(digest, "requests") == 6, "six requests in the windows")
    assert node.total(digest, "errors") == 2


@pytest.mark.parametrize("size", [1000, 1_000_000])
async def test_an_answer_that_breaks_off_is_an_error_and_the_caller_sees_it(
    control_plane: FakeControlPlane, fleet: Fleet, echo: Echo, size: int
) -> None:
    digest = await echo("1.0.0")

    async def ask() -> int:
        async with fleet.session.get(fleet.url(f"echo/half/{size}")) as answer:
            await answer.read()
            return answer.status

    if size <= WHOLE_BODY_BYTES:
        assert await ask() == 502
    else:
        with pytest.raises(aiohttp.ClientError):
            await ask()

    node = node_of(control_plane)
    await until(lambda: node.total(digest, "requests") == 1, "the request in the windows")
    assert node.total(digest, "errors") == 1


async def test_a_caller_who_goes_away_in_the_middle_of_its_body_is_not_the_modules_error(
    control_plane: FakeControlPlane, fleet: Fleet, echo: Echo
) -> None:
    digest = await echo("1.0.0")

    for length in (1000, 10_000_000):
        _, writer = await asyncio.open_connection("127.0.0.1", fleet.ports["production-01"])
        writer.write(f"POST /echo/ HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\nhalf".encode())
        await writer.drain()
        writer.close()
    async with fleet.session.get(fleet.url("echo/")) as answer:
        assert answer.status == 200

    node = node_of(control_plane)
    await until(lambda: node.total(digest, "requests") >= 1, "the whole request in the windows")
    assert node.total(digest, "errors") == 0


@pytest.mark.parametrize("head", [b"GET /echo/ HTTP/1.1\r\nX-Own: Z\xfcrich", b"GET /echo/Z\xfcrich?\xff HTTP/1.1"])
async def test_bytes_that_are_no_text_are_never_the_modules_error(
    control_plane: FakeControlPlane, fleet: Fleet, echo: Echo, head: bytes
) -> None:
    digest = await echo("1.0.0")

    reader, writer = await asyncio.open_connection("127.0.0.1", fleet.ports["production-01"])
    writer.write(head + b"\r\nHost: x\r\n\r\n")
    status = await reader.readline()
    writer.close()
    async with fleet.session.get(fleet.url("echo/")) as answer:
        assert answer.status == 200

    node = node_of(control_plane)
    await until(lambda: node.total(digest, "requests") >= 1, "the good request in the windows")
    assert status.split()[1] in (b"200", b"400")
    assert node.total(digest, "errors") == 0


async def test_a_request_under_way_ends_where_it_began(
    control_plane: FakeControlPlane, fleet: Fleet, echo: Echo
) -> None:
    old = await echo("1.0.0")

    async def ask(milliseconds: int) -> str:
        async with fleet.session.get(fleet.url(f"echo/slow/{milliseconds}")) as answer:
            return await answer.text()

    slow = asyncio.create_task(ask(1500))
    await until(lambda: fleet_is_busy(fleet), "the slow request at the module")
    new = await echo("2.0.0")

    assert not slow.done()
    assert await ask(0) == "2.0.0"
    assert await slow == "1.0.0"
    node = node_of(control_plane)
    await until(lambda: node.total(old, "requests") + node.total(new, "requests") == 2, "both requests")
    assert (node.total(old, "requests"), node.total(new, "requests")) == (1, 1)


def fleet_is_busy(fleet: Fleet) -> bool:
    """Whether the caller's connection to the node is in use."""
    connector = fleet.session.connector
    return connector is not None and bool(connector._acquired)


async def test_what_a_child_started_ends_with_it(control_plane: FakeControlPlane, fleet: Fleet, echo: Echo) -> None:
    await echo("1.0.0")
    async with fleet.session.get(fleet.url("echo/spawn")) as answer:
        grandchild = int(await answer.text())

    await echo("2.0.0")

    await until(lambda: not alive(grandchild), "the end of what the old child had started")


@pytest.mark.parametrize("path", ["nothing-here", "nothing-here/charge", "../etc/passwd", "echo%2F"])
async def test_a_module_the_node_does_not_run_is_not_found(fleet: Fleet, path: str) -> None:
    await fleet.start()

    async with fleet.session.get(fleet.url(path)) as answer:
        body = await answer.json(content_type=None)

    assert (answer.status, answer.content_type, body["status"]) == (404, "application/problem+json", 404)
    assert body["type"] == "/problems/ModuleNotFound"


async def test_the_node_says_who_it_is_and_what_it_runs(
    control_plane: FakeControlPlane, fleet: Fleet, echo: Echo
) -> None:
    digest = await echo("1.0.0")

    described = await fleet.describe()

    assert (described["node"], described["nodeId"]) == ("production-01", node_of(control_plane).id)
    [module] = described["modules"]
    assert (module["module"], module["active"], module["version"], module["fence"]) == ("echo", digest, "1.0.0", 1)
    assert (module["staged"], module["healthy"]) == ([], True)

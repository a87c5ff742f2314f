"""The gateway: routes, events, errors, threads, limits; with and without a socket."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from chalice import Chalice, CORSConfig, Response

from infra.local.gateway import MAX_BODY_BYTES, gateway_message
from infra.local.http_server import HttpServer, LocalHttp
from tests.local.worlds import eventually


def an_app() -> Chalice:
    app = Chalice(app_name="gateway-test", configure_logs=False)

    @app.route("/things/{name}", methods=["GET", "POST"], cors=CORSConfig(allow_origin="https://console.test"))
    def thing(name: str) -> dict[str, object]:
        request = app.current_request
        return {"name": name, "event": request._event_dict, "json": request.json_body}

    @app.route("/things/newest")
    def newest() -> dict[str, object]:
        return {"newest": True}

    @app.route("/who/{name}")
    def who(name: str) -> dict[str, object]:
        before = app.current_request.uri_params
        # Give every other thread the chance to overwrite what this one reads.
        barrier.wait(5)
        return {"asked": name, "before": before["name"], "after": app.current_request.uri_params["name"]}

    @app.route("/blob", methods=["POST"], content_types=["application/octet-stream"])
    def blob() -> Response:
        body = app.current_request.raw_body
        return Response(body[::-1], headers={"Content-Type": "application/octet-stream"})

    @app.route("/cookies")
    def cookies() -> Response:
        return Response("", headers={"Set-Cookie": ["a=1", "b=2"], "Connection": "close"})

    @app.route("/")
    def index() -> Response:
        return Response("<p>é</p>", headers={"Content-Type": "text/html"})

    barrier = threading.Barrier(8)
    return app


@pytest.fixture
def local() -> LocalHttp:
    return LocalHttp(an_app())


@pytest.fixture
def server() -> Iterator[HttpServer]:
    running = HttpServer(an_app(), 0, threads=16).start()
    yield running
    running.stop()


def connect(server: HttpServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)


def test_the_event_is_the_one_of_api_gateway(local: LocalHttp) -> None:
    answer = local.request(
        "POST", "/things/a%2Fb%20c?tag=1&tag=2&empty=", json={"x": 1}, headers={"X-One": "1"}, source_ip="127.0.0.9"
    )

    body = answer.json()
    event = body["event"]
    assert (answer.status, body["name"], body["json"]) == (200, "a/b c", {"x": 1})
    assert event["resource"] == "/things/{name}"
    assert event["path"] == "/things/a%2Fb%20c"
    assert event["httpMethod"] == "POST"
    assert event["pathParameters"] == {"name": "a/b c"}
    assert event["queryStringParameters"] == {"tag": "2", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"tag": ["1", "2"], "empty": [""]}
    assert event["headers"]["X-One"] == "1"
    assert event["multiValueHeaders"]["X-One"] == ["1"]
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.9"
    assert event["requestContext"]["resourcePath"] == "/things/{name}"
    assert event["requestContext"]["requestId"] == answer.header("x-amzn-requestid")
    assert (event["body"], event["isBase64Encoded"]) == ('{"x": 1}', False)


def test_no_query_no_parameters_and_no_body_are_null(local: LocalHttp) -> None:
    event = local.request("GET", "/things/x").json()["event"]

    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None
    assert event["body"] is None


def test_a_fixed_segment_wins_over_a_parameter(local: LocalHttp) -> None:
    assert local.request("GET", "/things/newest").json() == {"newest": True}
    assert local.request("GET", "/things/newest/").json() == {"newest": True}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/unknown"), ("DELETE", "/things/x"), ("GET", "/things"), ("GET", "/things//")]
)
def test_what_the_gateway_does_not_know_is_403_as_problem(local: LocalHttp, method: str, path: str) -> None:
    answer = local.request(method, path)

    assert answer.status == 403
    assert answer.header("content-type") == "application/problem+json"
    assert answer.json()["detail"] == "Missing Authentication Token"
    assert answer.json()["requestId"] == answer.header("x-amzn-requestid")


def test_the_shape_of_gateway_errors_can_be_chosen() -> None:
    answer = LocalHttp(an_app(), render_error=gateway_message).request("GET", "/unknown")

    assert answer.json() == {"message": "Missing Authentication Token"}


def test_a_preflight_is_answered_by_the_gateway(local: LocalHttp) -> None:
    answer = local.request("OPTIONS", "/things/x")

    assert answer.status == 200
    assert answer.header("access-control-allow-origin") == "https://console.test"
    assert set((answer.header("access-control-allow-methods") or "").split(",")) == {"GET", "POST", "OPTIONS"}


def test_bytes_go_through_unchanged(local: LocalHttp, server: HttpServer) -> None:
    sent = bytes(range(256))
    headers = {"Content-Type": "application/octet-stream", "Accept": "application/octet-stream"}
    connection = connect(server)
    connection.request("POST", "/blob", body=sent, headers=headers)

    assert connection.getresponse().read() == sent[::-1]
    assert local.request("POST", "/blob", body=sent, headers=headers).body == sent[::-1]


def test_a_header_may_have_many_values_and_text_is_utf8(local: LocalHttp) -> None:
    answer = local.request("GET", "/cookies")

    assert [value for name, value in answer.headers if name == "Set-Cookie"] == ["a=1", "b=2"]
    assert answer.header("connection") is None
    assert local.request("GET", "/").body.decode() == "<p>é</p>"


def test_requests_of_many_threads_are_kept_apart(local: LocalHttp) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = [a.json() for a in pool.map(lambda n: local.request("GET", f"/who/n{n}"), range(64))]

    assert all(answer["asked"] == answer["before"] == answer["after"] for answer in answers)
    assert len({answer["asked"] for answer in answers}) == 64


def test_over_the_socket_as_without(server: HttpServer) -> None:
    connection = connect(server)
    connection.request(
        "POST", "/things/a%2Fb?q=%20", body=json.dumps({"x": 2}), headers={"Content-Type": "application/json"}
    )
    response = connection.getresponse()
    body = json.loads(response.read())

    assert (response.status, body["name"], body["json"]) == (200, "a/b", {"x": 2})
    assert body["event"]["queryStringParameters"] == {"q": " "}
    connection.request("GET", "/things/newest")
    assert json.loads(connection.getresponse().read()) == {"newest": True}


def test_a_long_body_is_refused(local: LocalHttp, server: HttpServer) -> None:
    assert local.request("POST", "/blob", body=b"x" * (MAX_BODY_BYTES + 1)).status == 413
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=10) as raw:
        raw.sendall(f"POST /blob HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode())
        answer = _read_all(raw)

    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer


def test_a_chunked_body_without_end_is_refused(server: HttpServer) -> None:
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=10) as raw:
        raw.sendall(b"POST /blob HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            while sent < 4 * MAX_BODY_BYTES:
                raw.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass  # the server hung up, as it should

        assert sent < 4 * MAX_BODY_BYTES


def test_long_headers_are_refused(local: LocalHttp, server: HttpServer) -> None:
    assert local.request("GET", "/", headers={"X-Long": "x" * 20_000}).status == 431
    connection = connect(server)
    connection.request("GET", "/", headers={"X-Long": "x" * 20_000})

    assert connection.getresponse().status == 431


def test_who_hangs_up_before_the_turn_comes_is_not_served() -> None:
    inside, opened, entered = threading.Event(), threading.Event(), []
    app = Chalice(app_name="door", configure_logs=False)

    @app.route("/through/{name}")
    def through(name: str) -> dict[str, str]:
        entered.append(name)
        inside.set()
        opened.wait(10)
        return {}

    server = HttpServer(app, 0, threads=1).start()
    first, gone, last = connect(server), connect(server), connect(server)
    first.request("GET", "/through/first")
    assert inside.wait(10)
    gone.request("GET", "/through/gone")
    gone.close()
    last.request("GET", "/through/last")
    eventually("the server to notice all of it", lambda: (_waiting(server), _connected(server)) == (2, 2))
    opened.set()

    assert (first.getresponse().status, last.getresponse().status) == (200, 200)
    server.stop()
    assert entered == ["first", "last"]


def _waiting(server: HttpServer) -> int:
    return len(server._server.task_dispatcher.queue)


def _connected(server: HttpServer) -> int:
    return sum(channel.connected for channel in list(server._server.active_channels.values()))


def test_stopping_leaves_no_thread_and_frees_the_port() -> None:
    before = set(threading.enumerate())
    server = HttpServer(an_app(), 0, threads=4).start()
    connection = connect(server)
    connection.request("GET", "/things/newest")
    connection.getresponse().read()
    server.stop()

    assert set(threading.enumerate()) <= before
    with pytest.raises(OSError):
        connect(server).request("GET", "/")


def _read_all(raw: socket.socket) -> bytes:
    parts = []
    try:
        while part := raw.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.mark.parametrize(("length", "accepted", "encoding"), [
    (5_000, "gzip, deflate, br", "gzip"),
    (5_000, "br", None),
    (500, "gzip", None),
])  # fmt: skip
def test_a_long_answer_is_compressed_for_whoever_takes_it(
    local: LocalHttp, length: int, accepted: str, encoding: str | None
):
    answer = local.request("GET", "/things/" + "x" * length, headers={"Accept-Encoding": accepted})

    body = gzip.decompress(answer.body) if encoding else answer.body
    assert answer.header("Content-Encoding") == encoding
    assert json.loads(body)["name"] == "x" * length

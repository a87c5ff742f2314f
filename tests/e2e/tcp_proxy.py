"""A TCP proxy on loopback that does what networks do: delay, reset, swallow, part, cut short, flip a bit.

Every fault counts where it happened (`fired`), so that a test can prove that it met one.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import Counter
from enum import StrEnum

_CHUNK = 65_536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Trouble(StrEnum):
    """What the network does to whoever goes through."""

    NONE = "none"
    LATENCY = "latency"
    """Every piece of an answer comes `delay_s` later."""
    RESET = "reset"
    """Connections are reset: new ones at once, open ones with their next byte."""
    BLACK_HOLE = "black hole"
    """Connections are taken, what is sent is swallowed, nothing ever comes back."""
    PARTITION = "partition"
    """Nobody listens, and open connections end."""
    ANSWER_LOST = "answer lost"
    """What is asked arrives, and instead of the answer comes a reset."""
    CUT = "cut"
    """An answer ends after `cut_after` bytes of its body."""
    CORRUPT = "corrupt"
    """One bit of the first bytes of an answer's body is another."""


class TcpProxy:
    """Passes everything on to `target` on loopback until `trouble` is something else. Use it as a context manager."""

    def __init__(self, *, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self.trouble = Trouble.NONE
        self.delay_s = 0.5
        self.cut_after = 100
        self.fired: Counter[Trouble] = Counter()
        self.connections = 0
        self._closing = threading.Event()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> TcpProxy:
        self._listen()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._deafen()
        self._hang_up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def begin(self, trouble: Trouble) -> None:
        """From now on this happens to every connection, open ones too."""
        self.trouble = trouble
        if trouble is Trouble.PARTITION:
            self._deafen()
            self.fired[trouble] += self._hang_up() or 1

    def heal(self) -> None:
        """All is well again; what is stuck in a black hole ends, so that it is tried anew."""
        parted, self.trouble = self.trouble, Trouble.NONE
        if parted is Trouble.PARTITION:
            self._listen()
        if parted is Trouble.BLACK_HOLE:
            self._hang_up()

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True, name=f"proxy {self.port}").start()

    def _deafen(self) -> None:
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _hang_up(self) -> int:
        with self._lock:
            found = list(self._open)
            self._open.clear()
        for each in found:
            _reset(each, wake=True)
        return len(found)

    def _accept(self, listener: socket.socket) -> None:
        while not self._closing.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.trouble is Trouble.RESET:
                self.fired[Trouble.RESET] += 1
                _reset(client)
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._target), timeout=10)
            server.settimeout(None)
        except OSError:
            _reset(client)
            return
        with self._lock:
            self._open |= {client, server}
        answers = threading.Thread(target=self._pump, args=(server, client, True), daemon=True)
        answers.start()
        self._pump(client, server, False)
        answers.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        body = _Body()
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                passed = self._through(data, body, is_answer)
                if passed is None:
                    _reset(source)
                    _reset(sink, wake=True)
                    return
                sink.sendall(passed)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _through(self, data: bytes, body: _Body, is_answer: bool) -> bytes | None:
        """What comes out at the other end; None: the connection is reset."""
        trouble = self.trouble
        start = body.begins_in(data) if is_answer else None
        if trouble is Trouble.RESET or (trouble is Trouble.ANSWER_LOST and is_answer):
            self.fired[trouble] += 1
            return None
        if trouble is Trouble.BLACK_HOLE:
            self.fired[trouble] += 1
            return b""
        if trouble is Trouble.LATENCY and is_answer:
            self.fired[trouble] += 1
            time.sleep(self.delay_s)
        if trouble is Trouble.CUT and start is not None and len(data) > start + self.cut_after:
            self.fired[trouble] += 1
            return None
        if trouble is Trouble.CORRUPT and start is not None and start < len(data):
            self.fired[trouble] += 1
            return data[:start] + bytes([data[start] ^ 0x01]) + data[start + 1 :]
        return data


class _Body:
    """Finds where the body of an answer begins in what comes piece by piece; headers come in one piece."""

    def __init__(self) -> None:
        self._is_next = False

    def begins_in(self, data: bytes) -> int | None:
        """The offset in this piece, None where it has begun or not begun yet."""
        if data.startswith(b"HTTP/1."):
            end = data.find(b"\r\n\r\n") + 4
            self._is_next = end == len(data)
            return None if self._is_next else end
        was_next, self._is_next = self._is_next, False
        return 0 if was_next else None


def _reset(connection: socket.socket, *, wake: bool = False) -> None:
    """End a connection with a reset; `wake` when another thread may be reading from it, which would keep it open."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        if wake:
            connection.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        connection.close()

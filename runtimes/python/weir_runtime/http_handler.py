"""Subclasses of http.server.BaseHTTPRequestHandler, on the pool: raw HTTP from memory, and raw HTTP back, no server."""

import io
from http.server import BaseHTTPRequestHandler

from .call import ENDED, HEADED, WAITING
from .head import HeadError, answer_head
from .limits import COMPLETE_BODY_BYTES, RAW_HEAD_BYTES
from .scope import origin_of
from .thread_call import ThreadCall, input_of
from .tracebacks import NO_UPGRADE, Misuse
from .wsgi import ThreadService


class HandlerService(ThreadService):
    def __init__(self, handler, *shared):
        super().__init__(*shared)
        self._handler = _quiet(handler)

    def handle(self, call: ThreadCall) -> None:
        _, method, target, names, values = call.request
        _, client, address = origin_of(names, values)
        out = RawAnswer(call, method == b"HEAD")
        connection = _Connection(input_of(call, _raw_head(method, target, names, values)), out)
        self._handler(connection, client or ("127.0.0.1", 0), _Server(address))
        out.finish()


def _quiet(handler):
    """The platform has its own log of requests; what the handler writes itself stays."""
    if handler.log_request is not BaseHTTPRequestHandler.log_request:
        return handler
    if handler.log_message is not BaseHTTPRequestHandler.log_message:
        return handler
    return type(handler.__name__, (handler,), {"log_request": lambda self, code="-", size="-": None})


def _raw_head(method: bytes, target: bytes, names: list[bytes], values: list[bytes]) -> bytes:
    lines = [method + b" " + target.replace(b" ", b"%20") + b" HTTP/1.1"]
    for name, value in zip(names, values):
        # One request for one handler: what follows its body is nothing. And the body comes as it is, not chunked.
        if name not in (b"connection", b"transfer-encoding", b"expect"):
            lines.append(name + b": " + value)
    lines.append(b"connection: close\r\n\r\n")
    return b"\r\n".join(lines)


class _Server:
    """What handlers ask of their server."""

    def __init__(self, address: tuple[str, int]):
        self.server_address = address
        self.server_name, self.server_port = address


class _Connection:
    """In the place of a socket, as far as StreamRequestHandler uses one."""

    def __init__(self, source: io.BufferedReader, out: "RawAnswer"):
        self._source = source
        self._out = out

    def makefile(self, mode: str = "rb", buffering: int = -1):
        return self._out if "w" in mode else self._source

    def sendall(self, data) -> None:
        self._out.write(data)

    def send(self, data) -> int:
        return self._out.write(data)

    def settimeout(self, seconds) -> None:
        """Time is the platform's to keep."""

    def setsockopt(self, *_) -> None:
        """There is no socket."""

    def getpeername(self) -> tuple[str, int]:
        return "127.0.0.1", 0

    def shutdown(self, how) -> None:
        """The answer ends when the handler returns."""

    def close(self) -> None:
        """The same."""


class RawAnswer:
    """The raw HTTP that a handler writes, as status, head and body."""

    closed = False

    def __init__(self, call: ThreadCall, is_head: bool):
        self._call = call
        self._is_head = is_head
        self._head = b""
        self._status = 0
        self._flat = b""
        self._left: int | None = None
        self._chunks: ChunkDecoder | None = None
        self._bodiless = False

    def write(self, data) -> int:
        data = bytes(data)
        count = len(data)
        while data and not self._status:
            self._head += data
            data = self._take_head()
        if data and (self._call.answer != ENDED or self._call.cancelled is not None):
            self._take_body(data)
        return count

    def flush(self) -> None:
        """What was written is on its way."""

    def close(self) -> None:
        """The answer ends when the handler returns."""

    def fileno(self) -> int:
        raise OSError("There is no file.")

    def _take_head(self) -> bytes:
        """Returns what follows the head, once it is complete."""
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            if len(self._head) > RAW_HEAD_BYTES:
                raise HeadError(f"The head of an answer has at most {RAW_HEAD_BYTES} bytes.")
            return b""
        first, *lines = self._head[:end].split(b"\r\n")
        rest, self._head = self._head[end + 4 :], b""
        parts = first.split(b" ", 2)
        if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
            raise HeadError("What the handler wrote does not begin with a status line.")
        headers = []
        for line in lines:
            name, separator, value = line.partition(b":")
            if not separator:
                raise HeadError("A header line without a colon.")
            headers.append((name.strip(), value.strip()))
        status = int(parts[1])
        if status == 101:
            raise Misuse(NO_UPGRADE)
        if status < 200:
            if status == 103:
                self._call.inform(status, answer_head(headers))
            return rest
        self._begin(status, headers)
        return rest

    def _begin(self, status: int, headers: list) -> None:
        kept = []
        for name, value in headers:
            lower = name.lower()
            if lower == b"transfer-encoding":
                if value.lower() == b"chunked":
                    self._chunks = ChunkDecoder()
                continue
            if lower == b"content-length":
                self._left = int(value)
            if lower not in (b"connection", b"keep-alive"):
                kept.append((name, value))
        self._bodiless = self._is_head or status in (204, 304)
        self._flat = answer_head(kept)
        self._status = status

    def _take_body(self, data: bytes) -> None:
        if self._bodiless:
            self._call.still_wanted()
            return
        call = self._call
        if self._chunks is not None:
            data = self._chunks.feed(data)
        elif self._left is not None:
            data = data[: self._left]
            if len(data) == self._left and call.answer == WAITING and len(data) <= COMPLETE_BODY_BYTES:
                call.reply(self._status, self._flat, data)
                call.service.goes_on(call)
                return
            self._left -= len(data)
        if data:
            call.head(self._status, self._flat)
            call.write_all(data)

    def finish(self) -> None:
        call = self._call
        if call.answer == ENDED:
            return
        if not self._status:
            raise Misuse("The handler returned without an answer.")
        if call.answer == WAITING and (self._bodiless or not self._left):
            call.reply(self._status, self._flat, b"")
        elif self._left or self._chunks is not None and not self._chunks.ended:
            raise Misuse("The handler returned without completing its answer.")
        elif call.answer == HEADED:
            call.end()


class ChunkDecoder:
    """The chunked coding (RFC 9112, 7.1) that a handler wrote by itself. Lenient: it is its own body."""

    def __init__(self):
        self._data = b""
        self._left = 0
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """Raises ValueError for a size that is none."""
        self._data += data
        parts = []
        while self._data and not self.ended:
            if self._left == 0:
                line, separator, rest = self._data.partition(b"\r\n")
                if not separator:
                    break
                self._data = rest
                if line:
                    self._left = int(line.partition(b";")[0], 16)
                    self.ended = self._left == 0
                continue
            parts.append(self._data[: self._left])
            self._left -= len(parts[-1])
            self._data = self._data[len(parts[-1]) :]
        return b"".join(parts)

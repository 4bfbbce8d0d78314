# Hot path: each invocation of a WSGI application.
"""WSGI applications (PEP 3333), on the pool."""

import contextvars
import sys
import time
from _thread import allocate_lock

from .call import ENDED, HEADED, WAITING
from .head import answer_head
from .limits import COMPLETE_BODY_BYTES, GOING_ON_S
from .scope import origin_of, path_bytes, split_target
from .service import Service
from .thread_call import ThreadCall, input_of
from .tracebacks import NO_UPGRADE, Misuse


class ThreadService(Service):
    """Functions that block, each invocation on a thread."""

    def __init__(self, *shared):
        super().__init__(*shared)
        self._context = contextvars.copy_context()
        # Handlers that go on after a complete answer keep the instance, as in AsgiService.
        self.going_lock = allocate_lock()
        self._going: list = []
        self._looking = False

    def goes_on(self, call: ThreadCall) -> None:
        """On the call's thread: the answer is complete, and user code will run once more."""
        if call.told_going or call.cancelled is not None:
            return
        call.told_going = True
        with self.going_lock:
            self._going.append(call)
            looks, self._looking = not self._looking, True
        if looks:
            self.loop.call_soon_threadsafe(self.loop.call_later, GOING_ON_S, self._count_going_on)

    def _count_going_on(self) -> None:
        with self.going_lock:
            self._looking = False
            going, self._going = self._going, []
            going = [call for call in going if not call.returned]
            for call in going:
                # Once it is counted and returns, it waits for nothing but its turn to say so.
                call.counted = True
                self.background.change(1)

    def begin(self, stream, flags, left_ms, request) -> None:
        deadline_s = time.time() + left_ms / 1000
        call = ThreadCall(self, stream, request[0].decode("ascii"), deadline_s, request, not flags & 1)
        self.calls[stream] = call
        context = self._context.copy()
        self.pool.submit(lambda: call.run(context))

    def handle(self, call: ThreadCall) -> None:
        raise NotImplementedError


class WsgiService(ThreadService):
    def __init__(self, app, *shared):
        super().__init__(*shared)
        self.app = app

    def handle(self, call: ThreadCall) -> None:
        answer = _Answer(call)
        result = self.app(_environ(call), answer.start_response)
        try:
            answer.send(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                if call.answer == ENDED:
                    self.goes_on(call)
                close()


def _environ(call: ThreadCall) -> dict:
    _, method, target, names, values = call.request
    path, query = split_target(target)
    scheme, client, (server_name, server_port) = origin_of(names, values)
    environ = {
        "REQUEST_METHOD": method.decode("ascii"),
        "SCRIPT_NAME": "",
        # Bytes as latin-1 characters, as PEP 3333 has it.
        "PATH_INFO": path_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "REQUEST_URI": target.decode("latin-1"),
        "RAW_URI": target.decode("latin-1"),
        "SERVER_NAME": server_name,
        "SERVER_PORT": str(server_port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": client[0] if client else "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": input_of(call),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in zip(names, values):
        if b"_" in name:
            # Would be taken for the field with hyphens, which the platform may have set.
            continue
        key = name.decode("ascii").upper().replace("-", "_")
        if key != "CONTENT_TYPE" and key != "CONTENT_LENGTH":
            key = "HTTP_" + key
        text = value.decode("latin-1")
        if key in environ:
            text = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
        environ[key] = text
    return environ


class _Answer:
    """start_response, write() and the iterable of one invocation."""

    __slots__ = ("call", "status", "flat", "left", "bodiless")

    def __init__(self, call: ThreadCall):
        self.call = call
        self.status = 0
        self.flat = b""
        self.left: int | None = None
        self.bodiless = False

    def start_response(self, status: str, headers: list, exc_info=None):
        if exc_info is not None:
            try:
                if self.call.answer != WAITING:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.status:
            raise AssertionError("start_response() was called twice, and without exc_info.")
        number = int(status[:3])
        if number == 101:
            raise Misuse(NO_UPGRADE)
        if not 200 <= number <= 999:
            raise ValueError("The status of an answer is a number from 200 to 999.")
        self.flat = answer_head([(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers])
        self.bodiless = number in (204, 304) or self.call.request[1] == b"HEAD"
        self.left = None
        for name, value in headers:
            if len(name) == 14 and name.lower() == "content-length" and not self.bodiless:
                self.left = int(value)
        self.status = number
        return self.write

    def write(self, data: bytes) -> None:
        if not self.status:
            raise AssertionError("write() before start_response().")
        if not isinstance(data, bytes):
            raise TypeError(f"An answer's body is bytes, not {type(data).__name__}.")
        self.call.head(self.status, self.flat)
        if self.bodiless:
            self.call.still_wanted()
        elif data:
            # What is beyond Content-Length does not exist for the client (PEP 3333).
            if self.left is not None:
                data = data[: self.left]
                self.left -= len(data)
            if data:
                self.call.write_all(data)

    def send(self, result) -> None:
        call = self.call
        if type(result) in (list, tuple) and call.answer == WAITING:
            # Whole, as most answers are.
            body = result[0] if len(result) == 1 else b"".join(result)
            if self.status and type(body) is bytes and len(body) <= COMPLETE_BODY_BYTES and self._fits(len(body)):
                call.reply(self.status, self.flat, b"" if self.bodiless else body)
                return
        for data in result:
            if data and self.bodiless:
                # The status and the headers are known: what follows is for nobody.
                call.still_wanted()
                break
            if data or call.answer == HEADED:
                last = self.left is not None and len(data) == self.left and call.answer == WAITING
                if last and type(data) is bytes and len(data) <= COMPLETE_BODY_BYTES:
                    # An iterator of one piece, as frameworks give it: it is all that was announced.
                    self.left = 0
                    call.reply(self.status, self.flat, data)
                    call.service.goes_on(call)
                elif call.answer != ENDED or call.cancelled is not None:
                    self.write(data)
        if call.answer == ENDED:
            return
        if not self.status:
            raise Misuse("The WSGI application returned without calling start_response().")
        if self.left:
            raise Misuse("Response content shorter than Content-Length")
        if call.answer == WAITING:
            call.reply(self.status, self.flat, b"")
        else:
            call.end()

    def _fits(self, count: int) -> bool:
        return self.left is None or self.bodiless or self.left == count

# Hot path: what an ASGI application receives and sends.
"""HTTP invocations of ASGI applications."""

import asyncio

from .call import ENDED, HEADED, WAITING, Call, ClientGone
from .frames import CANCEL_TIMEOUT
from .head import answer_head
from .limits import COMPLETE_BODY_BYTES, TIMEOUT_GRACE_S


class ClientDisconnected(ClientGone, OSError):
    """What send() raises once nobody waits for the answer (ASGI, spec_version 2.4)."""


class AsgiCall(Call):
    """What HTTP and WebSockets have in common: a task, and waiting in it."""

    task = None
    # Of an HTTP answer, once the application has started it.
    status = 0
    # Who waits for something to happen: each by a future of its own, since who is cancelled cancels it.
    waiters: list | None = None
    # Who waits for credit, likewise.
    starved: list | None = None

    def __init__(self, service, stream, invocation_id, deadline_s, scope):
        super().__init__(service, stream, invocation_id, deadline_s)
        self.scope = scope

    def header_pairs(self):
        return self.scope["headers"]

    async def run(self) -> None:
        try:
            result = await self.service.app(self.scope, self.receive, self.send)
        except GeneratorExit:
            # The loop is being taken down.
            raise
        except asyncio.CancelledError as error:
            if self.cancelled is None:
                self.failed(error)
        except BaseException as error:
            self.failed(error)
        else:
            if self.answer != ENDED:
                self.unfinished(result)
        self.done()
        # The task refers to this, and each call would be garbage that only the collector finds.
        self.task = None

    def unfinished(self, result) -> None:
        if result is not None:
            told = f"ASGI callable should return None, but returned '{result}'."
        elif not self.started():
            told = "ASGI callable returned without starting response."
        else:
            told = "ASGI callable returned without completing response."
        self.service.logs.error_of(self, told)
        self.fail("FUNCTION_INVOCATION_FAILED", told if result is None else "ASGI callable should return None.")

    def started(self) -> bool:
        return self.answer != WAITING

    async def wait(self) -> None:
        future = self.service.loop.create_future()
        if self.waiters is None:
            self.waiters = [future]
        else:
            self.waiters.append(future)
        try:
            await future
        finally:
            # Still there: it was cancelled.
            if self.waiters and future in self.waiters:
                self.waiters.remove(future)

    def wake(self) -> None:
        waiters, self.waiters = self.waiters, None
        for future in waiters or ():
            if not future.done():
                future.set_result(None)

    async def send_body(self, data) -> None:
        """Returns when all of it has left, as far as credit goes. Raises ClientDisconnected."""
        at = self.body(data, 0)
        while at < len(data):
            if self.cancelled is not None:
                raise ClientDisconnected("The client has left.")
            if self.answer == ENDED:
                return
            future = self.service.loop.create_future()
            if self.starved is None:
                self.starved = []
            self.starved.append(future)
            try:
                await future
            finally:
                if self.starved and future in self.starved:
                    self.starved.remove(future)
            at = self.body(data, at)

    def got_credit(self) -> None:
        starved, self.starved = self.starved, None
        for future in starved or ():
            if not future.done():
                future.set_result(None)

    def got_cancel(self, reason: int) -> None:
        # Handlers are told, not stopped, as by every ASGI server. Whose time is up has a moment to tidy up.
        if reason == CANCEL_TIMEOUT:
            self.service.loop.call_later(TIMEOUT_GRACE_S, self.stop)
        self.got_credit()
        self.wake()

    def stop(self) -> None:
        if not self.returned:
            self.task.cancel("maxDuration is up")


class HttpCall(AsgiCall):
    chunks: list | None = None
    told_end = False
    # The answer's head waits for the body, to leave with it.
    flat = b""
    # Bytes that Content-Length has announced and that have not come; None: it announced nothing.
    left: int | None = None
    bodiless = False
    trailers = False

    def __init__(self, service, stream, invocation_id, deadline_s, scope, has_body):
        super().__init__(service, stream, invocation_id, deadline_s, scope)
        self.more_body = has_body

    def started(self) -> bool:
        return self.status != 0

    def got_body(self, payload: bytes) -> None:
        if self.chunks is None:
            self.chunks = [payload]
        else:
            self.chunks.append(payload)
        self.wake()

    def got_body_end(self) -> None:
        self.more_body = False
        self.wake()

    async def receive(self) -> dict:
        while True:
            if self.answer == ENDED:
                return {"type": "http.disconnect"}
            if self.chunks is not None:
                body = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
                self.chunks = None
                self.consumed(len(body))
                self.told_end = not self.more_body
                return {"type": "http.request", "body": body, "more_body": self.more_body}
            if not self.more_body and not self.told_end:
                self.told_end = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await self.wait()

    async def send(self, message: dict) -> None:
        kind = message["type"]
        if kind == "http.response.body" and self.status:
            body = self._take_body(message)
            if body is not None:
                await self._stream_body(message, body)
        elif kind == "http.response.start" and not self.status and self.cancelled is None:
            self._start(message)
        else:
            self._rarely(kind, message)

    def _rarely(self, kind: str, message: dict) -> None:
        """What is neither a start nor a body; or comes when it should not."""
        if self.cancelled is not None:
            raise ClientDisconnected("The client has left.")
        if kind == "http.response.trailers" and self.trailers:
            # There is nothing that they could be sent in.
            return
        if kind == "http.response.early_hint" and not self.status:
            self.inform(103, answer_head([(b"link", link) for link in message.get("links", ())]))
        elif not self.status:
            raise RuntimeError(f"Expected ASGI message 'http.response.start', but got '{kind}'.")
        elif self.answer != ENDED:
            raise RuntimeError(f"Expected ASGI message 'http.response.body', but got '{kind}'.")
        else:
            raise RuntimeError(f"Unexpected ASGI message '{kind}' sent, after response already completed.")

    def _start(self, message: dict) -> None:
        status = message["status"]
        if not isinstance(status, int) or not 200 <= status <= 999:
            raise ValueError("The status of a response is a number from 200 to 999.")
        headers = message.get("headers") or ()
        if not isinstance(headers, (list, tuple)):
            headers = list(headers)
        self.flat = answer_head(headers)
        self.bodiless = status == 204 or status == 304 or self.scope["method"] == "HEAD"
        if not self.bodiless:
            for name, value in headers:
                if len(name) == 14 and name.lower() == b"content-length":
                    self.left = int(value)
        self.trailers = message.get("trailers", False)
        self.status = int(status)
        # In its first step the service looks by itself whether the body comes with it.
        if self.task is not None:
            self.service.head_waits(self)

    def _take_body(self, message: dict) -> bytes | None:
        """Sends what is a whole answer. Returns what is to be streamed otherwise."""
        if self.answer == ENDED:
            self._rarely("http.response.body", message)
        body = message.get("body", b"")
        more = message.get("more_body", False)
        if type(body) is not bytes:
            body = bytes(memoryview(body))
        if self.bodiless:
            body = b""
        elif self.left is not None:
            self._count(len(body), more)
        if more or self.answer != WAITING or len(body) > COMPLETE_BODY_BYTES:
            return body
        self.reply(self.status, self.flat, body)
        self._finish()
        return None

    async def _stream_body(self, message: dict, body: bytes) -> None:
        self.head(self.status, self.flat)
        if body:
            await self.send_body(body)
        if not message.get("more_body", False) and self.answer == HEADED:
            self.end()
            self._finish()

    def _count(self, count: int, more: bool) -> None:
        if count > self.left:
            raise RuntimeError("Response content longer than Content-Length")
        self.left -= count
        if not more and self.left:
            raise RuntimeError("Response content shorter than Content-Length")

    def _finish(self) -> None:
        if self.waiters is not None:
            self.wake()
        self.service.answered.append(self)

"""WebSockets of ASGI applications, over the raw stream that follows a 101."""

from collections import deque

from . import websocket_codec as codec
from .asgi import AsgiCall, ClientDisconnected
from .call import HEADED, WAITING
from .head import answer_head
from .logs import flush_partial_lines
from .limits import COMPLETE_BODY_BYTES, WEBSOCKET_WAITING_MESSAGES
from .scope import websocket_scope
from .websocket_codec import WebSocketError
from .websocket_pings import Pings

# Asked for; accepted; a close frame has been sent; both sides are done.
CONNECTING, OPEN, CLOSING, CLOSED = "connecting", "open", "closing", "closed"


class WebSocketCall(AsgiCall):
    def __init__(self, service, stream, invocation_id, deadline_s, scope):
        fields = dict(scope["headers"])
        super().__init__(service, stream, invocation_id, deadline_s, websocket_scope(scope))
        self.phase = CONNECTING
        self.decoder = codec.FrameDecoder()
        # As they came, (text, bytes): what receive() makes of one takes several times as much where they are small.
        self.messages: deque[tuple[str | None, bytes | None]] = deque()
        # How many bytes those have; and of how many that came the application has no more, or not to wait for.
        self.held = 0
        self.released = 0
        # What is told once they are taken.
        self.disconnect: tuple[int, str] | None = None
        self.told_connect = False
        self.key = fields.get(b"sec-websocket-key", b"").strip()
        # Status and head of an answer that refuses, while its body comes.
        self.refusal = None
        # Frames that wait for credit. Whole ones, in order: whoever is cancelled while it sends leaves no half behind.
        self.outgoing: deque = deque()
        self.ending = False
        self.pings: Pings | None = None

    async def run(self) -> None:
        if len(self.key) != 24 or dict(self.scope["headers"]).get(b"sec-websocket-version", b"").strip() != b"13":
            head = b"sec-websocket-version\n13\ncontent-type\ntext/plain"
            self.reply(426, head, b"A WebSocket of version 13, please.")
            self.done()
            return
        await super().run()

    def unfinished(self, result) -> None:
        """An application may return without closing: then it is closed for it."""
        if self.phase == CONNECTING:
            super().unfinished(result)
        else:
            self._close(codec.INTERNAL_ERROR if result is not None else codec.NORMAL, "")
            self._finish()

    def failed(self, error: BaseException) -> None:
        if self.cancelled is None and self.phase == OPEN:
            from .tracebacks import user_traceback

            self.service.logs.error_of(self, user_traceback(error))
            # What the client understands; the stream ends in order.
            self._close(codec.INTERNAL_ERROR, "")
            self._finish()
        elif not (self.phase in (CLOSING, CLOSED) and isinstance(error, OSError)):
            super().failed(error)
        self._finish()

    # What comes.

    def got_body(self, payload: bytes) -> None:
        if self.pings is not None:
            self.pings.heard()
        if self.phase not in (CONNECTING, OPEN, CLOSING):
            return
        try:
            for event in self.decoder.feed(payload):
                self._take(event)
        except WebSocketError as error:
            self._disconnected(error.code, error.reason)
            self._close(error.code, error.reason)
            self._finish()
        self._release()

    def _release(self) -> None:
        """Credit for what the application has taken.

        A message that is not complete may be longer than all credit: as long as none waits before it, its parts are as
        good as taken, and made up for once it is complete.
        """
        if len(self.messages) >= WEBSOCKET_WAITING_MESSAGES:
            return
        kept = self.held + (self.decoder.pending if self.messages else 0)
        ready = self.received - kept - self.released
        if ready > 0:
            self.released += ready
            self.consumed(ready)

    def _take(self, event: tuple) -> None:
        kind = event[0]
        if kind == codec.PING:
            # A client that pings and does not read is not answered for ever.
            if self.phase == OPEN and len(self.outgoing) < WEBSOCKET_WAITING_MESSAGES:
                self._write(codec.encode(codec.PONG, event[1]))
        elif kind == codec.CLOSE:
            self._disconnected(event[1], event[2])
            # Its own code is the answer (RFC 6455, 5.5.1).
            self._close(None if event[1] == codec.NO_STATUS else event[1], "")
            self._finish()
        elif kind != codec.PONG and self.phase in (CONNECTING, OPEN):
            text, data = (event[1], None) if kind == codec.TEXT else (None, event[1])
            self.messages.append((text, data))
            self.held += _bytes_of(text, data)
            self.wake()

    def got_body_end(self) -> None:
        self._disconnected(codec.ABNORMAL, "")
        if self.phase != CONNECTING:
            self._finish()

    def got_cancel(self, reason: int) -> None:
        self._disconnected(codec.ABNORMAL, "")
        self.phase = CLOSED
        self._stop_pings()
        super().got_cancel(reason)

    def _disconnected(self, code: int, reason: str) -> None:
        if self.disconnect is None:
            self.disconnect = code, reason
            self.wake()

    async def receive(self) -> dict:
        if not self.told_connect:
            self.told_connect = True
            return {"type": "websocket.connect"}
        while not self.messages:
            if self.disconnect is not None:
                (code, reason), self.disconnect = self.disconnect, (codec.ABNORMAL, "")
                return {"type": "websocket.disconnect", "code": code, "reason": reason}
            await self.wait()
        text, data = self.messages.popleft()
        self.held -= _bytes_of(text, data)
        self._release()
        return {"type": "websocket.receive", "bytes": data, "text": text}

    # What the application says.

    async def send(self, message: dict) -> None:
        kind = message["type"]
        if self.refusal is not None:
            await self._refuse(kind, message)
        elif self.phase == CONNECTING:
            self._answer(kind, message)
        elif self.phase != OPEN:
            is_late = self.phase == CLOSING and kind == "websocket.send" and self.disconnect is None
            if is_late and self.cancelled is None:
                raise RuntimeError(f"Unexpected ASGI message '{kind}', after sending 'websocket.close'.")
            if kind != "websocket.close":
                raise ClientDisconnected("The client has left.")
        elif kind == "websocket.send":
            text = message.get("text")
            if text is None:
                await self._send_frame(codec.encode(codec.BINARY, bytes(message["bytes"])))
            else:
                await self._send_frame(codec.encode(codec.TEXT, text.encode("utf-8")))
        elif kind == "websocket.close":
            code = message.get("code", codec.NORMAL)
            self._close(code if codec.may_be_sent(code) else None, message.get("reason") or "")
            self._disconnected(code, message.get("reason") or "")
        else:
            raise RuntimeError(f"Expected ASGI message 'websocket.send' or 'websocket.close', but got '{kind}'.")

    def _answer(self, kind: str, message: dict) -> None:
        if self.cancelled is not None:
            raise ClientDisconnected("The client has left.")
        if kind == "websocket.accept":
            fields = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade")]
            fields.append((b"sec-websocket-accept", codec.accept_key(self.key)))
            subprotocol = message.get("subprotocol")
            if subprotocol:
                fields.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
            self.head(101, answer_head(fields + list(message.get("headers") or ())))
            self.phase = OPEN
            self.pings = Pings(self.service.later, self)
        elif kind == "websocket.close":
            self.phase = CLOSED
            self.reply(403, b"content-type\ntext/plain", b"")
            self._disconnected(codec.ABNORMAL, "")
            self._finish()
        elif kind == "websocket.http.response.start":
            self.refusal = message["status"], answer_head(list(message.get("headers") or ()))
        else:
            raise RuntimeError(
                "Expected ASGI message 'websocket.accept', 'websocket.close' or "
                f"'websocket.http.response.start', but got '{kind}'."
            )

    async def _refuse(self, kind: str, message: dict) -> None:
        if kind != "websocket.http.response.body" or self.phase != CONNECTING:
            raise RuntimeError(f"Unexpected ASGI message '{kind}' while a WebSocket is refused.")
        body, more = bytes(message.get("body", b"")), message.get("more_body", False)
        status, head = self.refusal
        if self.answer == WAITING and not more and len(body) <= COMPLETE_BODY_BYTES:
            self.reply(status, head, body)
        else:
            self.head(status, head)
            if body:
                await self.send_body(body)
            if not more:
                self.end()
        if not more:
            self.phase = CLOSED
            self._disconnected(codec.ABNORMAL, "")
            self._finish()

    def _close(self, code: int | None, reason: str) -> None:
        if self.phase == OPEN:
            self.phase = CLOSING
            self._write(codec.encode_close(code, reason))

    async def _send_frame(self, data: bytes) -> None:
        self._write(data)
        while self.outgoing and self.answer == HEADED:
            await self.wait()
        if self.cancelled is not None:
            raise ClientDisconnected("The client has left.")

    def _write(self, data: bytes) -> None:
        self.outgoing.append(data)
        self._pump()

    def _pump(self) -> None:
        outgoing = self.outgoing
        while outgoing and self.answer == HEADED:
            data = outgoing[0]
            at = self.body(data, 0)
            if at < len(data):
                outgoing[0] = data[at:]
                return
            outgoing.popleft()
        if self.ending and self.answer == HEADED:
            self.end()

    # What its pings do.

    def ping(self) -> bool:
        """Whether one has left. Behind what waits for credit it would tell nothing; and TCP has something to notice."""
        if self.phase != OPEN or self.outgoing:
            return False
        self._write(codec.encode(codec.PING, b""))
        return True

    def keeps_waiting(self) -> bool:
        """A pong may be behind what the application does not take."""
        return self.phase != OPEN or bool(self.messages)

    def gone(self) -> None:
        """Nothing came after a ping."""
        self._disconnected(codec.ABNORMAL, "keepalive ping timeout")
        if self.outgoing:
            # The close frame would wait behind it.
            self.outgoing.clear()
        else:
            self._close(codec.INTERNAL_ERROR, "keepalive ping timeout")
        self._finish()

    def _stop_pings(self) -> None:
        if self.pings is not None:
            self.pings.stop()

    def got_credit(self) -> None:
        if self.pings is not None:
            self.pings.heard()
        super().got_credit()
        if self.outgoing:
            self._pump()
            self.wake()

    def _finish(self) -> None:
        """Both directions are done, or are of no use."""
        if self.phase == CONNECTING:
            return
        self.phase = CLOSED
        self._stop_pings()
        if not self.ending:
            self.ending = True
            self._pump()
            self.wake()
            self.service.answered.append(self)

    def done(self) -> None:
        if self.cancelled is None and self.ending and self.answer == HEADED:
            # What is left waits for credit, or for the client to leave.
            self.returns()
            if self.lines:
                flush_partial_lines(self, self.lines)
            if self.counted:
                self.service.background.change(-1)
        else:
            super().done()


def _bytes_of(text: str | None, data: bytes | None) -> int:
    if text is None:
        return len(data)
    return len(text) if text.isascii() else len(text.encode())

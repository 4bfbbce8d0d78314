# Hot path: every frame of the core passes here.
"""The connection with the core: what may come when, and to whom it goes."""

from . import frames
from .asks import Asks
from .head import ProtocolError, read_request_head


class Session:
    """Sans I/O: frames in by take(), frames out by the writer. `service` is there once a function is loaded."""

    def __init__(self, writer):
        self.writer = writer
        self.reader = frames.FrameReader(self.take)
        self.window_bytes = 0
        self.welcomed = False
        self.load_order = None
        self.service = None
        self.asks = Asks(writer)
        # GOODBYE has come, with this code.
        self.goodbye = None
        self.on_goodbye = None

    def take(self, kind: int, stream: int, payload: bytes) -> None:
        """Raises ProtocolError."""
        if kind < 0x20 or not self.welcomed:
            self._take_own(kind, payload)
            return
        service = self.service
        if kind == frames.REQUEST:
            flags, left_ms, head = frames.read_request(payload)
            request = read_request_head(head)
            if service is None:
                self.writer.extend((frames.failed(stream, 0xFFFFFFFF, "FUNCTION_LOAD_FAILED", "Not loaded."),))
                self.writer.written()
            else:
                self._begin(service, stream, flags, left_ms, request)
            return
        call = None if service is None else service.calls.get(stream)
        if kind == frames.BODY:
            if not payload:
                raise ProtocolError("BAD_FRAME", "BODY of no bytes")
            # Not current: it crossed the stream's end.
            if call is not None:
                call.take_body(payload)
        elif kind == frames.BODY_END:
            if payload:
                raise ProtocolError("BAD_FRAME", "BODY_END from the core is empty")
            if call is not None:
                call.got_body_end()
        elif kind == frames.CREDIT:
            count = frames.read_credit(payload)
            if call is not None:
                call.take_credit(count)
        else:
            self._cancel(stream, call, frames.read_cancel(payload))

    def _begin(self, service, stream: int, flags: int, left_ms: int, request: tuple) -> None:
        try:
            service.begin(stream, flags, left_ms, request)
        except Exception as error:
            # No thread could be started, say: that is this invocation's failure, and the frames behind it go on.
            call = service.calls.get(stream)
            if call is None or call.answer:
                raise
            call.failed(error)
            call.returns()

    def _cancel(self, stream: int, call, reason: int) -> None:
        if call is not None:
            call.take_cancel(reason)
            return
        # It crossed the end of the answer. The handler goes on as background work, if at all.
        self.writer.extend((frames.frame(frames.BODY_END, stream),))
        self.writer.written()

    def _take_own(self, kind: int, payload: bytes) -> None:
        if kind == frames.GOODBYE:
            self.goodbye = frames.read_goodbye(payload)
            # The core takes no more of them.
            self.asks.close("the instance is ending")
            if self.on_goodbye is not None:
                self.on_goodbye()
        elif kind == frames.WELCOME and not self.welcomed:
            welcome = frames.read_welcome(payload)
            self.window_bytes = welcome["windowBytes"]
            self.reader.streams = welcome["maxStreams"]
            self.welcomed = True
        elif not self.welcomed or kind == frames.WELCOME:
            raise ProtocolError("UNEXPECTED_FRAME", f"type {kind:#x}")
        elif kind == frames.PING:
            self.writer.extend((frames.frame(frames.PONG, 0, frames.read_eight(payload)),))
            self.writer.written()
        elif kind == frames.PONG:
            frames.read_eight(payload)
        elif kind == frames.LOAD:
            order = frames.read_load(payload)
            if self.load_order is not None:
                raise ProtocolError("UNEXPECTED_FRAME", "LOAD comes once")
            self.load_order = order
        elif kind == frames.DRAIN:
            # Nothing new comes: nothing is to be done about it.
            frames.read_drain(payload)
        else:
            self.asks.take(frames.read_answer(payload))

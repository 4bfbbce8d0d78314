# Hot path: one of these per invocation.
"""One invocation: what the core sends of it, and what is answered. ASGI's and the pool threads' are made from it."""

from _thread import allocate_lock

from . import frames
from .frames import response_head
from .limits import BODY_FRAME_BYTES
from .logs import flush_partial_lines

# An answer goes from one to the next, and to ENDED from any (protocol/tunnel.md, "The life of a stream").
WAITING, HEADED, ENDED = 0, 1, 2


# Of what more than one thread changes: sums of what others used; who is the second of the handler's end and CANCEL.
_lock = allocate_lock()


class ClientGone:
    """Of the errors that user code gets once nobody waits for its answer."""


def _tells_of_leaving(error: BaseException) -> bool:
    """Whether one of ours is what it came from, or one of its group."""
    left, seen = [error], set()
    while left:
        error = left.pop()
        if error is None or id(error) in seen:
            continue
        if isinstance(error, ClientGone):
            return True
        seen.add(id(error))
        left += (error.__cause__, error.__context__)
        if isinstance(error, BaseExceptionGroup):
            left += error.exceptions
    return False


class Call:
    """The sending half may be used by one thread at a time; take_*() are called in the loop's thread."""

    # As a call begins. Of the class, because most calls change few of them.
    answer = WAITING
    # Why, as CANCEL says it; None: it is wanted.
    cancelled: int | None = None
    returned = False
    # Among the background work: its answer is complete, and its handler goes on.
    counted = False
    # When the step of the loop that goes on began; 0: none does.
    began = 0
    cpu_ns = 0
    elsewhere_ns = 0
    # Two counters a direction, each with one side that writes it: what came, what may come; what may leave, what left.
    received = 0
    granted = 0
    sendable = 0
    sent = 0
    owed = 0
    lines: dict | None = None
    # Of custom metrics, sent or not.
    metrics = 0

    def __init__(self, service, stream: int, invocation_id: str, deadline_s: float):
        self.service = service
        self.writer = service.writer
        self.stream = stream
        self.id = invocation_id
        self.deadline_s = deadline_s
        self.granted = self.sendable = service.window_bytes

    # What the core sends.

    def take_body(self, payload: bytes) -> None:
        self.received += len(payload)
        if self.received > self.granted:
            raise frames.ProtocolError("CREDIT_OVERRUN", "more body than was granted")
        self.got_body(payload)

    def take_credit(self, count: int) -> None:
        self.sendable += count
        if self.sendable - self.sent > frames.MAX_OUTSTANDING_BYTES:
            raise frames.ProtocolError("CREDIT_OVERRUN", "more credit than there may be")
        self.got_credit()

    def take_cancel(self, reason: int) -> None:
        with _lock:
            self.cancelled = reason
            was_returned = self.returned
        if self.answer != ENDED:
            self._ended()
        if was_returned:
            self._say_returned()
        self.got_cancel(reason)

    # What user code does. All of it goes nowhere once the invocation was cancelled.

    def consumed(self, count: int) -> None:
        """The application has taken so many bytes of the request's body."""
        self.owed += count
        if self.owed >= self.service.window_bytes >> 1 and self.answer != ENDED:
            self.granted += self.owed
            self.writer.extend((frames.credit(self.stream, self.owed),))
            self.owed = 0
            self.writer.written()

    def inform(self, status: int, head: bytes) -> None:
        if self.answer == WAITING:
            self.writer.extend((frames.inform(self.stream, status, head),))
            self.writer.written()

    def reply(self, status: int, head: bytes, body: bytes) -> None:
        """The whole answer; its body is at most COMPLETE_BODY_BYTES."""
        if self.answer == WAITING:
            self.answer = ENDED
            stream = self.stream
            self.service.calls.pop(stream, None)
            writer = self.writer
            writer.extend((response_head(stream, True, status, self.cpu_us(), head, len(body)), head, body))
            writer.written()

    def head(self, status: int, head: bytes) -> None:
        if self.answer == WAITING:
            self.answer = HEADED
            self.writer.extend((response_head(self.stream, False, status, self.cpu_us(), head, 0), head))
            self.writer.written()

    def body(self, data: bytes, at: int) -> int:
        """Sends of data from `at` on what credit allows. Returns where the rest begins."""
        end = min(len(data), at + self.sendable - self.sent)
        if end <= at or self.answer != HEADED:
            return end
        self.sent += end - at
        while at < end:
            next_at = min(end, at + BODY_FRAME_BYTES)
            piece = data if next_at - at == len(data) else data[at:next_at]
            self.writer.extend((frames.header((next_at - at) << 8 | frames.BODY, self.stream), piece))
            at = next_at
        self.writer.written()
        return end

    def end(self) -> None:
        if self.answer == HEADED:
            self._ended()
            self.writer.extend((frames.body_end(self.stream, self.cpu_us()),))
            self.writer.written()

    def fail(self, code: str, detail: str) -> None:
        if self.answer != ENDED:
            self._ended()
            self.writer.extend((frames.failed(self.stream, self.cpu_us(), code, detail),))
            self.writer.written()

    def done(self) -> None:
        """The handler has returned, whatever became of it. Once."""
        was_cancelled = self.returns()
        if self.lines:
            flush_partial_lines(self, self.lines)
        if was_cancelled:
            self._say_returned()
        elif self.answer != ENDED:
            self.fail("FUNCTION_INVOCATION_FAILED", "The handler returned without a complete answer.")
        if self.counted:
            self.service.background.change(-1)

    def returns(self) -> bool:
        """Whether it was cancelled before. If it was not, whoever cancels it sees that it has returned: never both."""
        with _lock:
            self.returned = True
            return self.cancelled is not None

    def _say_returned(self) -> None:
        """The one frame that may follow CANCEL: said by who comes second, take_cancel() or done()."""
        self.writer.extend((frames.frame(frames.BODY_END, self.stream),))
        self.writer.written()

    def _ended(self) -> None:
        self.answer = ENDED
        self.service.calls.pop(self.stream, None)

    def partial_lines(self) -> dict:
        lines = self.lines
        if lines is None:
            lines = self.lines = {}
        # A task that outlives its invocation has nobody who flushes for it.
        return self.service.stray_lines if self.returned else lines

    def cpu_us(self) -> int:
        if self.began:
            meter = self.service.meter
            self.began = meter.leave(self)
        return min((self.cpu_ns + self.elsewhere_ns) // 1000, 0xFFFFFFFE)

    def used_elsewhere(self, cpu_ns: int) -> None:
        """On a thread that is neither the loop's nor the pool's."""
        with _lock:
            self.elsewhere_ns += cpu_ns

    # For whoever makes an invocation from this.

    def header_pairs(self):
        """Names in lower case, and values, as bytes."""
        raise NotImplementedError

    def got_body(self, payload: bytes) -> None:
        raise NotImplementedError

    def got_body_end(self) -> None:
        raise NotImplementedError

    def got_credit(self) -> None:
        raise NotImplementedError

    def got_cancel(self, reason: int) -> None:
        raise NotImplementedError

    def failed(self, error: BaseException) -> None:
        """User code raised. The answer says the type alone: a message may hold secrets, and the log has it."""
        from .tracebacks import user_traceback

        if self.cancelled is not None and (isinstance(error, OSError) or _tells_of_leaving(error)):
            # What send() raises once the client has left, or what a framework has made of it.
            return
        self.service.logs.error_of(self, user_traceback(error))
        self.fail("FUNCTION_INVOCATION_FAILED", type(error).__name__)

"""What user code asks of the platform, and the answers (protocol/tunnel.md, "Asks and metrics")."""

from _thread import RLock, allocate_lock, get_ident
from collections import deque
from time import monotonic

from . import frames
from .head import ProtocolError
from .limits import (
    ASK_BODY_BYTES,
    ASK_JSON_BYTES,
    ASK_TIMEOUT_S,
    ASKS_UNANSWERED,
    ASKS_UNANSWERED_BYTES,
    ASKS_WAITING,
)


class AskFailed(RuntimeError):
    """No answer, or one that says no. `code`: the answer's; CLOSED, TIMEOUT, OVERLOADED, TOO_LARGE: there was none."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class _Ask:
    __slots__ = ("fields", "body", "wake", "over", "answer", "failure")

    def __init__(self, fields: bytes, body: bytes, wake):
        self.fields = fields
        self.body = body
        self.wake = wake
        # Whoever waits knows, or waits no more.
        self.over = False
        self.answer: tuple[dict, bytes] | None = None
        self.failure: AskFailed | None = None


class Asks:
    """Asked by any thread, answered in the thread that reads. `close` is the one end of all that wait."""

    def __init__(self, writer, timeout_s: float = ASK_TIMEOUT_S):
        self._writer = writer
        self._timeout_s = timeout_s
        # A finalizer that asks may run within an ask.
        self._lock = RLock()
        self._thread = get_ident()
        self._loop = None
        self._blocked = None
        # Until there is room among those without an answer.
        self._waiting: deque[_Ask] = deque()
        self._unanswered: dict[int, _Ask] = {}
        self._unanswered_bytes = 0
        # Answers that have begun: fields, length of the body, what came of it.
        self._begun: dict[int, tuple[dict, int, bytearray]] = {}
        self._number = 0
        self._closed: str | None = None

    def block_with(self, blocked) -> None:
        """`blocked(seconds)` reads while the thread that reads waits for an answer; False: there is nothing to read."""
        self._blocked = blocked

    def serve_from(self, loop) -> None:
        """From now on this loop reads, in the thread that made this."""
        self._loop = loop

    # Who asks.

    def wait(self, fields: bytes, body: bytes = b"") -> tuple[dict, bytes]:
        """Blocks until the answer is there. Raises AskFailed, in bounded time."""
        opens = allocate_lock()
        opens.acquire()
        ask = self._submit(fields, body, opens.release)
        if get_ident() != self._thread:
            opens.acquire(True, self._timeout_s)
            return self._taken(ask)
        ends = monotonic() + self._timeout_s
        while not ask.over:
            left = ends - monotonic()
            if left <= 0:
                break
            if not self._blocked(left):
                self._fail(ask, AskFailed("CLOSED", "the connection to the platform is ending"))
        return self._taken(ask)

    async def ask(self, fields: bytes, body: bytes = b"") -> tuple[dict, bytes]:
        """The same without blocking the loop, whichever that is. Raises AskFailed."""
        from asyncio import get_running_loop

        loop = get_running_loop()
        here = get_ident() == self._thread
        if here and loop is not self._loop:
            # A loop that keeps the one which reads from doing so, or runs before it: nobody else would read.
            return self.wait(fields, body)
        future = loop.create_future()
        ask = self._submit(fields, body, lambda: _resolve(future) if here else _resolve_elsewhere(loop, future))
        late = loop.call_later(self._timeout_s, _resolve, future)
        try:
            await future
        except BaseException:
            ask.over = True
            raise
        finally:
            late.cancel()
        return self._taken(ask)

    def _submit(self, fields: bytes, body: bytes, wake) -> _Ask:
        with self._lock:
            if self._closed is not None:
                raise AskFailed("CLOSED", self._closed)
            if len(body) > ASK_BODY_BYTES or len(fields) > ASK_JSON_BYTES:
                raise AskFailed("TOO_LARGE", f"{len(body)} bytes, {ASK_BODY_BYTES} are allowed")
            if len(self._waiting) >= ASKS_WAITING:
                raise AskFailed("OVERLOADED", f"{ASKS_WAITING} asks of the platform are waiting already")
            ask = _Ask(fields, body, wake)
            self._waiting.append(ask)
        self._pump()
        return ask

    def _taken(self, ask: _Ask) -> tuple[dict, bytes]:
        with self._lock:
            if ask.answer is None and ask.failure is None:
                ask.over = True
                ask.failure = AskFailed("TIMEOUT", f"the platform did not answer within {self._timeout_s} s")
        if ask.failure is not None:
            raise ask.failure
        return ask.answer

    def _pump(self) -> None:
        sent = False
        with self._lock:
            while self._waiting:
                ask = self._waiting[0]
                if not ask.over and not self._has_room(ask):
                    break
                self._waiting.popleft()
                if ask.over:
                    continue
                self._number = (self._number + 1) & 0xFFFFFFFF
                while self._number in self._unanswered:
                    self._number = (self._number + 1) & 0xFFFFFFFF
                self._unanswered[self._number] = ask
                self._unanswered_bytes += len(ask.body)
                self._writer.extend(frames.ask(self._number, ask.fields, ask.body))
                sent = True
        if sent:
            self._writer.written()

    def _has_room(self, ask: _Ask) -> bool:
        if len(self._unanswered) >= ASKS_UNANSWERED:
            return False
        return self._unanswered_bytes + len(ask.body) <= ASKS_UNANSWERED_BYTES

    # Who reads.

    def take(self, part: tuple) -> None:
        """ANSWER, as frames.read_answer() gives it. Raises ProtocolError."""
        number, flags, fields, body_bytes, data = part
        if flags & frames.BEGINS:
            if number in self._begun:
                raise ProtocolError("BAD_FRAME", f"answer {number} begins twice")
            if number not in self._unanswered:
                raise ProtocolError("BAD_FRAME", f"an answer to {number}, which was not asked")
            self._begun[number] = fields, body_bytes, bytearray()
        elif number not in self._begun:
            raise ProtocolError("BAD_FRAME", f"answer {number} has not begun")
        fields, body_bytes, body = self._begun[number]
        body += data
        if len(body) > body_bytes:
            raise ProtocolError("BAD_FRAME", "an answer longer than was said")
        if not flags & frames.ENDS:
            if not data and not flags & frames.BEGINS:
                raise ProtocolError("BAD_FRAME", "a frame that brings nothing")
            return
        if len(body) < body_bytes:
            raise ProtocolError("BAD_FRAME", "an answer shorter than was said")
        del self._begun[number]
        self._answered(number, fields, bytes(body))

    def _answered(self, number: int, fields: dict, body: bytes) -> None:
        with self._lock:
            ask = self._unanswered.pop(number)
            self._unanswered_bytes -= len(ask.body)
            if not ask.over and fields.get("ok") is True:
                ask.over = True
                ask.answer = fields, body
                ask.wake()
        if not ask.over:
            code, message = fields.get("code"), fields.get("message")
            failed = code if isinstance(code, str) else "FAILED"
            self._fail(ask, AskFailed(failed, message if isinstance(message, str) else failed))
        self._pump()

    def _fail(self, ask: _Ask, failure: AskFailed) -> None:
        with self._lock:
            if not ask.over:
                ask.over = True
                ask.failure = failure
                ask.wake()

    def close(self, why: str) -> None:
        """There are no more answers."""
        with self._lock:
            self._closed = why
            left = [*self._waiting, *self._unanswered.values()]
            self._waiting.clear()
        for ask in left:
            self._fail(ask, AskFailed("CLOSED", why))

    def part(self) -> None:
        """In a copy of the process: who waited is not there, and neither is who had the lock."""
        self._lock = RLock()
        self._waiting.clear()
        self._closed = "a copy of the process has no connection to the platform"


def _resolve(future) -> None:
    if not future.done():
        future.set_result(None)


def _resolve_elsewhere(loop, future) -> None:
    try:
        loop.call_soon_threadsafe(_resolve, future)
    except RuntimeError:
        # That loop has been closed, and with it whoever waited.
        pass

# Hot path: one of these per invocation of a function that blocks.
"""An invocation on a thread of the pool: blocking reads and writes over the same frames."""

import io
from _thread import allocate_lock, get_ident
from collections import deque
from time import thread_time_ns

from .call import ENDED, WAITING, Call, ClientGone
from .context import current
from .limits import COMPLETE_BODY_BYTES


class ClientLeft(ClientGone, ConnectionResetError):
    """Reading or writing when nobody waits for the answer any more."""


class ThreadCall(Call):
    # Locks that a waiting thread holds, for the loop to open.
    reader = None
    starved = None
    thread_began = 0
    # Whose it is, once it has begun.
    thread: int | None = None
    # That its handler may go on after its answer.
    told_going = False

    def __init__(self, service, stream, invocation_id, deadline_s, request, has_body):
        super().__init__(service, stream, invocation_id, deadline_s)
        self.request = request
        self.chunks: deque = deque()
        self.more_body = has_body

    def header_pairs(self):
        return zip(*self.request[3:])

    def run(self, context) -> None:
        """On a thread of the pool."""
        self.thread_began = thread_time_ns()
        self.thread = get_ident()
        context.run(self._handle)

    def returns(self) -> bool:
        with self.service.going_lock:
            return super().returns()

    def _handle(self) -> None:
        current.set(self)
        try:
            if self.cancelled is None:
                self.service.handle(self)
        except BaseException as error:
            self.failed(error)
        self.done()

    def cpu_us(self) -> int:
        # The clock is that of the thread which asks: user code may answer from one of its own.
        own = thread_time_ns() - self.thread_began if get_ident() == self.thread else 0
        return min((max(0, own) + self.elsewhere_ns) // 1000, 0xFFFFFFFE)

    # In the loop's thread.

    def got_body(self, payload: bytes) -> None:
        self.chunks.append(payload)
        self._open("reader")

    def got_body_end(self) -> None:
        self.more_body = False
        self._open("reader")

    def got_credit(self) -> None:
        self._open("starved")

    def got_cancel(self, reason: int) -> None:
        self._open("reader")
        self._open("starved")

    def _open(self, name: str) -> None:
        lock = getattr(self, name)
        if lock is not None:
            setattr(self, name, None)
            lock.release()

    # On the pool's thread.

    def read_chunk(self) -> bytes:
        """The next piece of the body; b"" at its end. Raises ClientLeft."""
        while True:
            if self.chunks:
                chunk = self.chunks.popleft()
                self.consumed(len(chunk))
                return chunk
            if self.cancelled is not None:
                raise ClientLeft("The client has left.")
            if not self.more_body and not self.chunks:
                return b""
            self._wait("reader", lambda: self.chunks or not self.more_body)

    def _wait(self, name: str, ready) -> None:
        lock = allocate_lock()
        lock.acquire()
        setattr(self, name, lock)
        # What came before the loop could see the lock opens nothing.
        if ready() or self.cancelled is not None:
            setattr(self, name, None)
            return
        lock.acquire()

    def write_all(self, data: bytes) -> None:
        """Of a streamed answer. Blocks while credit is used up. Raises ClientLeft."""
        at = self.body(data, 0)
        while at < len(data):
            if self.cancelled is not None:
                raise ClientLeft("The client has left.")
            if self.answer == ENDED:
                return
            if self.sendable <= self.sent:
                self._wait("starved", lambda: self.sendable > self.sent)
            at = self.body(data, at)
        self.still_wanted()

    def still_wanted(self) -> None:
        """Raises ClientLeft."""
        if self.cancelled is not None:
            raise ClientLeft("The client has left.")

    def reply_or_stream(self, status: int, head: bytes, body: bytes) -> None:
        if self.answer == WAITING and len(body) <= COMPLETE_BODY_BYTES:
            self.reply(status, head, body)
        else:
            self.head(status, head)
            self.write_all(body)
            self.end()


class _Body(io.RawIOBase):
    """The request's body, read as it comes."""

    def __init__(self, call: ThreadCall, first: bytes):
        self._call = call
        self._rest = memoryview(first)
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if not self._rest and not self._ended:
            self._rest = memoryview(self._call.read_chunk())
            self._ended = not self._rest
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def input_of(call: ThreadCall, first: bytes = b"") -> io.BufferedReader:
    """wsgi.input, and the rfile of a BaseHTTPRequestHandler. `first` comes before the body."""
    return io.BufferedReader(_Body(call, first))

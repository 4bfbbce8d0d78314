# Hot path: everything that leaves the process.
"""Frames on their way out: what is written in a turn of the loop leaves in one send."""

from _thread import allocate_lock, get_ident, start_new_thread
from collections import deque
from itertools import islice
from time import monotonic_ns, sleep

# Log lines beyond that are dropped: a core that does not read must not fill the instance.
LOG_BACKLOG_BYTES = 4 * 1024 * 1024
# Log lines wait for the end of their turn so long, and so many: the turn may have no end (a loop, a crash).
LOG_WAITS_NS = 1_000_000
LOG_WAITS_BYTES = 64 * 1024
LINES_WAIT_S = 0.005
# What one send takes of the backlog.
PIECES = 64


class Writer:
    """`extend((bytes, …))` takes whole frames, from any thread: one call is one piece, never mixed with another's."""

    def __init__(self, sock):
        self._sock = sock
        self.descriptor = sock.fileno()
        self._parts: list[bytes] = []
        self.extend = self._parts.extend
        self._lock = allocate_lock()
        # What the core does not take yet.
        self._backlog: deque = deque()
        self.backlog_bytes = 0
        # Of log lines that are among the parts, and when one last left at once.
        self._logged = 0
        self._lines_left = 0
        # A thread looks after lines that wait: it was woken; there is one; what wakes it.
        self._watched = False
        self._watches = False
        self._wakes = allocate_lock()
        self._wakes.acquire()
        self._loop = None
        self._thread = get_ident()
        self._watching = False
        # Somebody will flush at the end of this turn.
        self.scheduled = False
        # What has to be written before a turn's frames leave.
        self.turn_ends = _nothing
        self.broken = False

    def serve_from(self, loop) -> None:
        """From now on the loop says when the socket takes more; until then flush() blocks."""
        self._loop = loop
        self._sock.setblocking(False)

    def written(self) -> None:
        """What was extended leaves: at the end of the loop's turn, or at once where there is no turn."""
        if self._loop is None or get_ident() != self._thread:
            self.flush()
        elif not self.scheduled:
            self.scheduled = True
            self._loop.call_soon(self._flush_turn)

    def logged(self, line: bytes) -> None:
        """A line leaves at once, unless others have just left: then with what comes next."""
        self.extend((line,))
        self._logged += len(line)
        now = monotonic_ns()
        if self._logged > LOG_WAITS_BYTES or now - self._lines_left > LOG_WAITS_NS:
            self._lines_left = now
            self.flush()
        if self._parts:
            self.written()
            if not self._watched and self._logged:
                self._watch()

    def _watch(self) -> None:
        """Lines that wait for the end of a turn leave without it, if it takes long."""
        self._watched = True
        try:
            if not self._watches:
                start_new_thread(self._watch_lines, ())
                self._watches = True
            self._wakes.release()
        except RuntimeError:
            # Another thread was faster; or there are no more threads, and the end of the turn has to do.
            self._watched = self._watches

    def _watch_lines(self) -> None:
        while True:
            self._wakes.acquire()
            sleep(LINES_WAIT_S)
            self._watched = False
            if self._logged and not self.broken:
                self.flush()

    @property
    def unsent_bytes(self) -> int:
        return self.backlog_bytes + self._logged

    def _flush_turn(self) -> None:
        self.turn_ends()
        self.scheduled = False
        self.flush()

    def flush(self) -> None:
        parts = self._parts
        lock = self._lock
        while parts:
            # Whoever has the lock looks again when it has let go. Waiting for it could be waiting for oneself: a
            # finalizer or a signal handler that prints runs anywhere.
            if not lock.acquire(False):
                return
            try:
                count = len(parts)
                # Others may add to the list meanwhile; they add at its end.
                data = b"".join(parts[:count])
                del parts[:count]
                self._logged = 0
                if self._backlog:
                    self._keep(data)
                elif data:
                    self._send(data)
            finally:
                lock.release()

    def _keep(self, data) -> None:
        self._backlog.append(data)
        self.backlog_bytes += len(data)

    def _send(self, data: bytes) -> None:
        if self.broken:
            return
        try:
            if self._loop is None:
                self._sock.sendall(data)
                return
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._break()
            return
        if sent < len(data):
            self._keep(memoryview(data)[sent:])
            if not self._watching:
                self._watching = True
                self._loop.call_soon_threadsafe(self._loop.add_writer, self._sock, self._writable)

    def _break(self) -> None:
        """The core is gone: whoever reads finds out."""
        self.broken = True
        self._backlog.clear()
        self.backlog_bytes = 0

    def _writable(self) -> None:
        with self._lock:
            self._send_backlog()
            if not self._backlog:
                self._watching = False
                self._loop.remove_writer(self._sock)
        self.flush()

    def send_backlog(self) -> None:
        """For who blocks the loop, which would send it otherwise."""
        with self._lock:
            self._send_backlog()

    def _send_backlog(self) -> None:
        """One send of what is kept, piece by piece as it came: what does not leave is not copied again."""
        backlog = self._backlog
        try:
            sent = self._sock.sendmsg(list(islice(backlog, PIECES))) if backlog else 0
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._break()
            return
        self.backlog_bytes -= sent
        while sent:
            piece = backlog.popleft()
            if len(piece) > sent:
                backlog.appendleft(memoryview(piece)[sent:])
                break
            sent -= len(piece)

    def drain(self, seconds: float) -> None:
        """At the end: what is left is sent, if the core takes it in time."""
        with self._lock:
            data = b"".join([*self._backlog, *self._parts])
            self._parts.clear()
            self._backlog.clear()
            self.backlog_bytes = 0
            if data and not self.broken:
                try:
                    self._sock.settimeout(seconds)
                    self._sock.sendall(data)
                except OSError:
                    self.broken = True

    def part(self) -> None:
        """In a copy of the process: nothing leaves by this any more, and whoever held the lock is not there."""
        self._lock = allocate_lock()
        self._parts.clear()
        self._break()


def _nothing() -> None:
    """Until a function is served."""

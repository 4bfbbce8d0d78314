# Hot path: everything that leaves the process.
"""Frames on their way out: what is written in a turn of the loop leaves in one send."""

from _thread import allocate_lock, get_ident

# Log lines beyond that are dropped: a core that does not read must not fill the instance.
LOG_BACKLOG_BYTES = 4 * 1024 * 1024


class Writer:
    """`extend((bytes, …))` takes whole frames, from any thread: one call is one piece, never mixed with another's."""

    def __init__(self, sock):
        self._sock = sock
        self.descriptor = sock.fileno()
        self._parts: list[bytes] = []
        self.extend = self._parts.extend
        self._lock = allocate_lock()
        self._backlog = b""
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

    @property
    def backlog_bytes(self) -> int:
        return len(self._backlog)

    def written(self) -> None:
        """What was extended leaves: at the end of the loop's turn, or at once where there is no turn."""
        if self._loop is None or get_ident() != self._thread:
            self.flush()
        elif not self.scheduled:
            self.scheduled = True
            self._loop.call_soon(self._flush_turn)

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
                if self._backlog:
                    self._backlog += data
                elif data:
                    self._send(data)
            finally:
                lock.release()

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
            # The core is gone: whoever reads finds out.
            self.broken = True
            self._backlog = b""
            return
        if sent < len(data):
            self._backlog = data[sent:]
            if not self._watching:
                self._watching = True
                self._loop.call_soon_threadsafe(self._loop.add_writer, self._sock, self._writable)

    def _writable(self) -> None:
        with self._lock:
            data, self._backlog = self._backlog, b""
            self._send(data)
            if not self._backlog:
                self._watching = False
                self._loop.remove_writer(self._sock)
        self.flush()

    def drain(self, seconds: float) -> None:
        """At the end: what is left is sent, if the core takes it in time."""
        with self._lock:
            data = self._backlog + b"".join(self._parts)
            self._parts.clear()
            self._backlog = b""
            if data and not self.broken:
                try:
                    self._sock.settimeout(seconds)
                    self._sock.sendall(data)
                except OSError:
                    self.broken = True


def _nothing() -> None:
    """Until a function is served."""

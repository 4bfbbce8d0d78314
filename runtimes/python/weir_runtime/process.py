"""The life of the process: greeted, loaded, serving, ending."""

import asyncio
import gc
import os
import select
import signal
import socket
import sys
from time import perf_counter

from . import ending, load, services
from .context import serve_with
from .frames import BETWEEN, FrameReader, ProtocolError, goodbye, loaded
from .limits import MOST_THREADS, READ_BYTES, THREADS
from .logs import Logs, TaggedText, capture
from .loop import InvocationLoop, measure_anyio, measure_callbacks
from .meter import LoopMeter
from .pool import Pool
from .session import Session
from .warm import warm_steps
from .writer import Writer


def run(descriptor: int) -> None:
    sock = socket.socket(fileno=descriptor)
    writer = Writer(sock)
    session = Session(writer)
    code = 0
    try:
        if _await_load(sock, session):
            _serve(sock, session, Logs(writer))
    except ProtocolError as error:
        writer.extend((goodbye(error.code, str(error)),))
        code = 1
    writer.drain(0.2)
    ending.leave(code)


def _await_load(sock, session: Session) -> bool:
    """Greeted, and then any time until LOAD: a stem, which makes itself ready meanwhile. False: no LOAD."""
    signal.signal(signal.SIGTERM, ending.leave_early)
    steps = warm_steps()
    while session.load_order is None:
        # What is imported ahead is in nobody's way: between two modules LOAD is looked for.
        if steps is not None and not select.select([sock], [], [], 0)[0]:
            if next(steps, None) is None:
                steps = None
            continue
        data = sock.recv(READ_BYTES)
        if not data or session.goodbye is not None:
            return False
        session.reader.feed(data)
        session.writer.flush()
    return True


def _serve(sock, session: Session, logs: Logs) -> None:
    loop = InvocationLoop()
    asyncio.set_event_loop(loop)
    capture(logs)
    os.register_at_fork(after_in_child=lambda: _part(session))
    ends = ending.Ending(session, loop, logs)
    reading = _Reading(sock, session, loop, ends)
    session.asks.block_with(reading.blocked)
    services.serve_with(session, logs)
    began = perf_counter()
    try:
        service = _load(session, loop, logs, ends)
    except BaseException as error:
        message = ending.told(error)
        ends.listen()
        session.writer.extend((loaded({"ok": False, "code": "FUNCTION_LOAD_FAILED", "message": message}),))
    else:
        session.service = service
        measure_anyio()
        # What was loaded stays: the collector need not look at it again and again.
        gc.freeze()
        init_ms = round((perf_counter() - began) * 1000, 3)
        session.writer.extend((loaded({"ok": True, "initMs": init_ms}),))
    gc.enable()
    session.writer.flush()
    session.writer.serve_from(loop)
    session.asks.serve_from(loop)
    reading.start()
    ends.run_loop()


_parted = False


def _part(session: Session) -> None:
    """A copy of this process has no business with the core: what it prints goes to the descriptors.

    Nor with its signals: what asyncio has set for SIGTERM would tell this process's loop of the copy's.
    """
    global _parted
    for stream in (sys.__stdout__, sys.__stderr__):
        if isinstance(stream, TaggedText):
            stream.part()
    if _parted:
        # A copy's copy: the descriptor is somebody else's by now.
        return
    _parted = True
    session.asks.part()
    session.writer.part()
    os.close(session.writer.descriptor)
    ending.part()


def _load(session: Session, loop, logs: Logs, ends):
    """User code, outside of a running loop: `asyncio.run()` in a module works, as on the hosted platform."""
    order = session.load_order
    if order["launch"] != "python":
        raise ValueError(f"This runtime does not launch {order['launch']!r}.")
    load.prepare(order)
    # Modules make much that stays, and little that goes.
    gc.disable()
    meter = LoopMeter()
    measure_callbacks(loop, meter)
    most = order.get("maxConcurrency")
    pool = Pool(THREADS if most is None else max(1, min(int(most), MOST_THREADS)))
    from .background import Background

    # Threads of its own: work after answers does not take those of the invocations.
    background = Background(session.writer, loop, Pool(THREADS), logs)
    serve_with(background)
    module = load.load_entry(order["root"], order["entry"])
    ends.listen()
    from .detect import detect

    kind, app = detect(module, order["entry"], order.get("eventExport"))
    shared = (session, loop, meter, logs, pool, background)
    if kind == "asgi":
        from .lifespan import Lifespan
        from .service import AsgiService

        ends.lifespan = Lifespan(app, logs)
        gc.enable()
        loop.run_until_complete(ends.lifespan.startup())
        return AsgiService(app, ends.lifespan.state, *shared)
    if kind == "wsgi":
        from .wsgi import WsgiService

        return WsgiService(app, *shared)
    from .http_handler import HandlerService

    return HandlerService(app, *shared)


class _Reading:
    """All frames of a read are taken, and what they lead to leaves in one send."""

    def __init__(self, sock, session: Session, loop, ends):
        self._sock = sock
        self._session = session
        self._loop = loop
        self._ends = ends
        self._buffer = bytearray(READ_BYTES)
        self._view = memoryview(self._buffer)
        self._serves = False
        # Something was left by who blocked, and its turn comes.
        self._comes_back = False

    def start(self) -> None:
        self._serves = True
        self._loop.add_reader(self._sock, self.readable)
        # Of what came while user code was loaded and asked.
        self._loop.call_soon(self._take_left)

    def readable(self) -> None:
        reader = self._session.reader
        reader.taken = BETWEEN
        try:
            count = self._sock.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            reader.taken = 0
            return
        except OSError:
            count = 0
        if count == 0:
            self._ends.begin()
            self._ends.cut_off()
            return
        self._feed(bytes(self._view[:count]))

    def blocked(self, seconds: float) -> bool:
        """The loop's thread waits for an answer: what else comes is left for its turn. False: no answer will come."""
        writer, reader = self._session.writer, self._session.reader
        writer.flush()
        if writer.broken or self._ends.failed or reader.taken == BETWEEN:
            return False
        try:
            readable, _, _ = select.select([self._sock], [self._sock] if writer.backlog_bytes else [], [], seconds)
            writer.send_backlog()
            return self._read_answers(reader) if readable else True
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False

    def _read_answers(self, reader: FrameReader) -> bool:
        taken, reader.taken = reader.taken, BETWEEN
        try:
            data = self._sock.recv(READ_BYTES)
        except OSError:
            reader.taken = taken
            raise
        if self._serves and not self._comes_back:
            self._comes_back = True
            self._loop.call_soon(self._take_left)
        try:
            # The end of the connection is seen by the next read too.
            return reader.feed_answers(data, taken) and data != b""
        except ProtocolError as error:
            self._break(error)
            return False

    def _take_left(self) -> None:
        self._comes_back = False
        if self._ends.failed:
            self._end_failed()
        else:
            self._feed(b"")

    def _feed(self, data: bytes) -> None:
        session = self._session
        writer = session.writer
        if session.service is not None:
            session.service.turn_begins()
        writer.scheduled = True
        try:
            session.reader.feed(data)
        except ProtocolError as error:
            self._break(error)
        finally:
            writer.turn_ends()
            writer.scheduled = False
            writer.flush()
        if self._ends.failed:
            self._end_failed()

    def _break(self, error: ProtocolError) -> None:
        self._session.writer.extend((goodbye(error.code, str(error)),))
        self._ends.failed = True

    def _end_failed(self) -> None:
        self._ends.begin()
        self._ends.cut_off()


if sys.version_info < (3, 11):
    raise SystemExit("Weir's Python runtime needs Python 3.11 or later.")

"""The end: SIGTERM's handlers, the lifespan's shutdown, atexit; and exit 0, in time whatever hangs."""

import asyncio
import os
import signal
import sys
from _thread import start_new_thread
from time import sleep

from .limits import EXIT_S, SHUTDOWN_S, SIGTERM_FOLLOWS_S
from .tracebacks import user_traceback


def leave(code: int) -> None:
    """Out of the process, with what user code registered by atexit. Threads that hang do not keep it."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    raise SystemExit(code)


_left_early = False
# A loop hears of SIGTERM.
_listens = False
# This is a copy of the process.
_parted = False


def leave_early(*_) -> None:
    """SIGTERM before there is a loop to end: nobody waits for what is being loaded.

    User code's handlers may call it later, as the one that was there before theirs.
    """
    global _left_early
    if _parted:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        return
    if _listens:
        return
    _left_early = True
    raise SystemExit(0)


def part() -> None:
    """In a copy of the process: SIGTERM is the copy's alone, and ends it unless user code has a handler."""
    global _parted
    _parted = True
    signal.set_wakeup_fd(-1)
    handler = signal.getsignal(signal.SIGTERM)
    if handler is leave_early or str(getattr(handler, "__module__", "")).startswith("asyncio."):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def told(error: BaseException) -> str:
    """Why loading has failed, for whoever reads the log."""
    if _left_early:
        raise error
    from .detect import NothingToServe
    from .lifespan import StartupFailed

    if isinstance(error, (NothingToServe, StartupFailed)):
        return str(error)
    return user_traceback(error)


class Ending:
    def __init__(self, session, loop, logs):
        self._session = session
        self._loop = loop
        self._logs = logs
        self.lifespan = None
        self.failed = False
        self._began = False
        self._signalled = False
        self._waits = None
        session.on_goodbye = self.begin

    def listen(self) -> None:
        """From here on SIGTERM is an end in order. Handlers that user code has set, or will set, run as well.

        They take the place of the process's handler, not of this one: the loop hears of every signal by its descriptor.
        """
        global _listens
        users = signal.getsignal(signal.SIGTERM)
        self._loop.add_signal_handler(signal.SIGTERM, self._sigterm)
        _listens = True
        if users is not leave_early:
            signal.signal(signal.SIGTERM, users)

    def _sigterm(self) -> None:
        self._signalled = True
        self.begin()
        if self._waits is not None:
            self._waits.cancel()
            self._loop.stop()

    def begin(self) -> None:
        """GOODBYE, or SIGTERM without it: the first starts the clock. SIGTERM's handlers are waited for a little."""
        if self._began:
            return
        self._began = True
        # After GOODBYE the core reads no more frames, but what is written to the descriptors.
        self._logs.direct = self._session.goodbye is not None
        start_new_thread(self._give_up, ())
        if self._signalled:
            self._loop.stop()
        else:
            self._waits = self._loop.call_later(SIGTERM_FOLLOWS_S, self._loop.stop)

    def cut_off(self) -> None:
        """The core is gone; only where it said so SIGTERM follows."""
        self._loop.remove_reader(self._session.writer.descriptor)
        self._session.writer.broken = True
        self._session.asks.close("the connection to the platform has ended")
        if self._session.goodbye is None:
            self._loop.stop()

    def _give_up(self) -> None:
        sleep(EXIT_S)
        self._session.writer.drain(0.02)
        os._exit(1 if self.failed else 0)

    def run_loop(self) -> None:
        """Until the end has begun, and what user code has for it is done."""
        while not self._began:
            self._loop.run_forever()
        if self.lifespan is not None:
            try:
                self._loop.run_until_complete(asyncio.wait_for(self.lifespan.shutdown(), SHUTDOWN_S))
            except BaseException as error:
                if not isinstance(error, asyncio.TimeoutError):
                    self._logs.error(user_traceback(error))
        self._session.writer.flush()
        # There is no turn any more at whose end lines would leave.
        self._logs.direct = True
        if self.failed:
            self._session.writer.drain(0.1)
            leave(1)

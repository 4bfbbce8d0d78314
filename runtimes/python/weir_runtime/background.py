"""Work after the answer, as the core counts it: what wait_until was told of, and handlers that go on."""

import asyncio
from _thread import allocate_lock, get_ident

from . import frames
from .tracebacks import user_traceback


class Background:
    def __init__(self, writer, loop, pool, logs):
        self._writer = writer
        self._loop = loop
        self._pool = pool
        self._logs = logs
        self._lock = allocate_lock()
        self._thread = get_ident()
        self._outstanding = 0
        self._tasks: set = set()

    @property
    def outstanding(self) -> int:
        return self._outstanding

    def change(self, delta: int) -> None:
        """The core is told in the same send as the answer, or before it."""
        with self._lock:
            self._outstanding += delta
            self._writer.extend((frames.background(self._outstanding),))
        self._writer.written()

    def begin(self, work, context) -> None:
        self.change(1)
        if hasattr(work, "__await__"):
            self._await(work, context)
        else:
            self._pool.submit(lambda: context.run(self._call, work, context.copy()))

    def _await(self, work, context) -> None:
        if get_ident() == self._thread:
            context.run(self._start, work)
        else:
            self._loop.call_soon_threadsafe(self._start, work, context=context)

    def _start(self, work) -> None:
        try:
            task = self._loop.create_task(_awaited(work))
        except BaseException as error:
            self._end(error)
            return
        # The loop refers to tasks weakly.
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            self._end(asyncio.CancelledError())
        else:
            self._end(task.exception())

    def _call(self, work, context) -> None:
        try:
            result = work()
        except BaseException as error:
            self._end(error)
            return
        if hasattr(result, "__await__"):
            self._await(result, context)
        else:
            self._end(None)

    def _end(self, error) -> None:
        if error is not None:
            self._logs.error("Work that wait_until was told of has failed.\n" + user_traceback(error))
        self.change(-1)


async def _awaited(work):
    """Any awaitable as a coroutine. SystemExit is this work's failure, not the loop's end."""
    try:
        await work
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"{type(error).__name__} in background work") from error

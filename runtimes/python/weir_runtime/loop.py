# Hot path: each callback of the loop that belongs to an invocation.
"""The event loop that user code runs on: asyncio's own, with invocations started at once, and measured."""

import asyncio
import contextvars
import importlib
import sys
from asyncio import events
from concurrent.futures import ThreadPoolExecutor
from time import thread_time_ns

from .context import current


class InvocationLoop(asyncio.SelectorEventLoop):
    """What an invocation hands to a thread keeps its context, so that its lines and its CPU are the invocation's."""

    def run_in_executor(self, executor, func, *args):
        call = current.get()
        if call is not None and (executor is None or isinstance(executor, ThreadPoolExecutor)):
            context = contextvars.copy_context()
            return super().run_in_executor(executor, _on_thread, call, context.run, func, *args)
        return super().run_in_executor(executor, func, *args)


def _on_thread(call, run, func, *args):
    began = thread_time_ns()
    try:
        return run(func, *args)
    finally:
        call.used_elsewhere(thread_time_ns() - began)


def measure_callbacks(loop, meter) -> None:
    """Every callback is charged to the invocation in whose context it runs: steps of its tasks, timers, all of them.

    In one place, Handle._run, because wrapping coroutines would show to whoever looks at tasks (anyio does). An
    invocation's SystemExit ends the invocation, not the loop.
    """
    enter, leave = meter.enter, meter.leave
    plain_run = events.Handle._run

    def run(self):
        if self._loop is not loop:
            # Of a loop that user code runs on a thread.
            plain_run(self)
            return
        call = self._context.get(current)
        if call is None:
            try:
                plain_run(self)
            except (SystemExit, KeyboardInterrupt) as error:
                _tell(self, error)
            return
        enter(call)
        try:
            self._context.run(self._callback, *self._args)
        except BaseException as error:
            _tell(self, error)
        if call.began:
            leave(call)
        self = None

    events.Handle._run = run


def _tell(handle, error: BaseException) -> None:
    told = {"message": f"Exception in a callback of the event loop: {error!r}", "exception": error, "handle": handle}
    handle._context.run(handle._loop.call_exception_handler, told)


if sys.version_info >= (3, 12):

    def start_task(loop, coroutine, context, name: str):
        """Runs the task's first step at once: most answers are made in it, and leave in the same turn."""
        return asyncio.Task(coroutine, loop=loop, name=name, context=context, eager_start=True)

else:

    class _Captured:
        """What Task asks its loop to call soon, once."""

        __slots__ = ("step",)

        def call_soon(self, step, *, context=None):
            self.step = step

    _captured = _Captured()

    def start_task(loop, coroutine, context, name: str):
        """The same by hand. No user code runs while the loop's call_soon is another one."""
        loop.call_soon = _captured.call_soon
        try:
            task = asyncio.Task(coroutine, loop=loop, name=name, context=context)
        finally:
            del loop.call_soon
        context.run(_captured.step)
        return task


def measure_anyio() -> None:
    """Starlette and FastAPI run what is not async on anyio's threads: measured too, where anyio is as known."""
    if "anyio" not in sys.modules:
        return
    try:
        # anyio imports it with its first use, which is too late.
        backend = importlib.import_module("anyio._backends._asyncio")
    except Exception:
        return
    try:
        plain = backend.AsyncIOBackend.run_sync_in_worker_thread.__func__
    except AttributeError:
        return

    def run_sync_in_worker_thread(cls, func, args, *rest, **named):
        call = current.get()
        if call is not None:
            args = (call, _plain_call, func, *args)
            func = _on_thread
        return plain(cls, func, args, *rest, **named)

    backend.AsyncIOBackend.run_sync_in_worker_thread = classmethod(run_sync_in_worker_thread)


def _plain_call(func, *args):
    return func(*args)

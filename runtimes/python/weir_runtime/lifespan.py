"""ASGI's lifespan: what an application does before its first request and after its last."""

import asyncio

from .tracebacks import user_traceback


class StartupFailed(Exception):
    """The application said that it cannot start, and why."""


class Lifespan:
    def __init__(self, app, logs):
        self._app = app
        self._logs = logs
        self.state: dict = {}
        self._events: asyncio.Queue = asyncio.Queue()
        self._started = asyncio.Event()
        self._ended = asyncio.Event()
        self._supported = True
        self._received = False
        self._failure: str | None = None
        self._task: asyncio.Task | None = None

    async def startup(self) -> None:
        """Raises StartupFailed. An application that knows no lifespan raises in it, and is served without."""
        self._events.put_nowait({"type": "lifespan.startup"})
        self._task = asyncio.ensure_future(self._run())
        await self._started.wait()
        if self._failure is not None:
            raise StartupFailed(self._failure)

    async def shutdown(self) -> None:
        if self._supported and self._task is not None and not self._task.done():
            self._events.put_nowait({"type": "lifespan.shutdown"})
            await self._ended.wait()

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._app(scope, self._receive, self._send)
        except BaseException as error:
            self._supported = False
            if isinstance(error, (SystemExit, KeyboardInterrupt)) and not self._started.is_set():
                self._failure = self._failure or user_traceback(error)
            elif self._failure is None and (self._started.is_set() or self._received):
                # Who raises at once knows no lifespan. Who asked what there is may have had another reason: it is
                # served all the same, as by every ASGI server, but not in silence.
                self._logs.error("The application's lifespan has failed.\n" + user_traceback(error))
        finally:
            self._started.set()
            self._ended.set()

    async def _receive(self) -> dict:
        self._received = True
        return await self._events.get()

    async def _send(self, message: dict) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self._started.set()
        elif kind == "lifespan.startup.failed":
            self._failure = message.get("message") or "The application's startup has failed."
            self._started.set()
        elif kind == "lifespan.shutdown.complete":
            self._ended.set()
        elif kind == "lifespan.shutdown.failed":
            self._logs.error(message.get("message") or "The application's shutdown has failed.")
            self._ended.set()
        else:
            raise RuntimeError(f"Unexpected ASGI message '{kind}' in the lifespan.")

# Hot path: how invocations begin.
"""The function that this instance serves: its invocations, what they share, and how one begins."""

import contextvars
import time

from .call import WAITING
from .context import current
from .limits import FLUSH_AFTER_NS, GOING_ON_S, HEAD_WAITS_S


class Service:
    """What all kinds of functions have in common. `begin` is the kind's own."""

    def __init__(self, session, loop, meter, logs, pool, background):
        self.writer = session.writer
        self.window_bytes = session.window_bytes
        self.loop = loop
        self.meter = meter
        self.logs = logs
        self.pool = pool
        self.background = background
        self.calls: dict = {}
        # Lines without an end, of tasks that have outlived their invocation.
        self.stray_lines: dict = {}

    def begin(self, stream: int, flags: int, left_ms: int, request: tuple) -> None:
        raise NotImplementedError

    def turn_begins(self) -> None:
        """A read begins."""


class AsgiService(Service):
    def __init__(self, app, state: dict, *shared):
        super().__init__(*shared)
        from .asgi import HttpCall
        from .loop import start_task
        from .scope import asgi_scope

        self.app = app
        self.state = state
        self.answered: list = []
        # The clock of what waits for time to pass.
        self.later = self.loop.call_later
        # What user code set while it was loaded is what its invocations find.
        self._context = contextvars.copy_context()
        self._call = HttpCall
        self._scope = asgi_scope
        self._start = start_task
        self._turn_began = 0
        self._going: list = []
        self._looking = False
        # Calls whose answer has begun, and whose head has not left.
        self._heads: list = []
        self.writer.turn_ends = self._note_going_on

    def begin(self, stream, flags, left_ms, request) -> None:
        scope = self._scope(request, self.state)
        invocation_id = request[0].decode("ascii")
        deadline_s = time.time() + left_ms / 1000
        if flags & 2 and _asks_for_websocket(scope):
            from .asgi_websocket import WebSocketCall

            call = WebSocketCall(self, stream, invocation_id, deadline_s, scope)
        else:
            call = self._call(self, stream, invocation_id, deadline_s, scope, not flags & 1)
        self.calls[stream] = call
        context = self._context.copy()
        context.run(current.set, call)
        meter = self.meter
        meter.enter(call)
        began = call.began
        task = self._start(self.loop, call.run(), context, invocation_id)
        if not call.returned:
            call.task = task
            if call.status and call.answer == WAITING:
                self.head_waits(call)
        now = meter.leave(call) if call.began else began
        if now - self._turn_began > FLUSH_AFTER_NS:
            # Answers do not wait for the work of those behind them.
            self._note_going_on()
            self.writer.flush()
            self._turn_began = now

    def head_waits(self, call) -> None:
        """Its task goes on before it has said what is in the body, or whether there is any."""
        self._heads.append(call)
        if len(self._heads) == 1:
            self.loop.call_later(HEAD_WAITS_S, self._send_heads, context=self._context)

    def _send_heads(self) -> None:
        heads, self._heads = self._heads, []
        for call in heads:
            if call.answer == WAITING and not call.returned:
                call.head(call.status, call.flat)

    def turn_begins(self) -> None:
        self._turn_began = time.perf_counter_ns()

    def _note_going_on(self) -> None:
        """Handlers that go on after a complete answer keep the instance, as background work does.

        Many need a turn or two to return (middleware does): of those the core hears nothing.
        """
        answered = self.answered
        if answered:
            self._going += [call for call in answered if not call.returned]
            answered.clear()
            if self._going and not self._looking:
                self._looking = True
                self.loop.call_later(GOING_ON_S, self._count_going_on)

    def _count_going_on(self) -> None:
        self._looking = False
        going, self._going = self._going, []
        for call in going:
            if not call.returned:
                call.counted = True
                self.background.change(1)


def _asks_for_websocket(scope: dict) -> bool:
    for name, value in scope["headers"]:
        if name == b"upgrade":
            return value.strip().lower() == b"websocket"
    return False

"""Pings of idle WebSockets, by a clock that the test holds."""

import asyncio
import unittest

from weir_runtime import frames, scope
from weir_runtime import websocket_codec as codec
from weir_runtime.asgi_websocket import WebSocketCall
from weir_runtime.head import Names

from .test_call import Alone
from .test_websocket import ASKING, masked, sent_frames

STREAM = 1 << 16


class Clock:
    """Timers, which go off when the test says so."""

    def __init__(self):
        self.timers = []

    def later(self, seconds, callback):
        timer = Timer(seconds, callback, self)
        self.timers.append(timer)
        return timer

    def passes(self) -> float:
        """What is next happens. After how long."""
        (timer,) = self.timers
        self.timers.clear()
        timer.callback()
        return timer.seconds


class Timer:
    def __init__(self, seconds, callback, clock):
        self.seconds, self.callback, self._clock = seconds, callback, clock

    def cancel(self):
        if self in self._clock.timers:
            self._clock.timers.remove(self)


class Logs:
    def error_of(self, call, text):
        raise AssertionError(text)


class Pinged(unittest.IsolatedAsyncioTestCase):
    async def opened(self, window_bytes: int = 1 << 20):
        """A socket that is open, whose application takes messages as it is told."""
        service = Alone()
        service.window_bytes, service.loop = window_bytes, asyncio.get_running_loop()
        service.logs, service.answered = Logs(), []
        self.clock = Clock()
        service.later = self.clock.later
        self.takes = asyncio.Semaphore(0)
        self.taken = []
        self.sends = asyncio.Queue()

        async def app(scope, receive, send):
            await receive()
            await send({"type": "websocket.accept"})
            sending = asyncio.ensure_future(self.send_all(send))
            while not self.taken or self.taken[-1]["type"] != "websocket.disconnect":
                await self.takes.acquire()
                self.taken.append(await receive())
            sending.cancel()

        service.app = app
        names = [name.encode() for name, _ in ASKING]
        request = (b"i", b"GET", b"/", Names(names), [value.encode() for _, value in ASKING])
        call = WebSocketCall(service, STREAM, "i", 0, scope.asgi_scope(request, {}))
        call.cpu_us = lambda: 0
        service.calls[STREAM] = call
        self.running = call.task = asyncio.ensure_future(call.run())
        while not self.clock.timers:
            await asyncio.sleep(0)
        return call

    async def leaves(self, call):
        call.take_cancel(0)
        self.takes.release()
        await self.running

    async def send_all(self, send):
        while True:
            await send({"type": "websocket.send", "bytes": await self.sends.get()})

    def heard(self, call):
        """What the client was sent, frame by frame."""
        data = b""
        for part in call.writer.frames:
            data += part
        body, at = b"", 0
        while at < len(data):
            end = at + 8 + int.from_bytes(data[at : at + 3], "big")
            if data[at + 3] == frames.BODY:
                body += data[at + 8 : end]
            at = end
        return sent_frames(body)

    def has_ended(self, call) -> bool:
        return frames.body_end(STREAM, 0) in call.writer.frames

    async def test_one_every_twenty_seconds_as_long_as_it_is_answered(self):
        call = await self.opened()
        for count in range(1, 4):
            self.assertEqual(self.clock.passes(), 20)
            self.assertEqual(self.heard(call), [(codec.PING, b"")] * count)
            call.take_body(masked(codec.PONG, b""))
        self.assertFalse(self.has_ended(call))
        await self.leaves(call)

    async def test_who_does_not_answer_is_gone(self):
        call = await self.opened()
        self.clock.passes()
        self.assertEqual(self.clock.passes(), 20)
        told = (1011).to_bytes(2, "big") + b"keepalive ping timeout"
        self.assertEqual(self.heard(call), [(codec.PING, b""), (codec.CLOSE, told)])
        self.assertEqual(self.clock.timers, [])
        self.takes.release()
        await self.running
        gone = {"type": "websocket.disconnect", "code": 1006, "reason": "keepalive ping timeout"}
        self.assertEqual(self.taken, [gone])
        self.assertTrue(self.has_ended(call))

    async def test_who_sends_or_takes_something_is_there(self):
        call = await self.opened()
        self.clock.passes()
        call.take_body(masked(codec.BINARY, b"x" * 10)[:4])
        self.clock.passes()
        call.take_credit(1)
        self.clock.passes()
        self.assertEqual(self.heard(call), [(codec.PING, b"")] * 3)
        await self.leaves(call)

    async def test_a_pong_may_be_behind_what_the_application_does_not_take(self):
        call = await self.opened()
        call.take_body(masked(codec.BINARY, b"x"))
        for _ in range(3):
            self.clock.passes()
        self.assertFalse(self.has_ended(call))
        self.takes.release()
        while not self.taken:
            await asyncio.sleep(0)
        self.clock.passes()
        self.assertEqual(self.heard(call)[-1][0], codec.CLOSE)
        self.takes.release()
        await self.running

    async def test_what_waits_for_credit_is_not_pinged_behind_and_goes_with_the_socket(self):
        call = await self.opened(window_bytes=100)
        self.clock.passes()
        call.take_body(masked(codec.PONG, b""))
        self.sends.put_nowait(b"x" * 200)
        while not call.outgoing:
            await asyncio.sleep(0)
        # None leaves, so none is missed.
        for _ in range(3):
            self.clock.passes()
        self.assertEqual(self.heard(call), [(codec.PING, b"")])
        self.assertFalse(self.has_ended(call))
        call.take_credit(1000)
        self.clock.passes()
        self.sends.put_nowait(b"x" * 2000)
        while not call.outgoing:
            await asyncio.sleep(0)
        self.clock.passes()
        self.assertTrue(self.has_ended(call))
        self.takes.release()
        await self.running

    async def test_no_timer_outlives_its_socket(self):
        ends = {
            "the client leaves": lambda call: call.take_cancel(0),
            "the client closes": lambda call: call.take_body(masked(codec.CLOSE, b"")),
            "a bad frame": lambda call: call.take_body(b"\x81\x05hello"),
            "the client's side ends": lambda call: call.got_body_end(),
        }
        for name, end in ends.items():
            with self.subTest(name):
                call = await self.opened()
                end(call)
                self.assertEqual(self.clock.timers, [])
                self.takes.release()
                await self.running


if __name__ == "__main__":
    unittest.main()

"""HTTP invocations of ASGI applications."""

import unittest

from weir_runtime import frames

from .core import NO_BODY, RuntimeCase

SCOPE = """
    import json
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            raise RuntimeError("unknown")
        told = {key: repr(scope[key]) for key in scope}
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})
"""

# What the tests of one process ask for, by path.
MANY = """
    import asyncio
    waiting = 0
    gate = asyncio.Event()
    told = []

    async def answer(send, body=b"", status=200, headers=()):
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": body})

    async def app(scope, receive, send):
        assert scope["type"] == "http", "no lifespan"
        await globals()[scope["path"][1:]](scope, receive, send)

    async def wait(scope, receive, send):
        global waiting
        waiting += 1
        if waiting == 300:
            gate.set()
        await gate.wait()
        await answer(send, str(waiting).encode())

    async def sleep(scope, receive, send):
        await asyncio.sleep(1)
        await answer(send, b"slept")

    async def echo(scope, receive, send):
        await send({"type": "http.response.start", "status": 201})
        while True:
            message = await receive()
            await send({"type": "http.response.body", "body": message["body"], "more_body": message["more_body"]})
            if not message["more_body"]:
                return

    async def whole(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        await answer(send, str(len(body)).encode())

    async def large(scope, receive, send):
        await answer(send, b"x" * 3_000_000)

    async def unread(scope, receive, send):
        await gate_of(scope).wait()
        await answer(send, b"late")

    def gate_of(scope):
        return gate

    async def disconnect(scope, receive, send):
        assert (await receive())["type"] == "http.request"
        told.append((await receive())["type"])
        try:
            await answer(send, b"nobody")
        except OSError as error:
            told.append(type(error).__name__)

    async def two(scope, receive, send):
        first, second = await asyncio.gather(disconnected(receive), disconnected(receive))
        told.append(first + second)

    async def disconnected(receive):
        while True:
            kind = (await receive())["type"]
            if kind == "http.disconnect":
                return kind

    async def stubborn(scope, receive, send):
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    async def tell(scope, receive, send):
        await answer(send, repr(told).encode())

    async def raises(scope, receive, send):
        raise ValueError("a secret")

    async def exits(scope, receive, send):
        raise SystemExit(3)

    async def exits_in_task(scope, receive, send):
        async def leave():
            raise SystemExit(4)
        task = asyncio.create_task(leave())
        try:
            await task
        finally:
            await answer(send, b"on")

    async def raises_later(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        raise KeyError("x")

    async def silent(scope, receive, send):
        pass

    async def half(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})

    async def double(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.start", "status": 200})

    async def after(scope, receive, send):
        await answer(send, b"ok")
        await answer(send, b"again")

    async def short(scope, receive, send):
        await answer(send, b"abc", headers=[(b"content-length", b"5")])

    async def long(scope, receive, send):
        await answer(send, b"abc", headers=[(b"content-length", b"2")])

    async def smuggles(scope, receive, send):
        await answer(send, b"abc", headers=[(b"x", b"a\\nset-cookie\\nb")])

    async def hints(scope, receive, send):
        await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]})
        await send({"type": "http.response.start", "status": 200, "trailers": True})
        await send({"type": "http.response.body", "body": b"ok"})
        await send({"type": "http.response.trailers", "headers": []})

    async def callback(scope, receive, send):
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
        await answer(send, b"on")

    async def computes(scope, receive, send):
        import time
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass
        await answer(send)

    async def blocks(scope, receive, send):
        import time
        time.sleep(0.2)
        await answer(send)

    async def in_thread(scope, receive, send):
        import time
        def work():
            end = time.thread_time() + 0.05
            while time.thread_time() < end:
                pass
        await asyncio.to_thread(work)
        await answer(send)
"""


class Scope(RuntimeCase):
    def test_scope_is_complete(self):
        core = self.serve(SCOPE)
        told = core.get("/a%20b/%C3%A4?x=1&y=%20", headers=[("X-Twice", "1"), ("x-twice", "2")]).json
        self.assertEqual(told["type"], "'http'")
        self.assertEqual(told["asgi"], "{'version': '3.0', 'spec_version': '2.4'}")
        self.assertEqual((told["method"], told["scheme"], told["http_version"]), ("'GET'", "'https'", "'1.1'"))
        self.assertEqual((told["path"], told["raw_path"]), ("'/a b/ä'", "b'/a%20b/%C3%A4'"))
        self.assertEqual((told["query_string"], told["root_path"]), ("b'x=1&y=%20'", "''"))
        self.assertEqual((told["client"], told["server"]), ("('10.1.2.3', 0)", "('example.com', 443)"))
        self.assertIn("(b'x-twice', b'1'), (b'x-twice', b'2')", told["headers"])
        self.assertEqual(told["state"], "{}")

    def test_an_absolute_target_and_head(self):
        core = self.serve(SCOPE)
        self.assertEqual(core.get("http://example.com/p?q").json["raw_path"], "b'/p'")
        answer = core.get("/", method="HEAD")
        self.assertEqual((answer.status, answer.body), (200, b""))


class Http(RuntimeCase):
    @classmethod
    def setUpClass(cls):
        # One process for all: what one invocation does may not trouble another.
        case = cls()
        cls.core = case.serve(MANY)
        cls.addClassCleanup(case.doCleanups)


    def test_three_hundred_wait_for_each_other(self):
        answers = [self.core.request("/wait") for _ in range(300)]
        for answer in answers:
            self.assertEqual(self.core.wait(answer).text, "300")

    def test_three_hundred_sleep_at_once(self):
        import time

        began = time.monotonic()
        answers = [self.core.request("/sleep") for _ in range(300)]
        for answer in answers:
            self.assertEqual(self.core.wait(answer).text, "slept")
        self.assertLess(time.monotonic() - began, 30)

    def test_bodies_stream_both_ways(self):
        answer = self.core.request("/echo", method="POST", flags=0)
        for piece in (b"one", b"two", b"three"):
            self.core.send(frames.BODY, answer.stream, piece)
            self.core.until(lambda piece=piece: answer.body.endswith(piece))
            self.assertFalse(answer.ended)
        self.core.send(frames.BODY_END, answer.stream)
        self.core.wait(answer)
        self.assertEqual((answer.status, answer.body), (201, b"onetwothree"))

    def test_a_sender_stops_when_its_credit_is_used_up(self):
        answer = self.core.request("/large")
        self.core.until(lambda: len(answer.body) == 262144)
        self.core.ping()
        self.assertEqual((len(answer.body), answer.ended), (262144, False))
        for had in (262_144, 1_262_144):
            self.core.send(frames.CREDIT, answer.stream, (1_000_000).to_bytes(4, "big"))
            self.core.until(lambda had=had: len(answer.body) == had + 1_000_000)
        self.core.send(frames.CREDIT, answer.stream, (1_000_000).to_bytes(4, "big"))
        self.core.wait(answer)
        self.assertEqual(answer.body, b"x" * 3_000_000)

    def test_credit_is_given_for_what_is_taken_alone(self):
        answer = self.core.request("/whole", method="POST", flags=0)
        sent = 0
        while sent < 1_000_000:
            count = min(262144 + answer.credit - sent, 100_000)
            if count <= 0:
                self.core.until(lambda: 262144 + answer.credit > sent)
                continue
            self.core.send(frames.BODY, answer.stream, b"y" * count)
            sent += count
        self.core.send(frames.BODY_END, answer.stream)
        self.assertEqual(self.core.wait(answer).text, str(sent))
        idle = self.core.request("/stubborn", method="POST", flags=0)
        self.core.send(frames.BODY, idle.stream, b"z" * 262144)
        self.core.ping()
        self.assertEqual(idle.credit, 0)
        self.core.send(frames.CANCEL, idle.stream, b"\1")
        self.core.until(lambda: idle.returned)

    def test_a_client_that_leaves(self):
        answer = self.core.request("/disconnect")
        self.core.ping()
        self.core.send(frames.CANCEL, answer.stream, b"\0")
        self.core.until(lambda: answer.returned)
        self.assertEqual((answer.status, answer.ended), (None, False))
        told = self.core.get("/tell").text
        self.assertIn("'http.disconnect', 'ClientDisconnected'", told)
        self.assertEqual(answer.logs, [])

    def test_all_who_wait_hear_of_it(self):
        answer = self.core.request("/two")
        self.core.ping()
        self.core.send(frames.CANCEL, answer.stream, b"\0")
        self.core.until(lambda: answer.returned)
        self.assertIn("http.disconnecthttp.disconnect", self.core.get("/tell").text)

    def test_whose_time_is_up_is_cancelled_after_a_grace(self):
        answer = self.core.request("/stubborn")
        self.core.ping()
        self.core.send(frames.CANCEL, answer.stream, b"\1")
        self.core.until(lambda: answer.returned)
        self.assertIn("cancelled", self.core.get("/tell").text)

    def test_a_cancel_that_crosses_the_end(self):
        answer = self.core.get("/tell")
        self.core.send(frames.CANCEL, answer.stream, b"\0")
        self.core.until(lambda: answer.returned)

    def test_an_error_before_the_answer(self):
        answer = self.core.get("/raises")
        self.assertEqual(answer.failed, ("FUNCTION_INVOCATION_FAILED", "ValueError"))
        (level, source, text) = answer.logs[0]
        self.assertEqual((level, source), (3, 2))
        self.assertIn("ValueError: a secret", text)
        self.assertIn("in raises", text)
        self.assertNotIn("weir_runtime", text)

    def test_system_exit_is_one_invocations_failure(self):
        self.assertEqual(self.core.get("/exits").failed, ("FUNCTION_INVOCATION_FAILED", "SystemExit"))
        self.assertEqual(self.core.get("/exits_in_task").status, 200)
        self.assertEqual(self.core.get("/callback").text, "on")
        self.assertTrue(any("ZeroDivisionError" in text for _, _, _, text in self.core.logs))

    def test_an_error_after_the_head(self):
        answer = self.core.get("/raises_later")
        self.assertEqual((answer.status, answer.body), (200, b"begun"))
        self.assertEqual(answer.failed, ("FUNCTION_INVOCATION_FAILED", "KeyError"))

    def test_answers_out_of_order(self):
        expected = {
            "silent": "returned without starting response",
            "half": "returned without completing response",
            "double": "Expected ASGI message 'http.response.body', but got 'http.response.start'",
            "short": "Response content shorter than Content-Length",
            "long": "Response content longer than Content-Length",
            "smuggles": "The value of the header 'x'",
        }
        for path, told in expected.items():
            with self.subTest(path):
                answer = self.core.get("/" + path)
                self.assertEqual(answer.failed[0], "FUNCTION_INVOCATION_FAILED")
                self.assertIn(told, answer.logs[0][2])
        answer = self.core.get("/after")
        self.core.until(lambda: answer.logs)
        self.assertEqual(answer.text, "ok")
        self.assertIn("after response already completed", answer.logs[0][2])

    def test_early_hints_and_trailers(self):
        answer = self.core.get("/hints")
        self.assertEqual(answer.informed, [(103, [("link", "</a.css>; rel=preload")])])
        self.assertEqual(answer.text, "ok")

    def test_cpu_is_what_ran_not_what_waited(self):
        self.assertGreater(self.core.get("/computes").cpu_us, 45_000)
        self.assertLess(self.core.get("/blocks").cpu_us, 100_000)
        self.assertGreater(self.core.get("/in_thread").cpu_us, 45_000)

    def test_a_request_without_a_body_has_one_message(self):
        answer = self.core.get("/whole", flags=NO_BODY)
        self.assertEqual(answer.text, "0")


if __name__ == "__main__":
    unittest.main()

"""What functions ask of the platform: the golden vectors, from every kind of thread, within bounds, in time."""

import json
import os
import threading
import unittest

from weir_runtime import frames
from weir_runtime.asks import AskFailed, Asks
from weir_runtime.session import Session

from .core import FROM_HERE, RuntimeCase
from .test_vectors import Written

with open(os.path.join(FROM_HERE, "../../../protocol/vectors/runtime.json")) as file:
    vectors = json.load(file)

# A call of user code, as vectors have it, in both kinds; what was made of it.
CALLS = """
    import asyncio, json
    from weir_runtime import AskFailed, get_cache, invalidate_by_tag, dangerously_delete_by_tag, metric
    from weir_runtime import aio

    def options_of(cache):
        names = {"namespaceSeparator": "namespace_separator"}
        return {names.get(name, name): value for name, value in cache.items()}

    def started(order, module):
        given = order["arguments"]
        cache = (aio.get_cache if module is aio else get_cache)(**options_of(order.get("cache", {})))
        if order["do"] == "invalidateByTag":
            return module.invalidate_by_tag(*given)
        if order["do"] == "dangerouslyDeleteByTag":
            seconds = given[1] if len(given) > 1 else None
            return module.dangerously_delete_by_tag(given[0], revalidation_deadline_seconds=seconds)
        return getattr(cache, {"expireTag": "expire_tag"}.get(order["do"], order["do"]))(*given)

    import weir_runtime

    def plain(order):
        try:
            gave = started(order, weir_runtime)
            return {"gave": None if order["do"].endswith("ByTag") else gave}
        except AskFailed as error:
            return {"fails": error.code}

    async def awaited(order):
        try:
            return {"gave": await started(order, aio)}
        except AskFailed as error:
            return {"fails": error.code}
"""

ASGI = CALLS + """
    async def body_of(receive):
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                return json.loads(body)

    async def app(scope, receive, send):
        assert scope["type"] == "http", "no lifespan"
        how, order = scope["path"][1:], await body_of(receive)
        if how == "loop":
            told = plain(order)
        elif how == "thread":
            told = await asyncio.to_thread(plain, order)
        elif how == "own-loop":
            told = await asyncio.to_thread(lambda: asyncio.run(awaited(order)))
        elif how == "many":
            told = await asyncio.gather(*(awaited(order) for _ in range(order["count"])))
        elif how == "metric":
            told = metric(*order["arguments"])
        else:
            told = await awaited(order)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})
"""

WSGI = CALLS + """
    def app(environ, start_response):
        order = json.load(environ["wsgi.input"])
        told = asyncio.run(awaited(order)) if environ["PATH_INFO"] == "/own-loop" else plain(order)
        start_response("200 OK", [])
        return [json.dumps(told).encode()]
"""


class Services(RuntimeCase):
    def vectors_hold(self, core, path: str) -> None:
        for vector in vectors["services"]:
            with self.subTest(vector["name"], path=path):
                core.asked.clear()
                core.answering = lambda fields, body, its=vector: (its["answer"], its.get("answerBody", "").encode())
                answer = core.request(path, "POST", body=json.dumps(vector).encode())
                told = core.wait(answer).json
                core.ping()
                ((_, fields, body),) = core.asked
                self.assertEqual(fields, vector["asked"])
                if "askedBody" in vector:
                    self.assertEqual(json.loads(body), vector["askedBody"])
                if "fails" in vector:
                    self.assertEqual(told, {"fails": vector["fails"]})
                else:
                    self.assertEqual(told, {"gave": vector.get("gives")})
                self.assertEqual(len(answer.logs), 1 if vector.get("warns") else 0, answer.logs)

    def test_from_asgi(self):
        core = self.serve(ASGI)
        for path in ("/awaited", "/loop", "/thread", "/own-loop"):
            self.vectors_hold(core, path)

    def test_from_wsgi(self):
        core = self.serve(WSGI)
        for path in ("/", "/own-loop"):
            self.vectors_hold(core, path)

    def test_metrics(self):
        core = self.serve(ASGI)
        for vector in vectors["metrics"]:
            with self.subTest(vector["name"]):
                core.metrics.clear()
                answer = core.get("/metric", method="POST", body=json.dumps(vector).encode())
                core.ping()
                sent = [{"value": value, **fields} for value, fields in core.metrics]
                self.assertEqual(sent, [vector["sent"]] if vector["sent"] else [])
                self.assertEqual(len(answer.logs), 0 if vector["sent"] else 1)

    def test_thirty_two_at_once_and_the_others_after_them(self):
        core = self.serve(ASGI)
        order = {"do": "get", "arguments": ["k"], "count": 80}
        answer = core.request("/many", "POST", body=json.dumps(order).encode())
        core.until(lambda: len(core.asked) >= 32)
        core.ping()
        self.assertEqual(len(core.asked), 32)
        miss = {"ok": True, "hit": False}
        for number, _, _ in list(core.asked):
            core.answer(number, miss)
        core.answering = lambda fields, body: (miss, b"")
        core.wait(answer)
        self.assertEqual((len(core.asked), answer.json), (80, [{"gave": None}] * 80))

    def test_while_the_loop_blocks_what_else_comes_waits_for_its_turn(self):
        core = self.serve(ASGI)
        blocks = core.request("/loop", "POST", body=json.dumps({"do": "get", "arguments": ["k"]}).encode())
        core.until(lambda: core.asked)
        other = core.request("/metric", "POST", body=b'{"arguments": ["m", 1]}')
        core.send(frames.PING, 0, b"12345678")
        hit = {"ok": True, "hit": True, "tags": []}
        # In two frames.
        value = "x" * 200_000
        core.answer(core.asked[0][0], hit, json.dumps(value).encode(), step=150_000)
        core.wait(blocks)
        self.assertEqual(blocks.json, {"gave": value})
        core.wait(other)
        core.until(lambda: core.pongs)
        self.assertEqual(core.metrics, [(1, {"name": "m", "attributes": {}})])

    def test_a_large_value_leaves_while_the_loop_blocks(self):
        core = self.serve(ASGI)
        core.answering = lambda fields, body: ({"ok": True}, b"")
        order = {"do": "set", "arguments": ["k", ["x" * 1000] * 2000]}
        answer = core.request("/loop", "POST", flags=0)
        data = json.dumps(order).encode()
        sent = 0
        while sent < len(data):
            core.until(lambda: answer.credit + 262144 - sent > 0)
            piece = data[sent : answer.credit + 262144]
            core.send(frames.BODY, answer.stream, piece)
            sent += len(piece)
        core.send(frames.BODY_END, answer.stream)
        core.wait(answer)
        self.assertEqual(len(json.loads(core.asked[0][2])), 2000)
        self.assertEqual(answer.json, {"gave": None})

    def test_while_it_is_loaded(self):
        core = self.start("""
            from weir_runtime import get_cache
            from weir_runtime.aio import get_cache as get_cache_soon
            import asyncio
            found = [get_cache().get("k"), asyncio.run(get_cache_soon().get("k"))]
            async def app(scope, receive, send):
                if scope["type"] == "lifespan":
                    found.append(await get_cache_soon().get("k"))
                    await receive()
                    await send({"type": "lifespan.startup.complete"})
                    await receive()
                    try:
                        await get_cache_soon().delete("k")
                    except RuntimeError as error:
                        print("at the end:", error.code)
                    await send({"type": "lifespan.shutdown.complete"})
                    return
                await send({"type": "http.response.start", "status": 200})
                await send({"type": "http.response.body", "body": repr(found).encode()})
        """)
        core.answering = lambda fields, body: ({"ok": True, "hit": True}, str(len(core.asked)).encode())
        self.assertTrue(core.load(root=core.root)["ok"])
        self.assertEqual(core.get("/").text, "[1, 2, 3]")
        core.end()
        self.assertEqual(core.exit_code(), 0)

    def test_a_signal_handler_may_ask_whatever_it_interrupts(self):
        core = self.serve(ASGI + """
            import gc, signal, socket
            def handle(*_):
                print(plain({"do": "delete", "arguments": ["k"]}))
            signal.signal(signal.SIGUSR1, handle)
            class Interrupted(socket.socket):
                __slots__ = ()
                def recv_into(self, buffer):
                    count = super().recv_into(buffer)
                    if b"interrupt" in bytes(memoryview(buffer)[:count]):
                        # What was read has not been looked at.
                        signal.raise_signal(signal.SIGUSR1)
                    return count
            for found in gc.get_objects():
                if type(found) is socket.socket and found.fileno() > 2:
                    found.__class__ = Interrupted
        """.replace("\n        ", "\n"))
        core.answering = lambda fields, body: ({"ok": True}, b"")
        answer = core.get("/awaited?interrupt", method="POST", body=b'{"do": "delete", "arguments": ["k"]}')
        self.assertEqual(answer.json, {"gave": None})
        core.until(lambda: core.logs)
        self.assertEqual([text for _, _, _, text in core.logs], ["{'fails': 'CLOSED'}"])

    def test_once_the_core_is_gone(self):
        core = self.serve("""
            from weir_runtime.aio import get_cache
            async def app(scope, receive, send):
                await receive()
                await send({"type": "lifespan.startup.complete"})
                await receive()
                try:
                    await get_cache().delete("k")
                except RuntimeError as error:
                    with open("told", "w") as file:
                        file.write(error.code)
                await send({"type": "lifespan.shutdown.complete"})
        """)
        core.sock.close()
        core.process.wait()
        with open(f"{core.root}/told") as file:
            self.assertEqual(file.read(), "CLOSED")

    def test_a_copy_of_the_process_does_not_ask(self):
        core = self.serve("""
            import os
            from weir_runtime import get_cache
            def app(environ, start_response):
                reads, writes = os.pipe()
                if os.fork() == 0:
                    try:
                        get_cache().delete("k")
                    except RuntimeError as error:
                        os.write(writes, error.code.encode())
                    os._exit(0)
                start_response("200 OK", [])
                return [os.read(reads, 100)]
        """)
        self.assertEqual(core.get("/").text, "CLOSED")

    def test_an_answer_to_nothing_ends_the_connection(self):
        core = self.serve(ASGI)
        core.answer(7, {"ok": True})
        core.until(lambda: core.goodbye)
        self.assertEqual(core.goodbye[0], "BAD_FRAME")

    def test_an_answer_that_breaks_the_rules_while_the_loop_blocks(self):
        core = self.serve(ASGI)
        core.request("/loop", "POST", body=b'{"do": "get", "arguments": ["k"]}')
        core.until(lambda: core.asked)
        core.answer(core.asked[0][0] + 1, {"ok": True})
        core.until(lambda: core.goodbye)
        self.assertEqual(core.goodbye[0], "BAD_FRAME")
        self.assertEqual(core.exit_code(), 1)


class Bounds(unittest.TestCase):
    """Of an instance's asks, without a process."""

    def asks(self, timeout_s: float = 60) -> Asks:
        self.writer = Written()
        made = Asks(self.writer, timeout_s)
        made.block_with(lambda seconds: True)
        return made

    def test_nobody_answers(self):
        for asks_in in (lambda asking: asking(), in_thread):
            made = self.asks(timeout_s=0)
            with self.assertRaises(AskFailed) as raised:
                asks_in(lambda: made.wait(b"{}"))
            self.assertEqual(raised.exception.code, "TIMEOUT")
            # It counts until its answer comes, which is nothing to anybody.
            made.take((1, 3, {"ok": True}, 0, b""))

    def test_too_large(self):
        for fields, body in ((b"x" * (128 * 1024 + 1), b""), (b"{}", b"x" * (2 * 1024 * 1024 + 1))):
            with self.assertRaises(AskFailed) as raised:
                self.asks().wait(fields, body)
            self.assertEqual(raised.exception.code, "TOO_LARGE")
        self.assertEqual(self.writer.frames, [])

    def test_bodies_together(self):
        made = self.asks(timeout_s=0)
        for _ in range(5):
            with self.assertRaises(AskFailed):
                made.wait(b"{}", b"x" * 2 * 1024 * 1024)
        # Eight pieces each: four of them are sent.
        self.assertEqual(len(self.writer.frames), 4 * 8)

    def test_too_many_wait(self):
        made = self.asks()
        for _ in range(32 + 1024):
            made._submit(b"{}", b"", lambda: None)
        with self.assertRaises(AskFailed) as raised:
            made.wait(b"{}")
        self.assertEqual(raised.exception.code, "OVERLOADED")
        self.assertEqual(len(self.writer.frames), 32)

    def test_the_end_is_told_to_all_who_wait(self):
        made = self.asks()
        woken = []
        for number in range(40):
            made._submit(b"{}", b"", lambda number=number: woken.append(number))
        made.close("over")
        self.assertEqual(sorted(woken), list(range(40)))
        with self.assertRaises(AskFailed) as raised:
            made.wait(b"{}")
        self.assertEqual(raised.exception.code, "CLOSED")

    def test_answers_that_break_the_rules(self):
        bad = {
            "twice": [(1, 1, {}, 2, b"a"), (1, 1, {}, 2, b"a")],
            "to nothing": [(2, 3, {}, 0, b"")],
            "not begun": [(1, 2, None, 0, b"a")],
            "longer than was said": [(1, 3, {}, 1, b"ab")],
            "shorter than was said": [(1, 3, {}, 2, b"a")],
            "a frame that brings nothing": [(1, 1, {}, 2, b""), (1, 0, None, 0, b"")],
        }
        for name, parts in bad.items():
            with self.subTest(name):
                made = self.asks()
                made._submit(b"{}", b"", lambda: None)
                with self.assertRaises(frames.ProtocolError):
                    for part in parts:
                        made.take(part)

    def test_frames_that_were_left_are_taken_in_their_order(self):
        """A reader that is read on from within: what came before, and in pieces, goes on where it was."""
        session = Session(Written())
        welcome = {"instance": "", "maxStreams": 8, "windowBytes": 99}
        session.reader.feed(frames.frame(frames.WELCOME, 0, b"\1" + json.dumps(welcome).encode()))
        number = 1
        session.asks._submit(b"{}", b"", lambda: None)
        head = frames.frame(frames.ANSWER, 0, b"\0\0\0\1\3" + b"\0\0\0\x0b\0\0\0\0" + b'{"ok":true}')
        pings = [frames.frame(frames.PING, 0, f"number {number}".encode()) for number in range(4)]
        taken = []

        class Taking:
            calls = {}

            def begin(self, stream, flags, left_ms, request):
                # What blocks within a frame: an answer and a ping come, the latter in two.
                taken.append(session.reader.feed_answers(pings[1][5:] + head + pings[2][:7], session.reader.taken))
                taken.append(session.reader.feed_answers(pings[2][7:], session.reader.taken))

        session.service = Taking()
        session.writer.frames.clear()
        request = frames.frame(frames.REQUEST, 1 << 16 | 1, b"\1\0\0\0\x09" + b"id\nGET\n/")
        session.reader.feed(pings[0] + request + pings[1][:5])
        session.reader.feed(pings[3])
        pongs = [frame[8:] for frame in session.writer.frames if frame[3] == frames.PONG]
        self.assertEqual(pongs, [b"number 0", b"number 1", b"number 2", b"number 3"])
        self.assertEqual(taken, [True, True])
        self.assertEqual(session.asks._unanswered, {})


def in_thread(work):
    """What it raises is raised here."""
    raised = []

    def run():
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    raise raised[0]


if __name__ == "__main__":
    unittest.main()

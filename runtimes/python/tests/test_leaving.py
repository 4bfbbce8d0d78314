"""Clients that leave, several who send for one invocation, and threads that are not the invocation's."""

from weir_runtime import frames
from weir_runtime.websocket_codec import FrameDecoder, WebSocketError

from .core import RuntimeCase

ASGI = """
    import asyncio, gc
    waits = []

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await globals()[scope["path"][1:]](scope, receive, send)

    async def start(send):
        await send({"type": "http.response.start", "status": 200})

    async def stream(scope, receive, send):
        class ClientDisconnect(Exception):
            pass
        await start(send)
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
                await asyncio.sleep(0)
        except OSError:
            raise BaseExceptionGroup("of a task group", [ClientDisconnect()])

    async def gathered(scope, receive, send):
        await start(send)
        piece = {"type": "http.response.body", "body": b"x" * 70000, "more_body": True}
        await asyncio.gather(*[send(piece) for _ in range(3)])
        await send({"type": "http.response.body"})

    async def polls(scope, receive, send):
        for _ in range(3):
            try:
                await asyncio.wait_for(receive(), 0.01)
            except asyncio.TimeoutError:
                pass
        await start(send)
        await send({"type": "http.response.body", "body": str(len(receive.__self__.waiters or ())).encode()})

    async def garbage(scope, receive, send):
        gc.disable()
        await start(send)
        count = sum(type(thing).__name__ == "HttpCall" for thing in gc.get_objects())
        await send({"type": "http.response.body", "body": str(count).encode()})
"""

WSGI = """
    import threading, time
    from weir_runtime import wait_until
    release = threading.Event()

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/elsewhere":
            write = start_response("200 OK", [])
            sum(range(2_000_000))
            thread = threading.Thread(target=write, args=(b"written",))
            thread.start()
            thread.join()
            return []
        if environ["PATH_INFO"] == "/waits":
            wait_until(release.wait)
        else:
            release.set()
        start_response("200 OK", [])
        if environ["REQUEST_METHOD"] == "HEAD":
            return pieces()
        return [b"on"]

    def pieces():
        while True:
            yield b"piece"
            time.sleep(0.01)
"""

HANDLER = """
    import time
    from http.server import BaseHTTPRequestHandler
    class handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b"piece")
                time.sleep(0.01)
"""


class Leaving(RuntimeCase):
    def test_what_a_framework_makes_of_a_client_that_left_is_not_logged(self):
        core = self.serve(ASGI)
        answer = core.request("/stream")
        core.until(lambda: answer.body)
        core.send(frames.CANCEL, answer.stream, b"\0")
        core.until(lambda: answer.returned)
        self.assertEqual(core.logs, [])

    def test_a_handler_without_a_body_hears_of_it(self):
        core = self.serve(HANDLER)
        answer = core.request("/", method="HEAD")
        core.ping()
        core.send(frames.CANCEL, answer.stream, b"\0")
        core.until(lambda: answer.returned)
        self.assertEqual(core.logs, [])

    def test_a_wsgi_answer_without_a_body_does_not_go_on(self):
        core = self.serve(WSGI)
        answer = core.get("/", method="HEAD")
        self.assertEqual((answer.status, answer.body), (200, b""))


class Heads(RuntimeCase):
    def test_a_head_does_not_wait_for_a_body_that_does_not_come(self):
        core = self.serve(
            """
            import asyncio
            go = asyncio.Event()
            async def app(scope, receive, send):
                assert scope["type"] == "http"
                if scope["path"] == "/go":
                    go.set()
                if scope["path"] == "/later":
                    await asyncio.sleep(0.01)
                await send({"type": "http.response.start", "status": 200})
                await go.wait()
                await send({"type": "http.response.body", "body": b"done"})
            """
        )
        answers = [core.request("/"), core.request("/later")]
        core.until(lambda: all(answer.status for answer in answers))
        self.assertEqual(core.get("/go").text, "done")
        for answer in answers:
            self.assertEqual(core.wait(answer).text, "done")


class AfterTheAnswer(RuntimeCase):
    def test_handlers_that_go_on_keep_the_instance(self):
        wsgi = """
            import time
            class Pieces(list):
                def close(self):
                    time.sleep(0.3)
            def app(environ, start_response):
                start_response("200 OK", [("Content-Length", "2")])
                return Pieces([b"ok"])
            """
        handler = """
            import time
            from http.server import BaseHTTPRequestHandler
            class handler(BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200)
                    self.send_header("Content-Length", "2")
                    self.end_headers()
                    self.wfile.write(b"ok")
                    time.sleep(0.3)
            """
        for source in (wsgi, handler):
            core = self.serve(source)
            self.assertEqual(core.get("/").text, "ok")
            core.until(lambda: core.background == [0, 1, 0])


class Several(RuntimeCase):
    def test_all_who_wait_for_credit_go_on(self):
        core = self.serve(ASGI, window_bytes=65536)
        answer = core.request("/gathered")
        for _ in range(4):
            core.ping()
            core.send(frames.CREDIT, answer.stream, (60000).to_bytes(4, "big"))
        self.assertEqual(len(core.wait(answer).body), 210000)

    def test_nothing_is_left_of_what_was_given_up(self):
        core = self.serve(ASGI)
        answer = core.request("/polls", method="POST", flags=0)
        self.assertEqual(core.wait(answer).text, "0")
        for _ in range(5):
            text = core.get("/garbage").text
        self.assertIn(text, ("1", "2", "3"))


class Threads(RuntimeCase):
    def test_an_answer_from_another_thread(self):
        core = self.serve(WSGI, load={"max_concurrency": 1})
        core.get("/elsewhere")
        answer = core.get("/elsewhere")
        self.assertEqual(answer.text, "written")
        self.assertGreater(answer.cpu_us, 1000)

    def test_work_after_the_answer_takes_no_invocations_thread(self):
        core = self.serve(WSGI, load={"max_concurrency": 1})
        self.assertEqual(core.get("/waits").text, "on")
        self.assertEqual(core.get("/").text, "on")
        core.until(lambda: core.background[-1] == 0 and max(core.background) > 0)

    def test_anyios_threads_are_measured_though_it_is_imported_late(self):
        backend = """
            import contextvars, threading
            class AsyncIOBackend:
                @classmethod
                async def run_sync_in_worker_thread(cls, func, args):
                    thread = threading.Thread(target=contextvars.copy_context().run, args=(func, *args))
                    thread.start()
                    thread.join()
        """
        core = self.serve(
            """
            import anyio
            async def app(scope, receive, send):
                assert scope["type"] == "http"
                from anyio._backends._asyncio import AsyncIOBackend
                await AsyncIOBackend.run_sync_in_worker_thread(sum, (range(20_000_000),))
                await send({"type": "http.response.start", "status": 200})
                await send({"type": "http.response.body"})
            """,
            files={"anyio/__init__.py": "", "anyio/_backends/__init__.py": "", "anyio/_backends/_asyncio.py": backend},
        )
        self.assertGreater(core.get("/").cpu_us, 80_000)


class Codec(RuntimeCase):
    def test_empty_fragments_and_what_follows_the_end_are_not_kept(self):
        decoder = FrameDecoder()
        decoder.feed(b"\x01\x80\0\0\0\0")
        decoder.feed(b"\x00\x80\0\0\0\0" * 1000)
        self.assertEqual(len(decoder._parts), 0)
        self.assertEqual(decoder.feed(b"\x80\x81\0\0\0\0a"), [(1, "a")])
        with self.assertRaises(WebSocketError):
            decoder.feed(b"\xff\xff")
        self.assertEqual(decoder.feed(b"x" * 1000), [])
        self.assertEqual(len(decoder._data), 0)

"""WSGI applications and BaseHTTPRequestHandlers: functions that block."""

import unittest

from weir_runtime import frames

from .core import RuntimeCase

WSGI = """
    import threading, sys
    barrier = threading.Barrier(64, timeout=60)
    closed = []
    held = threading.Event()

    def app(environ, start_response):
        return globals()[environ["PATH_INFO"][1:]](environ, start_response)

    def environ(environ, start_response):
        start_response("200 OK", [("X-Kind", "environ")])
        return [repr({key: value for key, value in environ.items() if isinstance(value, (str, bool, tuple))}).encode()]

    def meet(environ, start_response):
        barrier.wait()
        start_response("200 OK", [])
        return [b"met"]

    class Pieces:
        def __init__(self, pieces):
            self.pieces = iter(pieces)
        def __iter__(self):
            return self
        def __next__(self):
            return next(self.pieces)
        def close(self):
            closed.append(True)

    def stream(environ, start_response):
        start_response("200 OK", [])
        def pieces():
            yield b"one"
            held.wait(60)
            yield b""
            yield b"two"
        return Pieces(pieces())

    def release(environ, start_response):
        if not environ["QUERY_STRING"]:
            held.set()
        start_response("200 OK", [])
        return [str(len(closed)).encode()]

    def writes(environ, start_response):
        write = start_response("200 OK", [])
        write(b"written ")
        return [b"returned"]

    def echo(environ, start_response):
        source = environ["wsgi.input"]
        first, second = source.readline(), source.read(3)
        rest = source.read()
        start_response("200 OK", [("Content-Length", str(len(first) + 3 + len(rest)))])
        return iter([first + second + rest])

    def lines(environ, start_response):
        source = environ["wsgi.input"]
        told = [len(next(source)), source.read(2), len(source.readline(5)), [len(line) for line in source]]
        told.append(source.read(1))
        start_response("200 OK", [])
        return [repr(told).encode()]

    def large(environ, start_response):
        start_response("200 OK", [])
        return Pieces([b"x" * 1000] * 1000)

    def raises(environ, start_response):
        raise LookupError("a secret")

    def raises_later(environ, start_response):
        start_response("200 OK", [])
        yield b"begun"
        raise LookupError("later")

    def recovers(environ, start_response):
        start_response("200 OK", [])
        try:
            raise LookupError("caught")
        except LookupError:
            start_response("500 Oops", [("x-why", "caught")], sys.exc_info())
        return [b"sorry"]

    def twice(environ, start_response):
        start_response("200 OK", [])
        start_response("200 OK", [])

    def silent(environ, start_response):
        return []

    def exits(environ, start_response):
        sys.exit(5)

    def waits(environ, start_response):
        environ["wsgi.input"].read()

    def computes(environ, start_response):
        import time
        time.sleep(0.1)
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass
        start_response("204 No Content", [])
        return []
"""

HANDLER = """
    from http.server import BaseHTTPRequestHandler
    import sys

    class handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = f"{self.path} {self.client_address[0]} {self.headers['x-a']} {self.server.server_port}".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(201, "Made")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Set-Cookie", "a=1")
            self.send_header("Set-Cookie", "b=2")
            self.end_headers()
            self.wfile.write(body)

        def do_PUT(self):
            self.protocol_version = "HTTP/1.1"
            self.send_response_only(103)
            self.send_header("Link", "</a>")
            self.end_headers()
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (b"5\\r\\nhel", b"lo\\r\\n1", b"\\r\\n!\\r\\n0\\r\\n\\r\\n"):
                self.wfile.write(piece)

        def do_DELETE(self):
            raise ValueError("broken")

        def do_PATCH(self):
            pass

        def do_OPTIONS(self):
            self.wfile.write(b"no status line\\r\\n\\r\\n")

        def do_HEAD(self):
            self.send_response(200)
            self.send_header("Content-Length", "77")
            self.end_headers()
"""


class Wsgi(RuntimeCase):
    @classmethod
    def setUpClass(cls):
        case = cls()
        cls.core = case.serve(WSGI)
        cls.addClassCleanup(case.doCleanups)

    def runTest(self):
        """For setUpClass."""

    def test_environ_is_complete(self):
        headers = [("cookie", "a=1"), ("cookie", "b=2"), ("x-n", "1"), ("x-n", "2"), ("x_n", "3")]
        headers.append(("content-type", "t/p"))
        answer = self.core.get("/environ?q=%20", method="PUT", headers=headers)
        self.assertEqual(answer.header("x-kind"), "environ")
        environ = eval(answer.text)  # noqa: S307 -- a repr() of our own function's
        expected = {
            "REQUEST_METHOD": "PUT",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/environ",
            "QUERY_STRING": "q=%20",
            "SERVER_NAME": "example.com",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "10.1.2.3",
            "CONTENT_TYPE": "t/p",
            "HTTP_COOKIE": "a=1; b=2",
            "HTTP_X_N": "1,2",
            "HTTP_HOST": "example.com",
            "wsgi.url_scheme": "https",
            "wsgi.multithread": True,
            "wsgi.input_terminated": True,
            "wsgi.version": (1, 0),
        }
        self.assertEqual({key: environ.get(key) for key in expected}, expected)

    def test_sixty_four_at_once(self):
        answers = [self.core.request("/meet") for _ in range(64)]
        for answer in answers:
            self.assertEqual(self.core.wait(answer).text, "met")

    def test_pieces_leave_as_they_come(self):
        closed = int(self.core.get("/release?only=count").text)
        answer = self.core.request("/stream")
        self.core.until(lambda: answer.body == b"one")
        self.assertFalse(answer.ended)
        self.core.get("/release")
        self.assertEqual(self.core.wait(answer).text, "onetwo")
        # close() follows the end of the answer.
        while int(self.core.get("/release").text) == closed:
            self.core.ping()

    def test_write_and_input(self):
        self.assertEqual(self.core.get("/writes").text, "written returned")
        body = b"line\nabc" + b"r" * 200_000
        answer = self.core.get("/echo", method="POST", body=body)
        self.assertEqual(answer.body, body)

    def test_input_by_lines(self):
        body = b"one\nab" + b"x" * 200_000 + b"\nlast"
        told = self.core.get("/lines", method="POST", body=body).text
        self.assertEqual(told, "[4, b'ab', 5, [199996, 4], b'']")

    def test_input_streams_with_credit(self):
        answer = self.core.request("/echo", method="POST", flags=0)
        self.core.send(frames.BODY, answer.stream, b"half a line")
        self.core.ping()
        self.core.send(frames.BODY, answer.stream, b", the rest\nabc")
        self.core.send(frames.BODY, answer.stream, b"z" * 200_000)
        self.core.until(lambda: answer.credit >= 131072)
        self.core.send(frames.BODY_END, answer.stream)
        self.core.wait(answer)
        self.assertEqual(answer.body[:25], b"half a line, the rest\nabc")
        self.assertEqual(len(answer.body), 200_025)

    def test_a_thread_stops_when_its_credit_is_used_up(self):
        answer = self.core.request("/large")
        self.core.until(lambda: len(answer.body) == 262144)
        self.core.ping()
        self.assertEqual(len(answer.body), 262144)
        self.core.send(frames.CREDIT, answer.stream, (1 << 20).to_bytes(4, "big"))
        self.assertEqual(len(self.core.wait(answer).body), 1_000_000)

    def test_a_client_that_leaves_frees_the_thread(self):
        writing, reading = self.core.request("/large"), self.core.request("/waits", method="POST", flags=0)
        self.core.until(lambda: len(writing.body) == 262144)
        self.core.send(frames.CANCEL, writing.stream, b"\0")
        self.core.send(frames.CANCEL, reading.stream, b"\0")
        self.core.until(lambda: writing.returned and reading.returned)
        self.assertEqual((writing.logs, reading.logs), ([], []))

    def test_errors(self):
        answer = self.core.get("/raises")
        self.assertEqual(answer.failed, ("FUNCTION_INVOCATION_FAILED", "LookupError"))
        self.assertIn("LookupError: a secret", answer.logs[0][2])
        self.assertNotIn("weir_runtime", answer.logs[0][2])
        answer = self.core.get("/raises_later")
        self.assertEqual((answer.body, answer.failed[1]), (b"begun", "LookupError"))
        answer = self.core.get("/recovers")
        self.assertEqual((answer.status, answer.header("x-why"), answer.text), (500, "caught", "sorry"))
        expected = {"twice": "called twice", "silent": "without calling start_response", "exits": "SystemExit"}
        for path, told in expected.items():
            answer = self.core.get("/" + path)
            self.assertEqual(answer.failed[0], "FUNCTION_INVOCATION_FAILED", path)
            self.assertIn(told, answer.logs[0][2])

    def test_cpu_is_the_threads(self):
        cpu_us = self.core.get("/computes").cpu_us
        self.assertGreater(cpu_us, 45_000)
        self.assertLess(cpu_us, 90_000)


class NoThreads(RuntimeCase):
    def test_without_any_thread_an_invocation_fails_and_the_next_are_taken(self):
        core = self.serve(
            """
            from weir_runtime import pool
            start = pool.start_new_thread
            def refuse(*_):
                pool.start_new_thread = start
                raise RuntimeError("can't start new thread")
            pool.start_new_thread = refuse
            def app(environ, start_response):
                start_response("200 OK", [])
                return [b"on"]
            """
        )
        first, second = core.request("/"), core.request("/")
        self.assertEqual(core.wait(first).failed, ("FUNCTION_INVOCATION_FAILED", "RuntimeError"))
        self.assertEqual(core.wait(second).text, "on")


class PatchedThreads(RuntimeCase):
    def test_threads_that_are_not_threads_do_not_hold_an_invocation(self):
        core = self.serve(
            """
            import _thread, threading
            # As gevent's patch_all does: what is started would run in this thread, once it lets go.
            threading._start_new_thread = threading._start_joinable_thread = lambda *_, **__: 1
            threading.Thread.start = lambda thread: None
            def app(environ, start_response):
                start_response("200 OK", [])
                return [b"on"]
            """
        )
        self.assertEqual(core.get("/").text, "on")


class Handlers(RuntimeCase):
    @classmethod
    def setUpClass(cls):
        case = cls()
        cls.core = case.serve(HANDLER)
        cls.addClassCleanup(case.doCleanups)

    def runTest(self):
        """For setUpClass."""

    def test_get_and_post(self):
        answer = self.core.get("/a?b=c", headers=[("x-a", "A")])
        self.assertEqual((answer.status, answer.text), (200, "/a?b=c 10.1.2.3 A 443"))
        self.assertEqual(answer.header("content-type"), "text/plain")
        self.assertEqual(answer.logs, [])
        answer = self.core.get("/", method="POST", headers=[("content-length", "5")], body=b"hello")
        self.assertEqual((answer.status, answer.text), (201, "hello"))
        self.assertEqual([value for name, value in answer.headers if name == "Set-Cookie"], ["a=1", "b=2"])

    def test_chunks_of_its_own_and_early_hints(self):
        answer = self.core.get("/", method="PUT")
        self.assertEqual((answer.text, answer.header("transfer-encoding")), ("hello!", None))
        self.assertEqual(answer.informed, [(103, [("Link", "</a>")])])

    def test_what_is_missing_and_what_fails(self):
        self.assertEqual(self.core.get("/", method="TRACE").status, 501)
        self.assertEqual(self.core.get("/", method="DELETE").failed[1], "ValueError")
        self.assertIn("without an answer", self.core.get("/", method="PATCH").logs[0][2])
        self.assertIn("status line", self.core.get("/", method="OPTIONS").logs[0][2])
        answer = self.core.get("/", method="HEAD")
        self.assertEqual((answer.header("content-length"), answer.body), ("77", b""))


if __name__ == "__main__":
    unittest.main()

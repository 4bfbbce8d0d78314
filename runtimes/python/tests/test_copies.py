"""Copies of the process, turns without an end, and cores that take nothing for a while."""

import time

from weir_runtime import frames

from .core import RuntimeCase

FORKS = """
    import asyncio, multiprocessing, os, signal, time
    fork = multiprocessing.get_context("fork")

    def ended():
        process = fork.Process(target=time.sleep, args=(60,))
        process.start()
        time.sleep(0.1)
        process.terminate()
        process.join(10)
        return f"exit {process.exitcode}"

    def pool():
        with fork.Pool(2) as workers:
            return str(workers.map(abs, [-1, -2, -3]))

    def grandchild():
        reads, writes = os.pipe()
        if os.fork() == 0:
            with open(__file__) as file:
                if os.fork() == 0:
                    try:
                        told = f"read {len(file.read()) > 0}"
                    except OSError as error:
                        told = repr(error)
                    os.write(writes, told.encode())
                    os._exit(0)
                os.wait()
            os._exit(0)
        os.wait()
        return os.read(reads, 1000).decode()
"""
FORKS_WSGI = FORKS + """
    def app(environ, start_response):
        start_response("200 OK", [])
        return [globals()[environ["PATH_INFO"][1:]]().encode()]
"""
FORKS_ASGI = FORKS + """
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": globals()[scope["path"][1:]]().encode()})
"""


class Forks(RuntimeCase):
    def test_a_copys_sigterm_is_its_own(self):
        for source in (FORKS_WSGI, FORKS_ASGI):
            core = self.serve(source)
            self.assertEqual(core.get("/ended").text, "exit -15")
            self.assertEqual(core.get("/pool").text, "[1, 2, 3]")
            self.assertEqual(core.get("/grandchild").text, "read True")
            core.ping()
            self.assertEqual(core.end(), 0)


LINES = """
    import os
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        print("first")
        print("second")
        if scope["path"] == "/exit":
            os._exit(3)
        while True:
            pass
"""


class Unended(RuntimeCase):
    def test_lines_of_a_turn_that_does_not_end(self):
        core = self.serve(LINES)
        core.request("/")
        core.until(lambda: len(core.logs) >= 2)
        core = self.serve(LINES)
        core.request("/exit")
        self.assertEqual(core.exit_code(), 3)
        self.assertEqual([line[3] for line in core.logs], ["first", "second"])

    def test_a_handler_that_calls_the_one_before_it(self):
        core = self.serve(
            """
            import signal
            before = signal.getsignal(signal.SIGTERM)
            signal.signal(signal.SIGTERM, lambda *told: before(*told))
            async def app(scope, receive, send):
                assert scope["type"] == "lifespan"
                await receive()
                await send({"type": "lifespan.startup.complete"})
                await receive()
                print("shutdown")
                await send({"type": "lifespan.shutdown.complete"})
            """
        )
        core.process.send_signal(15)
        self.assertEqual(core.exit_code(), 0)
        self.assertEqual([line[3] for line in core.logs], ["shutdown"])


class Backlog(RuntimeCase):
    def test_much_that_waits_is_not_copied_again_and_again(self):
        core = self.serve(
            """
            async def app(scope, receive, send):
                assert scope["type"] == "http"
                await send({"type": "http.response.start", "status": 200})
                for _ in range(100):
                    await send({"type": "http.response.body", "body": b"x" * 1048576, "more_body": True})
                await send({"type": "http.response.body"})
            """,
            window_bytes=1 << 30,
        )
        answer = core.request("/")
        began = time.monotonic()
        count = 0
        data = b""
        while count < 100 * 1048576:
            data = core.sock.recv(1 << 20)
            count += len(data)
        self.assertLess(time.monotonic() - began, 20)
        self.assertFalse(answer.ended)
        core.send(frames.GOODBYE, 0, b"DRAINED\n")

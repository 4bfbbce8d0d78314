"""Lines with their invocation, background work, deadlines."""

import unittest

from .core import RuntimeCase

ASGI = """
    import asyncio, logging, sys, threading, time
    from weir_runtime import wait_until, get_deadline
    import vercel_runtime
    assert vercel_runtime.get_deadline is get_deadline and vercel_runtime.wait_until is wait_until
    print("loading")
    print("no end", end="")
    gate = asyncio.Event()
    log = logging.getLogger("of.user")

    async def answer(send, body=b""):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": body})

    async def app(scope, receive, send):
        assert scope["type"] == "http", "no lifespan"
        await globals()[scope["path"][1:]](scope, receive, send)

    async def lines(scope, receive, send):
        name = scope["query_string"].decode()
        for number in range(5):
            print(name, end=" ")
            await asyncio.sleep(0)
            print(number, file=sys.stderr if number == 4 else sys.stdout)
        log.warning("warned by %s", name)
        log.info("informed by %s", name)
        log.debug("never seen")
        await asyncio.to_thread(print, "thread of", name)
        await asyncio.get_running_loop().run_in_executor(None, print, "executor of", name)
        asyncio.get_running_loop().call_soon(print, "callback of", name)
        await asyncio.sleep(0)
        sys.stdout.buffer.write(f"bytes of {name}".encode())
        await answer(send)

    async def farewell(scope, receive, send):
        import atexit
        atexit.register(print, "last words", file=sys.stderr)
        await answer(send)

    async def stray(scope, receive, send):
        thread = threading.Thread(target=print, args=("a thread of its own",))
        thread.start()
        thread.join()
        await answer(send)

    async def deadline(scope, receive, send):
        await answer(send, str(get_deadline().timestamp() - time.time()).encode())

    async def background(scope, receive, send):
        async def later():
            await gate.wait()
            print("awaited")
            raise ValueError("in the background")
        def call():
            print("called")
            return None
        async def called_then_awaited():
            await asyncio.sleep(0)
            print("both")
        wait_until(later())
        wait_until(call)
        wait_until(lambda: called_then_awaited())
        await answer(send, b"answered")

    async def goes_on(scope, receive, send):
        await answer(send, b"answered")
        await gate.wait()
        print("went on")

    async def release(scope, receive, send):
        gate.set()
        await answer(send)
"""

WSGI = """
    import asyncio, time
    from weir_runtime import wait_until, get_deadline
    def app(environ, start_response):
        name = environ["QUERY_STRING"]
        print("begin", name)
        time.sleep(0.01)
        print("end", name, get_deadline() is not None)
        async def later():
            await asyncio.sleep(0.01)
            print("later", name)
        wait_until(later())
        start_response("200 OK", [])
        return [b"ok"]
"""


class Lines(RuntimeCase):
    def test_lines_have_their_invocation(self):
        core = self.serve(ASGI)
        answers = {f"n{number}": core.request(f"/lines?n{number}") for number in range(40)}
        for name, answer in answers.items():
            core.wait(answer)
            told = [f"thread of {name}", f"executor of {name}", f"{name} callback of {name}", f"bytes of {name}"]
            core.until(lambda answer=answer: len(answer.logs) >= 11)
            texts = {text for _, _, text in answer.logs}
            self.assertEqual(texts, {*(f"{name} {n}" for n in range(4)), "4", *told,
                                     f"warned by {name}", f"informed by {name}"})
            levels = {text: (level, source) for level, source, text in answer.logs}
            self.assertEqual(levels[f"warned by {name}"], (2, 2))
            self.assertEqual(levels[f"informed by {name}"], (1, 2))
            self.assertEqual(levels["4"], (3, 2))
            self.assertEqual(levels[f"{name} 0"], (1, 1))
        core.get("/stray")
        untold = [text for stream, _, _, text in core.logs if stream == 0]
        self.assertEqual(untold, ["loading", "a thread of its own"])

    def test_the_last_words_before_the_end(self):
        core = self.serve(ASGI)
        core.get("/farewell")
        self.assertEqual(core.end(), 0)
        self.assertEqual(core.stderr, "last words\n")

    def test_threads_of_the_pool(self):
        core = self.serve(WSGI)
        answers = {str(number): core.request(f"/?{number}") for number in range(30)}
        for name, answer in answers.items():
            core.wait(answer)
        core.until(lambda: core.background[-1] == 0 and max(core.background) > 0)
        for name, answer in answers.items():
            told = [text for _, _, text in answer.logs]
            self.assertEqual(told, [f"begin {name}", f"end {name} True", f"later {name}"])


class Background(RuntimeCase):
    def test_wait_until(self):
        core = self.serve(ASGI)
        answer = core.get("/background")
        self.assertEqual(answer.text, "answered")
        # Told before the answer, or with it.
        self.assertEqual(max(core.background), 3, core.background)
        core.until(lambda: {text for _, _, text in answer.logs} == {"called", "both"})
        core.until(lambda: core.background[-1] == 1)
        core.get("/release")
        core.until(lambda: core.background[-1] == 0)
        self.assertEqual(answer.logs[2][2], "awaited", answer.logs)
        self.assertIn("ValueError: in the background", answer.logs[3][2])

    def test_a_handler_that_goes_on_keeps_its_instance(self):
        core = self.serve(ASGI)
        answer = core.get("/goes_on")
        core.until(lambda: core.background[-1] == 1)
        core.get("/release")
        core.until(lambda: core.background[-1] == 0)
        self.assertEqual(answer.logs[0][2], "went on")

    def test_the_deadline_is_the_invocations(self):
        core = self.serve(ASGI)
        left_s = float(core.get("/deadline", left_ms=20_000).text)
        self.assertTrue(5 < left_s <= 20.1, left_s)


if __name__ == "__main__":
    unittest.main()

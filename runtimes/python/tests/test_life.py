"""Greeting, loading, the lifespan and the end."""

import json
import random
import unittest

from weir_runtime import frames

from .core import RuntimeCase

HELLO = """
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"hello"})
"""


def order(core) -> bytes:
    fields = {"function": "f", "root": core.root, "entry": core.entry, "launch": "python", "environment": {}}
    fields |= {"memoryMiB": 1, "maxDurationMs": 1, "maxConcurrency": None, "deployment": "d", "project": "p"}
    return json.dumps(fields).encode()


class Loading(RuntimeCase):
    def test_a_stem_says_who_it_is_and_waits(self):
        core = self.start(HELLO)
        self.assertRegex(core.hello["runtime"], r"^python3\.\d+\.\d+$")
        self.assertEqual((core.hello["role"], core.hello["pid"]), ("data", core.process.pid))
        core.ping()
        loaded = core.load()
        self.assertTrue(loaded["ok"])
        self.assertGreater(loaded["initMs"], 0)
        self.assertEqual(core.get("/").text, "hello")
        self.assertEqual(core.end(), 0)

    def test_what_a_partial_calls_says_what_it_is(self):
        core = self.serve(
            """
            from functools import partial
            async def site(greeting, scope, receive, send):
                assert scope["type"] == "http"
                await send({"type": "http.response.start", "status": 200})
                await send({"type": "http.response.body", "body": greeting})
            app = partial(site, b"partly")
            """
        )
        self.assertEqual(core.get("/").text, "partly")

    def test_a_stem_that_is_not_needed_ends_in_order(self):
        core = self.start(HELLO)
        core.ping()
        self.assertEqual(core.end(), 0)

    def test_what_user_code_finds(self):
        core = self.serve(
            """
            import os, sys, asyncio, local
            from weir_runtime import wait_until
            ran = asyncio.run(asyncio.sleep(0, "ran"))
            def app(environ, start_response):
                start_response("200 OK", [])
                told = os.getcwd(), os.environ["GREETING"], local.VALUE, __name__, ran, "WEIR_RUNTIME_FD" in os.environ
                return [repr(told).encode()]
            """,
            name="api/index.py",
            files={"local.py": "VALUE = 'local'"},
            load={"environment": {"GREETING": "hällo"}},
        )
        told = core.get("/").text
        self.assertIn("'hällo', 'local', 'api.index', 'ran', False", told)
        self.assertIn(core.root.rpartition("/")[2], told)

    def test_relative_imports_module_paths_and_names_of_the_library(self):
        source = """
            from .near import NEAR
            import installed
            def app(environ, start_response):
                start_response("200 OK", [])
                return [f"{NEAR} {installed.WHAT}".encode()]
            """
        files = {"api/near.py": "NEAR = 'near'", "vendor/installed.py": "WHAT = 'installed'"}
        core = self.start(source, name="api/[id].py", files=files)
        loaded = core.load(root=core.root, module_paths=[core.root + "/vendor"])
        self.assertEqual(loaded["code"], "FUNCTION_LOAD_FAILED")
        core = self.start(source, name="api/item.py", files=files)
        core.load(root=core.root, module_paths=[core.root + "/vendor"])
        self.assertEqual(core.get("/").text, "near installed")
        core = self.serve(HELLO, name="random.py", files={"other.py": ""})
        self.assertEqual(core.get("/").text, "hello")

    def failure(self, source: str, **named) -> str:
        core = self.start(source)
        loaded = core.load(**named)
        self.assertEqual((loaded["ok"], loaded["code"]), (False, "FUNCTION_LOAD_FAILED"))
        # It stays until it is told to go.
        core.ping()
        self.assertEqual(core.end(), 0)
        return loaded["message"]

    def test_what_cannot_be_loaded(self):
        told = self.failure("def work():\n    raise ValueError('broken')\nwork()\n")
        self.assertIn("ValueError: broken", told)
        self.assertIn("in work", told)
        self.assertNotIn("weir_runtime", told)
        self.assertNotIn("importlib", told)
        self.assertIn("SyntaxError", self.failure("def ("))
        self.assertIn("No module named 'nowhere'", self.failure("import nowhere"))
        self.assertIn("SystemExit", self.failure("import sys; sys.exit(1)"))
        self.assertIn("'module'", self.failure(HELLO, launch="module"))

    def test_a_project_may_name_its_application(self):
        told = self.failure(HELLO, export="site")
        self.assertIn("`site` is not there", told)
        self.assertIn("`site` is none of these", self.failure("site = 1", export="site"))

    def test_nothing_to_serve(self):
        told = self.failure("x = 1")
        self.assertIn("has neither `app` nor `handler`", told)
        self.assertIn("callable(environ, start_response)", told)
        self.assertIn("`app` in", self.failure("app = 5"))

    def test_a_request_before_or_without_load(self):
        core = self.start(HELLO)
        answer = core.get("/")
        self.assertEqual(answer.failed[0], "FUNCTION_LOAD_FAILED")

    def test_a_broken_rule_ends_it(self):
        core = self.serve(HELLO)
        core.send(frames.BODY, 1 << 16 | 5, b"")
        self.assertEqual(core.exit_code(), 1)
        self.assertEqual(core.goodbye[0], "BAD_FRAME")

    def test_bytes_that_nobody_meant_end_it_in_order(self):
        chance = random.Random(5)
        for _ in range(6):
            core = self.serve(HELLO)
            try:
                for _ in range(200):
                    kind = chance.choice((frames.REQUEST, frames.BODY, frames.CREDIT, chance.randrange(256)))
                    stream = chance.choice((0, 1 << 16 | 1, chance.getrandbits(32)))
                    core.send(kind, stream, chance.randbytes(chance.randrange(30)))
            except OSError:
                # It has closed, as it should.
                pass
            self.assertEqual(core.exit_code(), 1)
            self.assertEqual(core.stderr, "")
            core.kill()

    def test_a_core_that_goes_away_ends_it(self):
        core = self.serve(HELLO)
        core.sock.shutdown(1)
        self.assertEqual(core.exit_code(), 0)


LIFESPAN = """
    import atexit, os, signal
    place = os.environ["PLACE"]
    def note(text):
        with open(place, "a") as file:
            file.write(text + "\\n")
    atexit.register(note, "atexit")
    signal.signal(signal.SIGTERM, lambda *_: note("sigterm"))

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            assert (await receive())["type"] == "lifespan.startup"
            scope["state"]["made"] = "in startup"
            await send({"type": "lifespan.startup.complete"})
            assert (await receive())["type"] == "lifespan.shutdown"
            note("shutdown")
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": scope["state"]["made"].encode()})
"""


class Ends(RuntimeCase):
    def test_lifespan_sigterm_and_atexit(self):
        core = self.start(LIFESPAN, files={"notes": ""})
        place = core.root + "/notes"
        self.assertTrue(core.load(environment={"PLACE": place})["ok"])
        self.assertEqual(core.get("/").text, "in startup")
        self.assertEqual(core.end(), 0)
        with open(place) as file:
            self.assertEqual(file.read().split(), ["sigterm", "shutdown", "atexit"])

    def test_a_core_that_closes_after_goodbye(self):
        core = self.start(LIFESPAN, files={"notes": ""})
        core.load(environment={"PLACE": core.root + "/notes"})
        core.send(frames.GOODBYE, 0, b"DRAINED\n")
        core.sock.shutdown(2)
        core.process.send_signal(15)
        self.assertEqual(core.exit_code(), 0)
        with open(core.root + "/notes") as file:
            self.assertEqual(file.read().split(), ["sigterm", "shutdown", "atexit"])

    def test_sigterm_while_it_loads(self):
        core = self.start("print('loading'); import time; time.sleep(3600)")
        core.send(frames.LOAD, 0, order(core))
        core.until(lambda: core.logs)
        core.process.send_signal(15)
        self.assertEqual(core.exit_code(), 0)

    def test_a_fork_and_a_child_have_no_business_with_the_core(self):
        core = self.serve(
            """
            import os, subprocess, sys
            def app(environ, start_response):
                pid = os.fork()
                if pid == 0:
                    print("printed by the fork")
                    os._exit(0)
                os.waitpid(pid, 0)
                code = "import near, os; print(near.NEAR, os.listdir('/proc/self/fd'))"
                told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, close_fds=False)
                start_response("200 OK", [])
                return [(told.stdout + told.stderr).encode()]
            """,
            files={"near.py": "NEAR = 'near'"},
        )
        answer = core.get("/")
        self.assertTrue(answer.text.startswith("near "), answer.text)
        self.assertEqual(core.logs, [])
        self.assertEqual(core.get("/").status, 200)

    def test_startup_that_fails(self):
        core = self.start(
            """
            async def app(scope, receive, send):
                await receive()
                await send({"type": "lifespan.startup.failed", "message": "no database"})
            """
        )
        loaded = core.load()
        self.assertEqual((loaded["ok"], loaded["message"]), (False, "no database"))
        self.assertEqual(core.end(), 0)

    def test_a_lifespan_that_raises_is_told_and_served(self):
        core = self.serve(
            """
            async def app(scope, receive, send):
                if scope["type"] == "lifespan":
                    await receive()
                    raise ValueError("in startup")
                await send({"type": "http.response.start", "status": 200})
                await send({"type": "http.response.body", "body": b"on"})
            """
        )
        self.assertEqual(core.get("/").text, "on")
        self.assertIn("ValueError: in startup", core.logs[0][3])

    def test_a_shutdown_that_hangs_does_not_keep_it(self):
        core = self.serve(
            """
            import asyncio, threading, time
            threading.Thread(target=time.sleep, args=(3600,)).start()
            async def app(scope, receive, send):
                await receive()
                await send({"type": "lifespan.startup.complete"})
                await asyncio.sleep(3600)
            """
        )
        self.assertEqual(core.end(), 0)


if __name__ == "__main__":
    unittest.main()

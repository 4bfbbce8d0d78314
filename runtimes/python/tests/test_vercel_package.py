"""What packages find that look for the hosted platform. They stand in for those of test/e2e/python-services.test.ts."""

import json
import unittest

from .core import RuntimeCase

HEADERS = """
    from contextvars import ContextVar
    set_by_user = ContextVar("headers", default=None)
    set_headers = set_by_user.set
    def get_headers():
        return set_by_user.get()
"""

CONTEXT = """
    from contextvars import ContextVar
    from dataclasses import dataclass
    from vercel.headers import get_headers as _get_headers
    user_cache = ContextVar("cache", default=None)
    @dataclass
    class Snapshot:
        wait_until: object
        cache: object
        async_cache: object
        purge: object
        headers: object
    def get_context():
        return Snapshot(None, user_cache.get(), None, None, _get_headers())
"""

# Before async_cache.
OLD = CONTEXT.replace("        async_cache: object\n", "").replace("user_cache.get(), None", "user_cache.get()")

APP = """
    import asyncio, json, threading
    try:
        from vercel.cache.context import get_context
        from vercel.headers import get_headers, set_headers
    except ImportError:
        get_context = None

    def found():
        context = get_context()
        return {name: getattr(context, name, None) is not None for name in vars(context)}

    def in_thread():
        out = []
        thread = threading.Thread(target=lambda: out.append(found()))
        thread.start()
        thread.join()
        return out[0]

    async def app(scope, receive, send):
        assert scope["type"] == "http", "no lifespan"
        path = scope["path"][1:]
        if path == "late":
            from vercel.cache.context import get_context as late
            told = await late().async_cache.get("k")
        elif path == "thread":
            told = in_thread()
        elif path == "own":
            import vercel.cache.context as context
            context.user_cache.set("the user's")
            set_headers({"a": "b"})
            told = [get_context().cache, get_headers(), get_context().headers]
        elif path == "headers":
            told = [get_headers(), get_context().headers == get_headers()]
        else:
            told = found()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})
"""

WSGI = """
    from vercel.headers import get_headers
    def app(environ, start_response):
        start_response("200 OK", [])
        return [repr(get_headers()).encode()]
"""


class Package(RuntimeCase):
    def served(self, source: str, context: str = CONTEXT):
        return self.serve(source, files={"vercel/headers.py": HEADERS, "vercel/cache/context.py": context})

    def test_everything_is_there_in_every_thread(self):
        core = self.served(APP)
        everything = dict.fromkeys(("wait_until", "cache", "async_cache", "purge"), True)
        self.assertEqual(core.get("/").json, {**everything, "headers": True})
        # A thread of user code's own belongs to no invocation, unless it is told.
        self.assertEqual(core.get("/thread").json, {**everything, "headers": False})

    def test_headers_by_lower_case_name_and_joined(self):
        core = self.served(APP)
        more = [("X-Own", "1"), ("x-own", "2"), ("cookie", "a=1"), ("Cookie", "b=2")]
        told, same = core.get("/headers", headers=more).json
        self.assertTrue(same)
        self.assertEqual((told["x-own"], told["cookie"], told["host"]), ("1, 2", "a=1; b=2", "example.com"))
        self.assertIn("'x-own': '1, 2'", self.served(WSGI).get("/", headers=more).text)

    def test_what_the_user_has_set_comes_first(self):
        core = self.served(APP)
        self.assertEqual(core.get("/own").json, ["the user's", {"a": "b"}, {"a": "b"}])

    def test_imported_by_an_invocation(self):
        core = self.serve(
            APP.replace("from vercel.cache.context import get_context\n", "raise ImportError\n"),
            files={"vercel/headers.py": HEADERS, "vercel/cache/context.py": CONTEXT},
        )
        core.answering = lambda fields, body: ({"ok": True, "hit": True}, json.dumps(fields["key"]).encode())
        # The package makes what it likes of keys: what it gives is the key.
        self.assertEqual(core.get("/late").json, "k")

    def test_one_cache_for_what_is_awaited_and_what_is_not_is_left_to_the_package(self):
        told = self.served(APP, OLD).get("/").json
        self.assertEqual(told, {"wait_until": True, "cache": False, "purge": True, "headers": True})


if __name__ == "__main__":
    unittest.main()

"""What functions that block answer to who asks for a WebSocket: WSGI has no words for one."""

import unittest

from .core import NO_BODY, UPGRADE, RuntimeCase
from .test_websocket import ASKING

WSGI = """
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/upgrades":
            start_response("101 Switching Protocols", [("Upgrade", "websocket"), ("Connection", "Upgrade")])
            return []
        told = environ["HTTP_UPGRADE"], environ["HTTP_SEC_WEBSOCKET_VERSION"], environ["wsgi.input"].read()
        start_response("426 Upgrade Required", [("x-kind", "the application's own")])
        return [repr(told).encode()]
"""

HANDLER = """
    from http.server import BaseHTTPRequestHandler
    class handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(101 if self.path == "/upgrades" else 426)
            self.end_headers()
"""


class NoUpgrade(RuntimeCase):
    def asked(self, core, path):
        """As the edge has it: what asks for an upgrade has no body."""
        return core.wait(core.request(path, headers=ASKING, flags=UPGRADE | NO_BODY))

    def test_it_is_a_request_like_any_other(self):
        answer = self.asked(self.serve(WSGI), "/")
        self.assertEqual((answer.status, answer.header("x-kind")), (426, "the application's own"))
        self.assertEqual(answer.text, "('websocket', '13', b'')")
        self.assertEqual(self.asked(self.serve(HANDLER), "/").status, 426)

    def test_an_answer_of_101_fails_and_the_log_says_what_to_do(self):
        for source in (WSGI, HANDLER):
            answer = self.asked(self.serve(source), "/upgrades")
            self.assertEqual((answer.status, answer.failed), (None, ("FUNCTION_INVOCATION_FAILED", "Misuse")))
            told = "Only ASGI applications can upgrade a connection, to a WebSocket say: 101 is no answer here."
            self.assertEqual([text for _, _, text in answer.logs], [told])


if __name__ == "__main__":
    unittest.main()

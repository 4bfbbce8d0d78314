"""WebSockets: the codec, and ASGI applications over it."""

import os
import unittest

from weir_runtime import frames
from weir_runtime import websocket_codec as codec

from .core import UPGRADE, RuntimeCase

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ASKING = [
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", KEY),
]

APP = """
    import asyncio
    told = []
    gate = asyncio.Semaphore(0)
    async def app(scope, receive, send):
        if scope["type"] == "http":
            if scope["path"] == "/gate":
                gate.release()
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": repr(told).encode()})
            return
        assert scope["type"] == "websocket", "no lifespan"
        assert await receive() == {"type": "websocket.connect"}
        await globals()[scope["path"][1:]](scope, receive, send)

    async def echo(scope, receive, send):
        protocols = scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": protocols[-1] if protocols else None,
                    "headers": [(b"x-scheme", scope["scheme"].encode())]})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                told.append((message["code"], message["reason"]))
                return
            if message["text"] == "close":
                await send({"type": "websocket.close", "code": 4001, "reason": "as asked"})
                assert (await receive())["type"] == "websocket.disconnect"
                return
            if message["text"] == "raise":
                raise ValueError("broken")
            if message["text"] == "large":
                message = {"bytes": b"l" * 600_000, "text": None}
            await send({"type": "websocket.send", "bytes": message["bytes"], "text": message["text"]})

    async def refuse(scope, receive, send):
        await send({"type": "websocket.close"})

    async def deny(scope, receive, send):
        await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-why", b"no")]})
        await send({"type": "websocket.http.response.body", "body": b"who ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"are you"})

    async def gated(scope, receive, send):
        await send({"type": "websocket.accept"})
        while True:
            await gate.acquire()
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            data = message["bytes"]
            told = message["text"] if data is None else f"{len(data)}"
            await send({"type": "websocket.send", "bytes": None, "text": told})

    async def slow(scope, receive, send):
        await send({"type": "websocket.accept"})
        await asyncio.sleep(3600)
"""


def masked(opcode: int, payload: bytes, final: bool = True, bits: int = 0, mask: bytes = b"\x37\xfa\x21\x3d") -> bytes:
    length = len(payload)
    if length < 126:
        size = bytes((0x80 | length,))
    elif length < 0x10000:
        size = bytes((0x80 | 126,)) + length.to_bytes(2, "big")
    else:
        size = bytes((0x80 | 127,)) + length.to_bytes(8, "big")
    return bytes(((0x80 if final else 0) | bits | opcode,)) + size + mask + codec.unmask(payload, mask)


def sent_frames(data: bytes) -> list[tuple[int, bytes]]:
    """Whole frames of a server."""
    out = []
    while len(data) >= 2:
        length, at = data[1], 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length, at = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
        if len(data) < at + length:
            break
        out.append((data[0] & 0x0F, data[at : at + length]))
        data = data[at + length :]
    return out


class Codec(unittest.TestCase):
    def test_the_key_of_the_rfc(self):
        self.assertEqual(codec.accept_key(KEY.encode()), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

    def test_the_hello_of_the_rfc(self):
        data = bytes.fromhex("818537fa213d7f9f4d5158")
        self.assertEqual(codec.FrameDecoder().feed(data), [(codec.TEXT, "Hello")])
        self.assertEqual(codec.encode(codec.TEXT, b"Hello"), bytes.fromhex("810548656c6c6f"))

    def test_fragments_with_a_ping_between_byte_by_byte(self):
        data = (
            masked(codec.TEXT, "grö".encode()[:3], final=False)
            + masked(codec.PING, b"p")
            + masked(codec.CONTINUATION, "grö".encode()[3:] + b"!", final=False)
            + masked(codec.CONTINUATION, b"")
            + masked(codec.BINARY, os.urandom(70_000)[:0] + b"\0" * 70_000)
        )
        for size in (1, 5, len(data)):
            decoder, events = codec.FrameDecoder(), []
            for at in range(0, len(data), size) if size > 1 else range(len(data)):
                events += decoder.feed(data[at : at + size])
            self.assertEqual(events[:2], [(codec.PING, b"p"), (codec.TEXT, "grö!")])
            self.assertEqual(len(events[2][1]), 70_000)

    def test_what_is_not_allowed(self):
        bad = {
            "not masked": (bytes.fromhex("810548656c6c6f"), 1002),
            "a reserved bit": (masked(codec.TEXT, b"", bits=0x40), 1002),
            "an unknown opcode": (masked(0x3, b""), 1002),
            "a long ping": (masked(codec.PING, b"x" * 126), 1002),
            "a ping in fragments": (masked(codec.PING, b"", final=False), 1002),
            "a continuation of nothing": (masked(codec.CONTINUATION, b""), 1002),
            "a message in a message": (masked(codec.TEXT, b"", final=False) + masked(codec.TEXT, b""), 1002),
            "no UTF-8": (masked(codec.TEXT, b"\xff"), 1007),
            "too long": (masked(codec.BINARY, b"x" * 101), 1009),
            "too long in fragments": (masked(codec.BINARY, b"x" * 60, final=False) + masked(0, b"x" * 60), 1009),
            "a length in too many bytes": (b"\x82\xfe\x00\x05" + b"\0" * 9, 1002),
            "a negative length": (b"\x82\xff\x80" + b"\0" * 20, 1002),
            "a close code of one byte": (masked(codec.CLOSE, b"\x03"), 1002),
            "a close code that is not sent": (masked(codec.CLOSE, (1006).to_bytes(2, "big")), 1002),
            "a close code below 1000": (masked(codec.CLOSE, (999).to_bytes(2, "big")), 1002),
            "a close reason that is no UTF-8": (masked(codec.CLOSE, b"\x03\xe8\xff"), 1007),
        }
        for name, (data, code) in bad.items():
            with self.subTest(name), self.assertRaises(codec.WebSocketError) as raised:
                codec.FrameDecoder(100).feed(data)
            self.assertEqual(raised.exception.code, code, name)

    def test_nothing_comes_after_close(self):
        events = codec.FrameDecoder().feed(masked(codec.CLOSE, b"") + masked(codec.TEXT, b"x"))
        self.assertEqual(events, [(codec.CLOSE, 1005, "")])

    def test_a_reason_is_cut_between_characters(self):
        self.assertLessEqual(len(codec.encode_close(1000, "ä" * 200)), 127)
        codec.encode_close(1000, "ä" * 200)[4:].decode("utf-8")


class WebSockets(RuntimeCase):
    @classmethod
    def setUpClass(cls):
        case = cls()
        cls.core = case.serve(APP)
        cls.addClassCleanup(case.doCleanups)

    def runTest(self):
        """For setUpClass."""

    def open(self, path="/echo", headers=()):
        answer = self.core.request(path, headers=[*ASKING, *headers], flags=UPGRADE)
        self.core.until(lambda: answer.status is not None)
        return answer

    def say(self, answer, data: bytes) -> None:
        self.core.send(frames.BODY, answer.stream, data)

    def heard(self, answer, count: int):
        self.core.until(lambda: len(sent_frames(answer.body)) >= count)
        return sent_frames(answer.body)

    def test_echo(self):
        answer = self.open(headers=[("sec-websocket-protocol", "chat, soap")])
        self.assertEqual((answer.status, answer.header("sec-websocket-protocol")), (101, "soap"))
        self.assertEqual(answer.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        self.assertEqual((answer.header("upgrade"), answer.header("x-scheme")), ("websocket", "wss"))
        self.say(answer, masked(codec.TEXT, b"a", final=False))
        self.say(answer, masked(codec.PING, b"here?") + masked(codec.CONTINUATION, b"b")[:3])
        self.say(answer, masked(codec.CONTINUATION, b"b")[3:] + masked(codec.BINARY, b"\0\1"))
        self.assertEqual(
            self.heard(answer, 3), [(codec.PONG, b"here?"), (codec.TEXT, b"ab"), (codec.BINARY, b"\0\1")]
        )
        self.say(answer, masked(codec.CLOSE, (4000).to_bytes(2, "big") + b"bye"))
        self.core.send(frames.BODY_END, answer.stream)
        self.core.wait(answer)
        self.assertEqual(sent_frames(answer.body)[-1], (codec.CLOSE, (4000).to_bytes(2, "big")))
        self.assertIn("(4000, 'bye')", self.core.get("/").text)

    def test_the_application_closes(self):
        answer = self.open()
        self.say(answer, masked(codec.TEXT, b"close"))
        self.core.wait(answer)
        self.assertEqual(sent_frames(answer.body), [(codec.CLOSE, (4001).to_bytes(2, "big") + b"as asked")])

    def test_the_application_raises(self):
        answer = self.open()
        self.say(answer, masked(codec.TEXT, b"raise"))
        self.core.wait(answer)
        self.assertEqual(sent_frames(answer.body), [(codec.CLOSE, (1011).to_bytes(2, "big"))])
        self.assertIn("ValueError: broken", answer.logs[0][2])

    def test_a_bad_frame(self):
        answer = self.open()
        self.say(answer, b"\x81\x05hello")
        self.core.wait(answer)
        (opcode, payload), *more = sent_frames(answer.body)
        self.assertEqual((opcode, payload[:2], more), (codec.CLOSE, (1002).to_bytes(2, "big"), []))
        self.assertIn("(1002,", self.core.get("/").text)

    def test_the_client_leaves(self):
        answer = self.open()
        self.core.send(frames.CANCEL, answer.stream, b"\0")
        self.core.until(lambda: answer.returned)
        self.assertIn("(1006, '')", self.core.get("/").text)
        answer = self.open()
        self.core.send(frames.BODY_END, answer.stream)
        self.core.wait(answer)

    def test_refused(self):
        answer = self.core.wait(self.core.request("/refuse", headers=ASKING, flags=UPGRADE))
        self.assertEqual(answer.status, 403)
        answer = self.core.wait(self.core.request("/deny", headers=ASKING, flags=UPGRADE))
        self.assertEqual((answer.status, answer.header("x-why"), answer.text), (401, "no", "who are you"))
        old = [field for field in ASKING if field[0] != "sec-websocket-version"]
        self.assertEqual(self.core.wait(self.core.request("/echo", headers=old, flags=UPGRADE)).status, 426)
        other = self.core.wait(self.core.request("/", headers=[("upgrade", "h2c")], flags=UPGRADE | 1))
        self.assertEqual(other.status, 200)

    def test_a_large_message_waits_for_credit(self):
        answer = self.open()
        self.say(answer, masked(codec.TEXT, b"large"))
        self.core.until(lambda: len(answer.body) == 262144)
        self.say(answer, masked(codec.PING, b"p"))
        self.core.ping()
        self.assertEqual(len(answer.body), 262144)
        self.core.send(frames.CREDIT, answer.stream, (1 << 20).to_bytes(4, "big"))
        self.assertEqual([opcode for opcode, _ in self.heard(answer, 2)], [codec.BINARY, codec.PONG])
        self.core.send(frames.CANCEL, answer.stream, b"\0")
        self.core.until(lambda: answer.returned)

    def test_credit_comes_as_the_application_takes_messages(self):
        answer = self.open("/gated")
        text = "ä" * 50_000
        for _ in range(2):
            self.say(answer, masked(codec.TEXT, text.encode()))
        self.core.ping()
        self.assertEqual(answer.credit, 0)
        # One is less than half of the window, which is what is told at once.
        for _ in range(2):
            self.core.get("/gate")
        self.core.until(lambda: answer.credit)
        # The application has both: what came to it, and the frames around it.
        self.assertEqual(answer.credit, 2 * len(masked(codec.TEXT, text.encode())))
        self.core.send(frames.CANCEL, answer.stream, b"\0")
        self.core.get("/gate")
        self.core.until(lambda: answer.returned)

    def test_a_message_longer_than_the_window_comes_once_none_waits_before_it(self):
        answer = self.open("/gated")
        first, large = masked(codec.BINARY, b"1" * 10), masked(codec.BINARY, b"l" * 1_000_000)
        sent = 262144 - len(first)
        self.say(answer, first + large[:sent])
        self.core.ping()
        self.assertEqual(answer.credit, 0)
        self.core.get("/gate")
        while sent < len(large):
            piece = large[sent : sent + 50_000]
            self.core.until(lambda: 262144 + answer.credit >= len(first) + sent + len(piece))
            self.say(answer, piece)
            sent += len(piece)
        self.core.ping()
        # It is the one that waits now. What came is made up for, not counted again.
        credit = answer.credit
        self.say(answer, masked(codec.BINARY, b"2" * 50_000))
        self.core.ping()
        self.assertEqual(answer.credit, credit)
        for _ in range(2):
            self.core.get("/gate")
        told = [payload for _, payload in self.heard(answer, 3)]
        self.assertEqual(told, [b"10", b"1000000", b"50000"])
        self.core.send(frames.CANCEL, answer.stream, b"\0")
        self.core.get("/gate")
        self.core.until(lambda: answer.returned)

    def test_a_slow_application_stops_its_client(self):
        answer = self.open("/slow")
        sent = 0
        piece = masked(codec.BINARY, b"x" * 8000)
        while sent + len(piece) <= 262144:
            self.say(answer, piece)
            sent += len(piece)
        self.core.ping()
        self.assertEqual(answer.credit, 0)
        self.core.send(frames.CANCEL, answer.stream, b"\1")
        self.core.until(lambda: answer.returned)


if __name__ == "__main__":
    unittest.main()

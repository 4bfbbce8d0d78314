"""The golden vectors of protocol/, as far as they are of the runtime's frames; and bytes that nobody meant."""

import json
import os
import random
import unittest

from weir_runtime import __main__ as entry
from weir_runtime import frames, head
from weir_runtime.call import Call
from weir_runtime.session import Session

from .core import FROM_HERE

VECTORS = os.path.join(FROM_HERE, "../../../protocol/vectors/tunnel.json")
with open(VECTORS) as file:
    vectors = json.load(file)

SENT = {"HELLO", "LOG", "BACKGROUND", "GOODBYE", "LOADED", "RESPONSE", "INFORM", "FAILED", "PING", "PONG"}
SENT |= {"METRIC"}
LEVELS = {"debug": 0, "info": 1, "warn": 2, "error": 3}
SOURCES = {"platform": 0, "stdout": 1, "stderr": 2}


class Written:
    def __init__(self):
        self.frames = []
        self.extend = self.frames.extend

    def written(self):
        pass

    def flush(self):
        pass


class Taken:
    """A function that notes what it gets."""

    def __init__(self):
        self.calls = {}
        self.noted = []
        self.window_bytes = vectors["session"]["windowBytes"]
        self.writer = Written()

    def begin(self, stream, flags, left_ms, request):
        self.noted.append((stream, flags, left_ms, request))
        self.calls[stream] = NotedCall(self, stream, "i", 0)


class NotedCall(Call):
    def got_body(self, payload):
        self.service.noted.append(payload)

    got_credit = got_body_end = lambda self: None

    def got_cancel(self, reason):
        self.service.noted.append(reason)


def session_for(when: str) -> Session:
    session = Session(Written())
    if when != "greeting":
        own = vectors["session"]
        fields = {name: own[name] for name in ("instance", "maxStreams", "windowBytes")}
        session.reader.feed(frames.frame(frames.WELCOME, 0, b"\1" + json.dumps(fields).encode()))
    return session


def waits(session: Session, vector):
    """Somebody has asked under the number that is answered."""
    session.asks._number = vector["meaning"]["number"] - 1
    return session.asks._submit(b"{}", b"", lambda: None)


class Vectors(unittest.TestCase):
    def test_what_is_written_is_the_vectors(self):
        seen = 0
        for vector in vectors["valid"]:
            if vector["from"] == "instance" and vector["type"] in SENT and vector["on"] == "data":
                written = self.written(vector["type"], vector["stream"], vector["meaning"])
                if written is not None:
                    seen += 1
                    self.assertEqual(written.hex(), vector["hex"], vector["name"])
        self.assertGreaterEqual(seen, 15)

    def written(self, kind, stream, meaning):
        if kind in ("PING", "PONG"):
            return frames.frame(getattr(frames, kind), stream, bytes.fromhex(meaning["opaque"]))
        if kind == "LOG":
            return frames.log(stream, LEVELS[meaning["level"]], SOURCES[meaning["source"]], meaning["text"])
        if kind == "METRIC":
            named = {"name": meaning["name"], "attributes": meaning["attributes"]}
            return frames.metric(meaning["value"], json.dumps(named, separators=(",", ":")).encode())
        if kind == "BACKGROUND":
            return frames.background(meaning["outstanding"])
        if kind == "GOODBYE":
            return frames.goodbye(meaning["code"], meaning["detail"])
        if kind == "FAILED":
            return frames.failed(stream, meaning["cpuUs"], meaning["code"], meaning["detail"])
        if kind in ("RESPONSE", "INFORM"):
            fields = [field.encode("latin-1") for field in meaning["headers"]]
            flat = head.answer_head(list(zip(fields[::2], fields[1::2])))
            if kind == "INFORM":
                return frames.inform(stream, meaning["status"], flat)
            body = bytes.fromhex(meaning.get("body") or "")
            first = frames.response_head(
                stream, meaning["complete"], meaning["status"], meaning["cpuUs"], flat, len(body)
            )
            return first + flat + body
        return None

    def test_what_is_read_is_the_vectors(self):
        seen = 0
        for vector in vectors["valid"]:
            if vector["from"] != "router" or vector["on"] != "data" or vector["type"] == "RECALL":
                continue
            seen += 1
            with self.subTest(vector["name"]):
                session = session_for("greeting" if vector["type"] == "WELCOME" else "open")
                # Vectors use slots of a larger session.
                session.reader.streams = 0x10000
                session.service = Taken()
                asked = waits(session, vector) if vector["type"] == "ANSWER" else None
                session.reader.feed(bytes.fromhex(vector["hex"]))
                if asked is not None:
                    self.answer_is(asked, vector["meaning"])
                elif vector["type"] == "REQUEST":
                    self.request_is(session.service.noted, vector)
                elif vector["type"] == "LOAD":
                    for name, value in vector["meaning"].items():
                        self.assertEqual(session.load_order[name], value)
                elif vector["type"] == "WELCOME":
                    self.assertEqual(session.window_bytes, vector["meaning"]["windowBytes"])
        self.assertGreater(seen, 15)

    def answer_is(self, asked, meaning):
        fields = meaning["begin"]["fields"]
        if fields["ok"]:
            self.assertEqual(asked.answer, (fields, bytes.fromhex(meaning["bytes"])))
        else:
            self.assertEqual((asked.failure.code, str(asked.failure)), (fields["code"], fields["message"]))

    def test_asks_are_the_vectors(self):
        """Whole ones; what is longer than a frame is in test_services."""
        whole = [vector for vector in vectors["valid"] if vector["type"] == "ASK" and vector["meaning"]["ends"]]
        seen = 0
        for vector in whole:
            begin, number = vector["meaning"]["begin"], vector["meaning"]["number"]
            if begin is not None:
                seen += 1
                fields = json.dumps(begin["fields"], separators=(",", ":")).encode()
                body = bytes.fromhex(vector["meaning"]["bytes"])
                self.assertEqual([part.hex() for part in frames.ask(number, fields, body)], [vector["hex"]])
        self.assertGreater(seen, 0)
        (first, last) = frames.ask(7, b"{}", b"a" * 262144 + b"b")
        self.assertEqual(first[8:23], b"\0\0\0\7\1" + b"\0\0\0\2\0\4\0\1" + b"{}")
        self.assertEqual(last[8:], b"\0\0\0\7\2b")

    def request_is(self, noted, vector):
        stream, flags, left_ms, (invocation_id, method, target, names, values) = noted[0]
        meaning = vector["meaning"]
        self.assertEqual((stream, flags, left_ms), (vector["stream"], meaning["flags"], meaning["leftMs"]))
        self.assertEqual(invocation_id.decode(), meaning["id"])
        self.assertEqual((method.decode(), target.decode("latin-1")), (meaning["method"], meaning["target"]))
        self.assertEqual([name.decode() for name in names], [name.lower() for name in meaning["headers"][::2]])
        self.assertEqual([value.decode("latin-1") for value in values], meaning["headers"][1::2])

    def test_what_is_invalid_is_refused(self):
        seen = 0
        for vector in vectors["invalid"]:
            if vector["to"] != "instance" or vector["on"] != "data":
                continue
            seen += 1
            with self.subTest(vector["name"]):
                session = session_for(vector["when"])
                session.service = Taken() if vector["when"] == "open" else None
                if vector["code"] == "CREDIT_OVERRUN":
                    session.service.begin(0x10000, 0, 0, None)
                # RECALL is never sent here, with whatever payload.
                code = "UNEXPECTED_FRAME" if vector["name"].startswith("recall") else vector["code"]
                with self.assertRaises(head.ProtocolError) as raised:
                    session.reader.feed(bytes.fromhex(vector["hex"]))
                self.assertEqual(raised.exception.code, code)
        self.assertGreater(seen, 25)

    def test_what_nobody_knows_is_skipped(self):
        for vector in vectors["skipped"]:
            session = session_for("open")
            session.reader.feed(bytes.fromhex(vector["hex"]))
            self.assertEqual(session.writer.frames, [])

    def test_hello_is_the_same_by_hand(self):
        version = json.loads(entry._hello()[14:])["runtime"]
        self.assertRegex(version, r"^python3\.\d+\.\d+")
        self.assertEqual(entry._hello(), frames.hello(os.getpid(), version))


class Fuzz(unittest.TestCase):
    def test_random_bytes_end_in_an_error_of_the_protocol_or_in_nothing(self):
        chance = random.Random(11)
        for _ in range(3000):
            session = session_for(chance.choice(("greeting", "open")))
            session.service = Taken() if session.welcomed else None
            self.feed(session, chance, self.made(chance))

    def made(self, chance) -> bytes:
        if chance.random() < 0.3:
            return chance.randbytes(chance.randrange(64))
        out = b""
        for _ in range(chance.randrange(1, 6)):
            kind = chance.choice((*frames.FROM_CORE, chance.randrange(256)))
            stream = chance.choice((0, 0x10000, 0x10001, chance.getrandbits(32)))
            noise = chance.randbytes(chance.randrange(40))
            payload = bytearray(chance.choice((b"", b"\1\0\0\0\0i\nGET\n/", b"{}", noise)))
            if payload and chance.random() < 0.5:
                payload[chance.randrange(len(payload))] = chance.randrange(256)
            out += frames.frame(kind, stream, bytes(payload))
        return out

    def feed(self, session, chance, data: bytes):
        at = 0
        while at < len(data):
            end = at + chance.choice((1, 3, 8, 100))
            try:
                session.reader.feed(data[at:end])
            except head.ProtocolError as error:
                self.assertRegex(error.code, "^[A-Z_]+$")
                return
            at = end

    def test_frames_in_pieces_are_frames(self):
        data = b"".join(bytes.fromhex(vector["hex"]) for vector in vectors["skipped"]) * 3
        ping = frames.frame(frames.PING, 0, b"abcdefgh")
        for size in (1, 2, 7, 9, 1000):
            session = session_for("open")
            whole = data + ping + data
            for at in range(0, len(whole), size):
                session.reader.feed(whole[at : at + size])
            self.assertEqual(session.writer.frames, [frames.frame(frames.PONG, 0, b"abcdefgh")])


class Heads(unittest.TestCase):
    def test_no_field_smuggles_in_another(self):
        bad = [(b"a", b"b\nc"), (b"a\nb", b"c"), (b"", b"v"), (b"a b", b"c"), (b"a:", b"c")]
        bad += [(b"a", b"\x1b"), (b"a", b"\r")]
        for pair in bad:
            for headers in ([pair], [(b"x", b"y"), pair], [pair, (b"x", b"y")]):
                with self.assertRaises(head.HeadError):
                    head.answer_head(headers)

    def test_names_that_are_known_are_the_names_that_were_valid(self):
        for _ in range(2):
            self.assertEqual(head.answer_head([(b"A", b"1"), (b"b", b"2")]), b"A\n1\nb\n2")
            with self.assertRaises(head.HeadError):
                # The same names joined, with a line feed of their own.
                head.answer_head([(b"A\nb", b"1")])

    def test_an_error_names_the_field_and_never_the_value(self):
        with self.assertRaisesRegex(head.HeadError, "authorization") as raised:
            head.answer_head([(b"authorization", b"secret\x01")])
        self.assertNotIn("secret", str(raised.exception))


if __name__ == "__main__":
    unittest.main()

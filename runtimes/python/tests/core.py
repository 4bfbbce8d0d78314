"""A core for tests: starts the runtime as Weir's does, speaks frames to it over a socketpair, looks at what comes."""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

from weir_runtime import frames

FROM_HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(os.path.dirname(FROM_HERE), "weir_runtime")

# Sanity alone: nothing here waits for time to pass, and the machine may be busy.
PATIENCE_S = 60
WINDOW_BYTES = 262144
NO_BODY, UPGRADE = 1, 2


class Answer:
    """What came for one stream."""

    def __init__(self, stream: int):
        self.stream = stream
        self.status = None
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.informed: list[tuple[int, list]] = []
        self.failed = None
        self.cpu_us = None
        self.ended = False
        self.returned = False
        self.credit = 0
        self.logs: list[tuple[int, int, str]] = []

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def header(self, name: str):
        return next((value for key, value in self.headers if key.lower() == name), None)


def head_fields(head: bytes) -> list[tuple[str, str]]:
    parts = head.decode("latin-1").split("\n") if head else []
    return list(zip(parts[::2], parts[1::2]))


class Core:
    def __init__(self, entry: str, window_bytes: int = WINDOW_BYTES, max_streams: int = 8192):
        self.entry = entry
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(PATIENCE_S)
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment["WEIR_RUNTIME_FD"] = str(theirs.fileno())
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-X", "utf8", os.path.join(PACKAGE, "__main__.py")],
            pass_fds=[theirs.fileno()],
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()
        self._data = b""
        self.answers: dict[int, Answer] = {}
        self.logs: list[tuple[int, int, int, str]] = []
        self.background = [0]
        self.pongs: list[bytes] = []
        # Custom metrics; asks, and who answers: a function of fields and body, None: nobody does.
        self.metrics: list[tuple[float, dict]] = []
        self.asked: list[tuple[int, dict, bytes]] = []
        self.answering = None
        self._asking: dict[int, tuple[dict, int, bytes]] = {}
        self.loaded = None
        self.hello = None
        self.goodbye = None
        self.closed = False
        self._slot = 0
        welcome = {"instance": "", "maxStreams": max_streams, "windowBytes": window_bytes}
        self.send(frames.WELCOME, 0, b"\1" + json.dumps(welcome).encode())
        self.until(lambda: self.hello)

    def send(self, kind: int, stream: int, payload: bytes = b"") -> None:
        self.sock.sendall(frames.frame(kind, stream, payload))

    def load(self, environment=None, module_paths=(), max_concurrency=None, root=None, launch="python", export=None):
        order = {
            "function": "f",
            "root": root or os.path.dirname(self.entry),
            "entry": self.entry,
            "launch": launch,
            "environment": environment or {},
            "memoryMiB": 2048,
            "maxDurationMs": 300000,
            "maxConcurrency": max_concurrency,
            "deployment": "dpl",
            "project": "p",
            "modulePaths": list(module_paths),
        }
        if export is not None:
            order["eventExport"] = export
        self.send(frames.LOAD, 0, json.dumps(order).encode())
        self.until(lambda: self.loaded)
        return self.loaded

    def request(self, target="/", method="GET", headers=(), body=None, flags=None, left_ms=300000) -> Answer:
        """body None: none follows; bytes: sent whole, within the window; otherwise the test sends it."""
        self._slot += 1
        stream = 1 << 16 | self._slot
        fields = [("host", "example.com"), ("x-forwarded-for", "10.1.2.3"), ("x-forwarded-proto", "https"), *headers]
        head = "\n".join([f"inv_{self._slot}", method, target, *[part for field in fields for part in field]])
        if flags is None:
            flags = NO_BODY if body is None else 0
        answer = self.answers[stream] = Answer(stream)
        self.send(frames.REQUEST, stream, struct.pack(">BI", flags, left_ms) + head.encode("latin-1"))
        if body is not None:
            if body:
                self.send(frames.BODY, stream, body)
            self.send(frames.BODY_END, stream)
        return answer

    def get(self, *args, **named) -> Answer:
        return self.wait(self.request(*args, **named))

    def wait(self, answer: Answer) -> Answer:
        self.until(lambda: answer.ended)
        return answer

    def until(self, happened) -> None:
        ends = time.monotonic() + PATIENCE_S
        while not happened():
            if self.closed or time.monotonic() > ends:
                raise AssertionError(f"did not happen; exit {self.process.poll()}, logs {self.logs}")
            self.read()

    def ping(self) -> None:
        """Returns when all that was sent before has been taken, and its first steps were run."""
        count = len(self.pongs)
        self.send(frames.PING, 0, b"12345678")
        self.until(lambda: len(self.pongs) > count)

    def read(self) -> None:
        try:
            data = self.sock.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        self.closed = not data
        self._data += data
        while len(self._data) >= 8:
            word, stream = struct.unpack_from(">II", self._data)
            end = 8 + (word >> 8)
            if len(self._data) < end:
                break
            self._take(word & 0xFF, stream, self._data[8:end])
            self._data = self._data[end:]

    def _take(self, kind: int, stream: int, payload: bytes) -> None:
        if kind == frames.LOG:
            line = (payload[0], payload[1], payload[2:].decode())
            self.logs.append((stream, *line))
            if stream in self.answers:
                self.answers[stream].logs.append(line)
        elif kind == frames.HELLO:
            self.hello = json.loads(payload[6:])
        elif kind == frames.LOADED:
            self.loaded = json.loads(payload)
        elif kind == frames.BACKGROUND:
            self.background.append(int.from_bytes(payload, "big"))
        elif kind == frames.PONG:
            self.pongs.append(payload)
        elif kind == frames.METRIC:
            self.metrics.append((struct.unpack(">d", payload[:8])[0], json.loads(payload[8:])))
        elif kind == frames.ASK:
            self._take_ask(payload)
        elif kind == frames.GOODBYE:
            self.goodbye = payload.decode().split("\n")
        else:
            self._take_answer(self.answers[stream], kind, payload)

    def _take_ask(self, payload: bytes) -> None:
        number, flags = struct.unpack_from(">IB", payload)
        data = payload[5:]
        if flags & frames.BEGINS:
            length, size = struct.unpack_from(">II", data)
            self._asking[number] = json.loads(data[8 : 8 + length]), size, b""
            data = data[8 + length :]
        fields, size, body = self._asking[number]
        body += data
        assert len(data) <= 262144
        self._asking[number] = fields, size, body
        if not flags & frames.ENDS:
            return
        assert len(body) == size
        del self._asking[number]
        self.asked.append((number, fields, body))
        if self.answering is not None:
            self.answer(number, *self.answering(fields, body))

    def answer(self, number: int, fields: dict, body: bytes = b"", step: int = 262144) -> None:
        told = json.dumps(fields).encode()
        for at in range(0, len(body) or 1, step):
            flags = (0 if at else frames.BEGINS) | (frames.ENDS if at + step >= len(body) else 0)
            begin = b"" if at else struct.pack(">II", len(told), len(body)) + told
            self.send(frames.ANSWER, 0, struct.pack(">IB", number, flags) + begin + body[at : at + step])

    def _take_answer(self, answer: Answer, kind: int, payload: bytes) -> None:
        if kind == frames.BODY_END and not payload:
            assert not answer.returned, "returned twice"
            answer.returned = True
            return
        assert not answer.ended or kind == frames.CREDIT, f"type {kind:#x} after the end"
        if kind == frames.RESPONSE:
            flags, status, cpu_us, length = struct.unpack_from(">BHII", payload)
            assert answer.status is None, "two answers"
            answer.status, answer.headers = status, head_fields(payload[11 : 11 + length])
            answer.body, answer.ended, answer.cpu_us = payload[11 + length :], bool(flags & 1), cpu_us
        elif kind == frames.INFORM:
            answer.informed.append((int.from_bytes(payload[:2], "big"), head_fields(payload[2:])))
        elif kind == frames.BODY:
            assert answer.status is not None and payload
            answer.body += payload
        elif kind == frames.BODY_END:
            answer.ended, answer.cpu_us = True, int.from_bytes(payload, "big")
        elif kind == frames.FAILED:
            code, _, detail = payload[4:].decode().partition("\n")
            answer.failed, answer.ended = (code, detail), True
        elif kind == frames.CREDIT:
            answer.credit += int.from_bytes(payload, "big")
        else:
            raise AssertionError(f"unexpected type {kind:#x}")

    def end(self) -> int:
        """GOODBYE and SIGTERM, as the core does it. The exit code."""
        if self.process.poll() is None:
            try:
                self.send(frames.GOODBYE, 0, b"DRAINED\n")
            except OSError:
                pass
            self.process.send_signal(signal.SIGTERM)
        return self.exit_code()

    def exit_code(self) -> int:
        while not self.closed:
            self.read()
        code = self.process.wait(PATIENCE_S)
        self.stderr = self.process.stderr.read().decode()
        return code

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.sock.close()


class RuntimeCase(unittest.TestCase):
    """Functions by their source, each with its own process, which is ended with the test."""

    def start(self, source: str, name: str = "app.py", files=None, **options) -> Core:
        root = tempfile.mkdtemp(prefix="weir-python-")
        self.addCleanup(shutil.rmtree, root)
        for path, text in {name: source, **(files or {})}.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w") as file:
                file.write(textwrap.dedent(text))
        core = Core(os.path.join(root, name), **options)
        core.root = root
        self.addCleanup(core.kill)
        return core

    def serve(self, source: str, load=None, **named) -> Core:
        core = self.start(source, **named)
        loaded = core.load(root=core.root, **(load or {}))
        self.assertTrue(loaded["ok"], loaded)
        return core

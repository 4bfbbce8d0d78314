# Hot path: every frame is read and written here.
"""Frames of the runtime protocol, as bytes and back. Sans I/O: protocol/runtime.md, protocol/tunnel.md."""

import json
from struct import Struct

from .head import ProtocolError
from .limits import (
    ASK_BODY_BYTES,
    ASK_FRAME_BYTES,
    ASK_JSON_BYTES,
    DETAIL_BYTES,
    FRAME_PAYLOAD_BYTES,
    LOG_TEXT_BYTES,
    MAX_OUTSTANDING_BYTES,
    SESSION_JSON_BYTES,
)

HELLO, WELCOME, PING, PONG, LOG, BACKGROUND, DRAIN, GOODBYE = 0x01, 0x02, 0x03, 0x04, 0x06, 0x07, 0x08, 0x09
LOAD, LOADED, METRIC, ASK, ANSWER = 0x0A, 0x0B, 0x0D, 0x0E, 0x0F
REQUEST, BODY, BODY_END, CANCEL, RESPONSE, INFORM, FAILED, CREDIT = 0x20, 0x21, 0x22, 0x23, 0x25, 0x26, 0x27, 0x29

FROM_CORE = frozenset((WELCOME, PING, PONG, DRAIN, GOODBYE, LOAD, ANSWER, REQUEST, BODY, BODY_END, CANCEL, CREDIT))
# What the tunnel knows and the core does not send here. Types that nobody knows are skipped.
_NOT_FROM_CORE = frozenset((*range(0x01, 0x10), *range(0x20, 0x2B))) - FROM_CORE

DEBUG, INFO, WARN, ERROR = 0, 1, 2, 3
PLATFORM, STDOUT, STDERR = 0, 1, 2
CANCEL_CLIENT, CANCEL_TIMEOUT, CANCEL_UNWANTED = 0, 1, 2

VERSION = 1
_HEADER = Struct(">II")
_RESPONSE = Struct(">IIBHII")
_U32 = Struct(">I")
_F64 = Struct(">d")
_PART = Struct(">IB")
_REQUEST = Struct(">BI")
header = _HEADER.pack


def frame(kind: int, stream: int, payload: bytes = b"") -> bytes:
    return header(len(payload) << 8 | kind, stream) + payload


def hello(pid: int, runtime: str) -> bytes:
    fields = {"token": "", "role": "data", "pid": pid, "runtime": runtime}
    return frame(HELLO, 0, b"WEIR" + bytes((VERSION, VERSION)) + json.dumps(fields).encode())


def log(stream: int, level: int, source: int, text: str) -> bytes:
    # Lone surrogates are no UTF-8: what cannot be said is escaped, not lost.
    payload = text.encode("utf-8", "backslashreplace")
    if len(payload) > LOG_TEXT_BYTES:
        cut = " … (cut)".encode()
        payload = payload[: LOG_TEXT_BYTES - len(cut)].decode("utf-8", "ignore").encode() + cut
    return frame(LOG, stream, bytes((level, source)) + payload)


def background(outstanding: int) -> bytes:
    return frame(BACKGROUND, 0, _U32.pack(outstanding))


def goodbye(code: str, detail: str = "") -> bytes:
    return frame(GOODBYE, 0, code.encode() + b"\n" + _cut(detail))


def loaded(fields: dict) -> bytes:
    return frame(LOADED, 0, json.dumps(fields).encode())


def response_head(stream: int, complete: bool, status: int, cpu_us: int, head: bytes, body_bytes: int) -> bytes:
    """All of a RESPONSE but its head and body, which follow."""
    length = len(head)
    return _RESPONSE.pack((11 + length + body_bytes) << 8 | RESPONSE, stream, complete, status, cpu_us, length)


def inform(stream: int, status: int, head: bytes) -> bytes:
    return frame(INFORM, stream, status.to_bytes(2, "big") + head)


def failed(stream: int, cpu_us: int, code: str, detail: str) -> bytes:
    return frame(FAILED, stream, _U32.pack(cpu_us) + code.encode() + b"\n" + _cut(detail))


def body_end(stream: int, cpu_us: int) -> bytes:
    return frame(BODY_END, stream, _U32.pack(cpu_us))


def credit(stream: int, count: int) -> bytes:
    return frame(CREDIT, stream, _U32.pack(count))


BEGINS, ENDS = 1, 2


def ask(number: int, fields: bytes, body: bytes) -> tuple[bytes, ...]:
    """A whole ask: of a JSON object and a body, in as many frames as the body takes."""
    parts = []
    for at in range(0, len(body) or 1, ASK_FRAME_BYTES):
        ends = ENDS if at + ASK_FRAME_BYTES >= len(body) else 0
        begin = b"" if at else header(len(fields), len(body)) + fields
        head = _PART.pack(number, (0 if at else BEGINS) | ends)
        parts.append(frame(ASK, 0, head + begin + body[at : at + ASK_FRAME_BYTES]))
    return tuple(parts)


def metric(value: float, fields: bytes) -> bytes:
    return frame(METRIC, 0, _F64.pack(value) + fields)


def _cut(detail: str) -> bytes:
    return detail.encode("utf-8", "backslashreplace")[:DETAIL_BYTES].decode("utf-8", "ignore").encode()


# Bytes were read and not yet looked at: a signal handler or a finalizer that runs now must not read what follows them.
BETWEEN = -1


class FrameReader:
    """Bytes in, frames out to `take(kind, stream, payload)`; payloads are bytes of their own."""

    def __init__(self, take):
        self._take = take
        # What is being read, or is left of it; and how far that was taken. BETWEEN: nobody can read on now.
        self._rest = b""
        self.taken = 0
        self.streams = 0x10000

    def feed(self, data: bytes) -> None:
        """Raises ProtocolError; the connection is of no use then."""
        self.taken = BETWEEN
        if self._rest:
            data = self._rest + data
        self._rest = data
        at = 0
        size = len(data)
        take = self._take
        unpack = _HEADER.unpack_from
        while size - at >= 8:
            word, stream = unpack(data, at)
            length = word >> 8
            if length > FRAME_PAYLOAD_BYTES:
                raise ProtocolError("FRAME_TOO_LARGE", f"a frame of {length} bytes")
            end = at + 8 + length
            if end > size:
                break
            kind = word & 0xFF
            if kind >= 0x20:
                # The slot is below maxStreams, the generation is not 0.
                if kind in FROM_CORE and (stream < 0x10000 or (stream & 0xFFFF) >= self.streams):
                    raise ProtocolError("BAD_STREAM", f"stream {stream:#x}")
            elif stream and kind in FROM_CORE:
                raise ProtocolError("BAD_STREAM", "a stream where there is none")
            payload = data[at + 8 : end]
            at = end
            if kind in FROM_CORE:
                self.taken = end
                take(kind, stream, payload)
                self.taken = BETWEEN
                if self._rest is not data:
                    # What was taken blocked, and has read on: it left this.
                    data, at = self._rest, 0
                    size = len(data)
            elif kind in _NOT_FROM_CORE:
                raise ProtocolError("UNEXPECTED_FRAME", f"type {kind:#x} from the core")
        # Of a large frame that comes in pieces the beginning is copied again at each: a frame is 1 MiB at most.
        self._rest = data[at:] if at < size else b""
        self.taken = 0

    def feed_answers(self, data: bytes, taken: int) -> bool:
        """For who blocks, perhaps within feed(): takes ANSWERs alone. False: GOODBYE is among what is left.

        `taken` is what it was before `data` was read.
        """
        data = self._rest[taken:] + data
        left, at, since, parting = [], 0, 0, False
        while len(data) - at >= 8:
            word, stream = _HEADER.unpack_from(data, at)
            end = at + 8 + (word >> 8)
            if end > len(data):
                break
            parting = parting or word & 0xFF == GOODBYE
            if word & 0xFF == ANSWER and not stream:
                self._take(ANSWER, 0, data[at + 8 : end])
                left.append(data[since:at])
                since = end
            at = end
        # Not the same object as before, also where nothing was taken: that is how feed() knows.
        self._rest = b"".join((*left, data[since:]))
        self.taken = 0
        return not parting


def _json(payload: bytes, limit: int, what: str) -> dict:
    if len(payload) > limit:
        raise ProtocolError("BAD_FRAME", f"{what}: too long")
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise ProtocolError("BAD_FRAME", f"{what}: no JSON object")
    return fields


def _is_count(value: object, lowest: int, highest: int) -> bool:
    return type(value) is int and lowest <= value <= highest


def read_welcome(payload: bytes) -> dict:
    if not payload:
        raise ProtocolError("BAD_FRAME", "an empty WELCOME")
    if payload[0] != VERSION:
        raise ProtocolError("VERSION", f"version {payload[0]} was not offered")
    fields = _json(payload[1:], SESSION_JSON_BYTES, "WELCOME")
    if not isinstance(fields.get("instance"), str):
        raise ProtocolError("BAD_FRAME", "WELCOME: instance")
    if not _is_count(fields.get("maxStreams"), 1, 0x10000):
        raise ProtocolError("BAD_FRAME", "WELCOME: maxStreams")
    if not _is_count(fields.get("windowBytes"), 1, MAX_OUTSTANDING_BYTES):
        raise ProtocolError("BAD_FRAME", "WELCOME: windowBytes")
    return fields


_LAUNCHES = frozenset(("module", "server", "web", "edge", "event", "python", "command"))


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def read_load(payload: bytes) -> dict:
    fields = _json(payload, SESSION_JSON_BYTES, "LOAD")
    for name in ("function", "root", "entry", "deployment", "project"):
        if not isinstance(fields.get(name), str):
            raise ProtocolError("BAD_FRAME", f"LOAD: {name}")
    if fields.get("launch") not in _LAUNCHES:
        raise ProtocolError("BAD_FRAME", "LOAD: launch")
    environment = fields.get("environment")
    if not isinstance(environment, dict) or not all(isinstance(value, str) for value in environment.values()):
        raise ProtocolError("BAD_FRAME", "LOAD: environment")
    for name in ("memoryMiB", "maxDurationMs"):
        if isinstance(fields.get(name), bool) or not isinstance(fields.get(name), (int, float)):
            raise ProtocolError("BAD_FRAME", f"LOAD: {name}")
    most = fields.get("maxConcurrency")
    if most is not None and (isinstance(most, bool) or not isinstance(most, (int, float))):
        raise ProtocolError("BAD_FRAME", "LOAD: maxConcurrency")
    if "modulePaths" in fields and not _texts(fields["modulePaths"]):
        raise ProtocolError("BAD_FRAME", "LOAD: modulePaths")
    return fields


def read_request(payload: bytes) -> tuple[int, int, bytes]:
    """Flags, milliseconds left, head."""
    if len(payload) < 5:
        raise ProtocolError("BAD_FRAME", "REQUEST: too short")
    flags, left_ms = _REQUEST.unpack_from(payload)
    if flags > 3:
        raise ProtocolError("BAD_FRAME", "REQUEST: flags")
    return flags, left_ms, payload[5:]


def read_cancel(payload: bytes) -> int:
    if len(payload) != 1 or payload[0] > 2:
        raise ProtocolError("BAD_FRAME", "CANCEL")
    return payload[0]


def read_credit(payload: bytes) -> int:
    if len(payload) != 4:
        raise ProtocolError("BAD_FRAME", "CREDIT: 4 bytes")
    count = int.from_bytes(payload, "big")
    if count == 0:
        raise ProtocolError("BAD_FRAME", "CREDIT of nothing")
    return count


def read_eight(payload: bytes) -> bytes:
    if len(payload) != 8:
        raise ProtocolError("BAD_FRAME", "PING and PONG have 8 bytes")
    return payload


def read_drain(payload: bytes) -> str:
    if len(payload) < 4:
        raise ProtocolError("BAD_FRAME", "DRAIN: too short")
    return payload[4 : 4 + DETAIL_BYTES].decode("utf-8", "replace")


_CODE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"


def read_goodbye(payload: bytes) -> tuple[str, str]:
    code, separator, detail = payload.partition(b"\n")
    if not separator or not 1 <= len(code) <= 64 or code.translate(None, _CODE):
        raise ProtocolError("BAD_FRAME", "GOODBYE: code")
    return code.decode(), detail[:DETAIL_BYTES].decode("utf-8", "replace")


def read_answer(payload: bytes) -> tuple[int, int, dict | None, int, bytes]:
    """Number, flags, fields and the length of the body (if this begins it), bytes of the body."""
    if len(payload) < 5 or payload[4] > BEGINS | ENDS:
        raise ProtocolError("BAD_FRAME", "ANSWER")
    number, flags = _PART.unpack_from(payload)
    at, fields, body_bytes = 5, None, 0
    if flags & BEGINS:
        if len(payload) < 13:
            raise ProtocolError("BAD_FRAME", "ANSWER: lengths")
        length, body_bytes = _HEADER.unpack_from(payload, 5)
        at = 13 + length
        if length > ASK_JSON_BYTES or body_bytes > ASK_BODY_BYTES or at > len(payload):
            raise ProtocolError("BAD_FRAME", "ANSWER: lengths")
        fields = _json(payload[13:at], ASK_JSON_BYTES, "ANSWER")
    if len(payload) - at > ASK_FRAME_BYTES:
        raise ProtocolError("BAD_FRAME", "ANSWER: too much at once")
    return number, flags, fields, body_bytes, payload[at:]

"""RFC 6455 from the server's side: bytes in, events out; events in, bytes out. Sans I/O, strict, no extensions."""

from .limits import WEBSOCKET_MESSAGE_BYTES

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

NORMAL, GOING_AWAY, PROTOCOL_ERROR, NO_STATUS, ABNORMAL = 1000, 1001, 1002, 1005, 1006
INVALID_DATA, TOO_BIG, INTERNAL_ERROR = 1007, 1009, 1011


class WebSocketError(Exception):
    """The peer broke a rule: a close frame with this code, and the end."""

    def __init__(self, code: int, reason: str):
        super().__init__(reason)
        self.code = code
        self.reason = reason


def accept_key(key: bytes) -> bytes:
    """RFC 6455, 4.2.2."""
    from base64 import b64encode
    from hashlib import sha1

    return b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest())


def encode(opcode: int, payload: bytes) -> bytes:
    """One whole frame; a server masks nothing."""
    length = len(payload)
    if length < 126:
        return bytes((0x80 | opcode, length)) + payload
    if length < 0x10000:
        return bytes((0x80 | opcode, 126)) + length.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + length.to_bytes(8, "big") + payload


def encode_close(code: int | None, reason: str = "") -> bytes:
    if code is None:
        return encode(CLOSE, b"")
    # A control frame has at most 125 bytes; a character is not cut in two.
    told = reason.encode("utf-8", "replace")[:123].decode("utf-8", "ignore").encode()
    return encode(CLOSE, code.to_bytes(2, "big") + told)


def may_be_sent(code: int) -> bool:
    """Codes that may stand in a close frame (RFC 6455, 7.4; and what IANA has registered since)."""
    return 3000 <= code <= 4999 or 1000 <= code <= 1014 and code not in (1004, NO_STATUS, ABNORMAL)


def unmask(payload: bytes, mask: bytes) -> bytes:
    """As one number: a loop over bytes would take a hundred times as long."""
    length = len(payload)
    repeated = (mask * ((length >> 2) + 1))[:length]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")).to_bytes(length, "little")


class FrameDecoder:
    """`feed` returns events: (TEXT, str), (BINARY, bytes), (PING, bytes), (PONG, bytes), (CLOSE, code, reason)."""

    def __init__(self, message_bytes: int = WEBSOCKET_MESSAGE_BYTES):
        self._limit = message_bytes
        self._data = bytearray()
        self._opcode = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._closed = False

    @property
    def pending(self) -> int:
        """Bytes of a message that is not complete."""
        return len(self._data) + self._size

    def feed(self, data: bytes) -> list[tuple]:
        """Raises WebSocketError; what is fed then, or after a close frame, is nothing to anybody."""
        events: list[tuple] = []
        if self._closed:
            return events
        self._data += data
        try:
            while not self._closed:
                frame = self._next()
                if frame is None:
                    return events
                event = self._take(*frame)
                if event is not None:
                    events.append(event)
        except WebSocketError:
            self._closed = True
            self._drop()
            raise
        self._drop()
        return events

    def _drop(self) -> None:
        self._data.clear()
        self._parts, self._size = [], 0

    def _next(self) -> tuple[bool, int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        first, second = data[0], data[1]
        opcode, length = first & 0x0F, second & 0x7F
        if first & 0x70:
            raise WebSocketError(PROTOCOL_ERROR, "reserved bits are set")
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise WebSocketError(PROTOCOL_ERROR, "unknown opcode")
        if not second & 0x80:
            raise WebSocketError(PROTOCOL_ERROR, "a client's frame is masked")
        if opcode >= CLOSE and (length > 125 or not first & 0x80):
            raise WebSocketError(PROTOCOL_ERROR, "a control frame is short, and whole")
        at = 2
        if length >= 126:
            size = 2 if length == 126 else 8
            if len(data) < 2 + size:
                return None
            length = int.from_bytes(data[2 : 2 + size], "big")
            at = 2 + size
            if length < (126 if size == 2 else 0x10000) or length >> 63:
                raise WebSocketError(PROTOCOL_ERROR, "a length in more bytes than it needs, or below 0")
        if opcode < CLOSE and self._size + length > self._limit:
            raise WebSocketError(TOO_BIG, f"a message has at most {self._limit} bytes")
        end = at + 4 + length
        if len(data) < end:
            return None
        payload = unmask(bytes(data[at + 4 : end]), bytes(data[at : at + 4]))
        del data[:end]
        return bool(first & 0x80), opcode, payload

    def _take(self, final: bool, opcode: int, payload: bytes) -> tuple | None:
        if opcode >= CLOSE:
            return self._close(payload) if opcode == CLOSE else (opcode, payload)
        if opcode == CONTINUATION:
            if not self._opcode:
                raise WebSocketError(PROTOCOL_ERROR, "a continuation of nothing")
        elif self._opcode:
            raise WebSocketError(PROTOCOL_ERROR, "a new message within another")
        else:
            self._opcode = opcode
        if payload or final:
            # Empty fragments count for no size, and there may be any number of them.
            self._parts.append(payload)
        self._size += len(payload)
        if not final:
            return None
        message = payload if len(self._parts) == 1 else b"".join(self._parts)
        kind, self._opcode = self._opcode, 0
        self._parts, self._size = [], 0
        return (kind, _text(message)) if kind == TEXT else (kind, message)

    def _close(self, payload: bytes) -> tuple:
        self._closed = True
        if not payload:
            return CLOSE, NO_STATUS, ""
        code = int.from_bytes(payload[:2], "big")
        if len(payload) == 1 or not may_be_sent(code):
            raise WebSocketError(PROTOCOL_ERROR, "an invalid close code")
        return CLOSE, code, _text(payload[2:])


def _text(payload: bytes) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        raise WebSocketError(INVALID_DATA, "text that is no UTF-8") from None

# Hot path: one head each way per invocation; two C-speed scans and one split, no regular expression.
"""Heads of requests and answers (protocol/tunnel.md, "Heads")."""

from .limits import HEAD_BYTES, HEAD_FIELDS

_TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TOKEN_LF = _TOKEN + b"\n"
# No control character but TAB, no DEL; LF is what parts the fields.
_TEXT_LF = bytes([9, 10, *range(0x20, 0x7F), *range(0x80, 0x100)])
_ID = bytes(range(0x20, 0x7F))

# Clients and applications send the same names over and over: what was looked at once is looked up. A list of names by
# the names as they came. Bounded in number and size, since a client chooses them.
_known_requests: dict[bytes, "Names"] = {}
_known_answers: set[bytes] = set()
_KNOWN = 256
_KNOWN_BYTES = 1024


class ProtocolError(Exception):
    """The peer broke a rule of the protocol: GOODBYE with the code, and the end."""

    def __init__(self, code: str, detail: str):
        super().__init__(detail)
        self.code = code


class Names(list):
    """Names of header fields in lower case, and where those are that every request is asked for (-1: nowhere)."""

    __slots__ = ("forwarded_for", "forwarded_proto", "host")

    def __init__(self, names: list[bytes]):
        super().__init__(names)
        places = {name: at for at, name in enumerate(names)}
        self.forwarded_for = places.get(b"x-forwarded-for", -1)
        self.forwarded_proto = places.get(b"x-forwarded-proto", -1)
        self.host = places.get(b"host", -1)


_NO_NAMES = Names([])


class HeadError(ValueError):
    """User code gave a status or header field that cannot be sent. Says which name, never a value."""


def read_request_head(head: bytes) -> tuple[bytes, bytes, bytes, Names, list[bytes]]:
    """id, method, target, names in lower case (not to be changed), values. Raises ProtocolError BAD_HEAD."""
    if len(head) > HEAD_BYTES or head.translate(None, _TEXT_LF):
        raise ProtocolError("BAD_HEAD", "too long, or a control character in a request head")
    parts = head.split(b"\n")
    count = len(parts)
    if count < 3 or not count & 1 or count > 3 + 2 * HEAD_FIELDS:
        raise ProtocolError("BAD_HEAD", "a request head has three parts, and whole fields, 256 at most")
    invocation_id, method, target = parts[:3]
    if not invocation_id or invocation_id.translate(None, _ID) or not target:
        raise ProtocolError("BAD_HEAD", "an empty or unprintable id, or an empty target")
    if not method or method.translate(None, _TOKEN):
        raise ProtocolError("BAD_HEAD", "the method is not a token")
    if count == 3:
        return invocation_id, method, target, _NO_NAMES, []
    joined = b"\n".join(parts[3::2])
    names = _known_requests.get(joined)
    if names is None:
        names = Names(joined.lower().split(b"\n"))
        if joined.translate(None, _TOKEN_LF) or b"" in names:
            raise ProtocolError("BAD_HEAD", "a header name is not a token")
        if len(joined) < _KNOWN_BYTES:
            if len(_known_requests) >= _KNOWN:
                _known_requests.clear()
            _known_requests[joined] = names
    return invocation_id, method, target, names, parts[4::2]


def answer_head(headers) -> bytes:
    """The head of an answer, from pairs of bytes. Raises HeadError, or TypeError for what are no bytes."""
    flat = b"\n".join([part for pair in headers for part in pair])
    if not headers:
        return flat
    # As many line feeds as there are joints: no field smuggles in another.
    if flat.count(b"\n") != 2 * len(headers) - 1 or flat.translate(None, _TEXT_LF):
        raise HeadError(_fault(headers))
    names = b"\n".join([pair[0] for pair in headers])
    if names not in _known_answers:
        if names.translate(None, _TOKEN_LF) or b"" in [pair[0] for pair in headers]:
            raise HeadError(_fault(headers))
        if len(names) < _KNOWN_BYTES:
            if len(_known_answers) >= _KNOWN:
                _known_answers.clear()
            _known_answers.add(names)
    if len(headers) > HEAD_FIELDS or len(flat) > HEAD_BYTES:
        raise HeadError(f"The head of an answer has at most {HEAD_FIELDS} fields and {HEAD_BYTES} bytes.")
    return flat


def _fault(headers) -> str:
    for pair in headers:
        if len(pair) != 2:
            return "A header field is not a pair of name and value."
        name, value = pair
        if not name or name.translate(None, _TOKEN):
            return f"The header name {bytes(name).decode('latin-1')!r} is not a token."
        if b"\n" in value or value.translate(None, _TEXT_LF):
            return f"The value of the header {bytes(name).decode('latin-1')!r} has a control character."
    return "Invalid header fields."

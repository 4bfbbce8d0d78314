# Hot path: one scope per invocation.
"""What ASGI and WSGI want to know of a request, from its head."""


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Path and query, as they came. A target in absolute form (RFC 9112, 3.2.2) loses its origin."""
    if not target.startswith(b"/") and b"://" in target:
        at = target.find(b"/", target.index(b"://") + 3)
        target = target[at:] if at >= 0 else b"/"
    if b"#" in target:
        target = target[: target.index(b"#")]
    path, _, query = target.partition(b"?")
    return path, query


def path_bytes(path: bytes) -> bytes:
    if b"%" in path:
        from urllib.parse import unquote_to_bytes

        return unquote_to_bytes(path)
    return path


def client_of(forwarded_for: bytes | None) -> tuple[str, int] | None:
    """The edge overwrites x-forwarded-for: the first address is the client's. Its port is not known."""
    if not forwarded_for:
        return None
    return forwarded_for.partition(b",")[0].strip().decode("latin-1"), 0


def server_of(host: bytes | None, scheme: str) -> tuple[str, int]:
    port = 443 if scheme in ("https", "wss") else 80
    if not host:
        return "localhost", port
    text = host.decode("latin-1")
    name, separator, number = text.rpartition(":")
    if separator and number.isdecimal() and len(number) < 6 and not name.endswith(":"):
        return name, int(number)
    return text, port


def scheme_of(forwarded_proto: bytes | None) -> str:
    if forwarded_proto is None or forwarded_proto == b"http":
        return "http"
    return "https" if forwarded_proto.partition(b",")[0].strip().lower() == b"https" else "http"


def origin_of(names, values: list[bytes]) -> tuple[str, tuple[str, int] | None, tuple[str, int]]:
    """Scheme, client and server."""
    at = names.forwarded_proto
    scheme = "http" if at < 0 else scheme_of(values[at])
    at = names.forwarded_for
    client = None if at < 0 else client_of(values[at])
    at = names.host
    host = b"" if at < 0 else values[at]
    server = _known_servers.get((host, scheme))
    if server is None:
        server = server_of(host, scheme)
        if len(_known_servers) < 256:
            _known_servers[host, scheme] = server
    return scheme, client, server


# Few hosts lead to one function.
_known_servers: dict = {}


def asgi_scope(request: tuple, state: dict) -> dict:
    _, method, target, names, values = request
    scheme, client, server = origin_of(names, values)
    path, query = split_target(target)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method.decode("ascii"),
        "scheme": scheme,
        "path": path_bytes(path).decode("utf-8", "replace") if b"%" in path else path.decode("utf-8", "replace"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": list(zip(names, values)),
        "client": client,
        "server": server,
        "state": state.copy(),
        "extensions": {"http.response.early_hint": {}},
    }


def websocket_scope(scope: dict) -> dict:
    """The scope of a WebSocket, from that of the request that asks for it."""
    del scope["method"]
    offered = [value for name, value in scope["headers"] if name == b"sec-websocket-protocol"]
    protocols = [part.strip().decode("latin-1") for part in b",".join(offered).split(b",")]
    scope["type"] = "websocket"
    scope["scheme"] = "wss" if scope["scheme"] == "https" else "ws"
    scope["subprotocols"] = [protocol for protocol in protocols if protocol]
    scope["extensions"] = {"websocket.http.response": {}}
    return scope

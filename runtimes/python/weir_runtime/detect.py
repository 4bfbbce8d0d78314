"""What user code is: ASGI, WSGI, or a subclass of BaseHTTPRequestHandler; by names and by shape."""

import sys


class NothingToServe(Exception):
    """Says what is expected."""


def detect(module, entry: str, export: str | None = None) -> tuple[str, object]:
    """("asgi" | "wsgi" | "handler", what to call). `export`: what the project calls it. Raises NothingToServe."""
    for name in (export,) if export else ("app", "application", "handler", "Handler"):
        found = getattr(module, name, None)
        if found is not None:
            kind = _kind_of(found, name)
            if kind is not None:
                return kind
    if export:
        problem = "is none of these" if hasattr(module, export) else "is not there"
        raise NothingToServe(f"`{export}` {problem} in {entry}.\n{_expected}")
    named = next((name for name in ("app", "application", "handler") if hasattr(module, name)), None)
    had = f"`{named}` in {entry} is none of these." if named else f"{entry} has neither `app` nor `handler`."
    raise NothingToServe(f"{had}\n{_expected}")


_expected = (
    "Expected at module level one of:\n"
    "  app = an ASGI application: async callable(scope, receive, send), as FastAPI() is\n"
    "  app = a WSGI application: callable(environ, start_response), as Flask(__name__) is\n"
    "  class handler(http.server.BaseHTTPRequestHandler), with do_GET() and the like"
)


def _kind_of(found, name: str) -> tuple[str, object] | None:
    if isinstance(found, type):
        server = sys.modules.get("http.server")
        if server is not None and issubclass(found, server.BaseHTTPRequestHandler):
            return "handler", found
    if not callable(found):
        return None
    asgi = getattr(found, "asgi", None)
    if callable(asgi):
        return "asgi", asgi
    target = found if not isinstance(found, type) else found.__init__
    own = found if _is_function(found) else getattr(found, "__call__", found)
    if not isinstance(found, type) and _is_async(own):
        return "asgi", found
    count = _positional(target if isinstance(found, type) else own, bound=isinstance(found, type))
    if count == 3:
        return "asgi", found
    if count == 1:
        return "asgi", _single(found)
    if count == 2 or count is None:
        return "wsgi", found
    return None


def _is_function(found) -> bool:
    """Whether `inspect` tells of it itself, and not of its `__call__`."""
    from functools import partial
    from types import BuiltinFunctionType, FunctionType, MethodType

    return isinstance(found, (FunctionType, BuiltinFunctionType, MethodType, partial))


def _is_async(function) -> bool:
    import inspect

    return inspect.iscoroutinefunction(function)


def _positional(function, bound: bool) -> int | None:
    """How many arguments it has to be given by position; None: it does not say."""
    import inspect

    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if bound:
        parameters = parameters[1:]
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(parameter.kind == inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    return sum(parameter.kind in kinds and parameter.default is inspect.Parameter.empty for parameter in parameters)


def _single(app):
    """ASGI 2 (called twice) as ASGI 3."""

    async def single(scope, receive, send):
        await app(scope)(receive, send)

    return single

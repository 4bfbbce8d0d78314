"""What a stem imports while it waits: what nearly all applications and their frameworks import themselves."""

import importlib
from collections.abc import Iterator

_MODULES = (
    "json",
    "typing",
    "inspect",
    "dataclasses",
    "traceback",
    "datetime",
    "enum",
    "functools",
    "contextlib",
    "concurrent.futures.thread",
    "weir_runtime.background",
    "weir_runtime.detect",
    "weir_runtime.lifespan",
    "weir_runtime.service",
    "weir_runtime.asgi",
    "weir_runtime.scope",
    "weir_runtime.wsgi",
    "urllib.parse",
    "http.cookies",
    "email.message",
    "email.utils",
    "email.parser",
    "http.client",
    "http.server",
    "weir_runtime.http_handler",
    "hashlib",
    "weir_runtime.cache",
    "weir_runtime.metrics",
    "importlib.metadata",
    "uuid",
    "decimal",
    "ipaddress",
    "secrets",
    "tempfile",
    "queue",
    "ssl",
    "zoneinfo",
    "urllib.request",
    "multiprocessing.connection",
)


def warm_steps() -> Iterator[str]:
    """One module a step."""
    for name in _MODULES:
        try:
            importlib.import_module(name)
        except ImportError:
            # A Python without some part of its library (ssl, say): user code will say so if it needs it.
            continue
        yield name

"""Weir's Python runtime: runs ASGI and WSGI applications and BaseHTTPRequestHandlers beside a core (README.md)."""

from .context import get_deadline, wait_until

__all__ = [
    "AskFailed",
    "dangerously_delete_by_tag",
    "get_cache",
    "get_deadline",
    "invalidate_by_tag",
    "metric",
    "wait_until",
]

_LATER = {
    "AskFailed": ("asks", "AskFailed"),
    "dangerously_delete_by_tag": ("cache", "dangerously_delete_by_tag"),
    "get_cache": ("cache", "RuntimeCache"),
    "invalidate_by_tag": ("cache", "invalidate_by_tag"),
    "metric": ("metrics", "metric"),
}


def __getattr__(name: str):
    """Imported when it is first asked for: an instance that starts does not wait for what it may not need."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, its = _LATER[name]
    found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), its)
    return found

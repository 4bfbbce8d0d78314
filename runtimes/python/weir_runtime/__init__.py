"""Weir's Python runtime: runs ASGI and WSGI applications and BaseHTTPRequestHandlers beside a core (README.md)."""

from .context import get_deadline, wait_until

__all__ = ["get_deadline", "wait_until"]

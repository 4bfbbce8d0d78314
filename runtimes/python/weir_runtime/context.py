"""What user code may ask about its invocation: wait_until, get_deadline; and who is running (contextvars)."""

from contextvars import ContextVar, copy_context

# The invocation that the running code belongs to (a Call), in tasks, callbacks and pool threads.
current: ContextVar = ContextVar("weir_invocation", default=None)

# Set once, when a function is loaded.
_background = None


def serve_with(background) -> None:
    global _background
    _background = background


def wait_until(work) -> None:
    """Work that goes on after the answer: an awaitable, or a callable (called on a thread; it may return an awaitable).

    The instance is kept for it, until the function's time is up. Its errors are logged.
    """
    if not callable(work) and not hasattr(work, "__await__"):
        raise TypeError(f"wait_until takes an awaitable or a callable, not {type(work).__name__}")
    if _background is None:
        raise RuntimeError("wait_until works in functions that Weir runs.")
    _background.begin(work, copy_context())


def get_deadline():
    """When this invocation's time is up (a datetime, UTC); None outside of one."""
    call = current.get()
    if call is None:
        return None
    from datetime import datetime, timezone

    return datetime.fromtimestamp(call.deadline_s, timezone.utc)

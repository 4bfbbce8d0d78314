"""Errors as users read them: their own frames, not the runtime's."""

import os

_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LOADING = (_OWN + "load.py", _OWN + "process.py")


class Misuse(RuntimeError):
    """User code did not keep its side of an interface: the message says all, and there is no frame to look at."""


NO_UPGRADE = "Only ASGI applications can upgrade a connection, to a WebSocket say: 101 is no answer here."


def user_traceback(error: BaseException) -> str:
    # Imported when first needed: a function that does not fail does not pay for it.
    from traceback import TracebackException

    if isinstance(error, Misuse):
        return str(error)
    told = TracebackException.from_exception(error)
    _strip(told, set())
    return "".join(told.format()).rstrip("\n")


def _strip(told, seen: set) -> None:
    if told is None or id(told) in seen:
        return
    seen.add(id(told))
    outside = [at for at in told.stack if not at.filename.startswith("<frozen importlib")]
    users = [at for at in outside if not at.filename.startswith(_OWN)]
    # An error of the runtime's own would have no frame left, and be a riddle. What loads user code is never at fault.
    told.stack[:] = users or [at for at in outside if not at.filename.startswith(_LOADING)]
    _strip(told.__cause__, seen)
    _strip(told.__context__, seen)
    for part in getattr(told, "exceptions", None) or ():
        _strip(part, seen)

"""What the platform does for user code, once a function is served: who asks, and whom it is told about."""

from . import frames
from .asks import AskFailed
from .context import current
from .writer import LOG_BACKLOG_BYTES

# Set once, when a function is loaded: what is asked, and where warnings go.
_session = None
_logs = None


def serve_with(session, logs) -> None:
    global _session, _logs
    _session, _logs = session, logs


def serves() -> bool:
    return _session is not None


def _asks():
    if _session is None:
        raise RuntimeError("The platform can be asked in functions that Weir runs.")
    return _session.asks


def warn(text: str) -> None:
    if _logs is not None:
        _logs.emit(current.get(), frames.WARN, frames.PLATFORM, text)


def send_metric(value: float, fields: bytes) -> None:
    writer = _session.writer
    # What the core is too slow to take does not gather here.
    if not writer.broken and writer.backlog_bytes < LOG_BACKLOG_BYTES:
        writer.extend((frames.metric(value, fields),))
        writer.written()


def now(steps):
    """Runs steps that ask: each `yield fields, body` is an ask, and gives its answer or raises AskFailed. Blocks."""
    asks = _asks()
    try:
        order = next(steps)
        while True:
            try:
                answer = asks.wait(*order)
            except AskFailed as error:
                order = steps.throw(error)
            else:
                order = steps.send(answer)
    except StopIteration as end:
        return end.value


async def soon(steps):
    """The same without blocking."""
    asks = _asks()
    try:
        order = next(steps)
        while True:
            try:
                answer = await asks.ask(*order)
            except AskFailed as error:
                order = steps.throw(error)
            else:
                order = steps.send(answer)
    except StopIteration as end:
        return end.value

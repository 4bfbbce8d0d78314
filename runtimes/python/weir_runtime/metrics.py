"""Custom metrics: values that user code has measured, counted by the platform (src/model/metric.ts)."""

import json
import math
import re

from .context import current
from .limits import METRIC_ATTRIBUTES, METRIC_BYTES, METRIC_NAME_BYTES, METRIC_VALUE_BYTES, METRICS_PER_INVOCATION
from .services import send_metric, serves, warn

_VALUE_BYTES = 8
# Of code that belongs to no invocation.
_outside = 0


def metric(name: str, value: float, attributes: dict | None = None) -> None:
    """Never raises: what is not valid is not counted, and the function's log says so."""
    if not serves():
        return
    number = _count()
    if number > METRICS_PER_INVOCATION:
        # Once: whoever sends too many does so often.
        if number == METRICS_PER_INVOCATION + 1:
            warn(f"metric: only the first {METRICS_PER_INVOCATION} of an invocation are counted")
        return
    fields = _fields(name, value, attributes)
    if fields is None:
        warn(
            f"metric: expected a name, a finite number and at most {METRIC_ATTRIBUTES} attributes; it is not counted"
        )
    elif len(fields) + _VALUE_BYTES > METRIC_BYTES:
        warn(f"metric: {_valid_name(name)} is longer than {METRIC_BYTES - _VALUE_BYTES} bytes; it is not counted")
    else:
        send_metric(value, fields)


def _count() -> int:
    global _outside
    call = current.get()
    if call is None:
        _outside += 1
        return _outside
    call.metrics += 1
    return call.metrics


def _fields(name, value, attributes) -> bytes | None:
    if not isinstance(name, str) or not name or not _is_number(value):
        return None
    attributes = attributes or {}
    if len(attributes) > METRIC_ATTRIBUTES:
        return None
    texts = {}
    for key, text in attributes.items():
        if isinstance(text, bool):
            text = "true" if text else "false"
        if isinstance(text, (str, int, float)):
            texts[_valid_name(str(key))] = _cut(str(text))
    return json.dumps({"name": _valid_name(name), "attributes": texts}, ensure_ascii=False).encode()


def _is_number(value) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        # Larger than any float.
        return False


def _valid_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_./-]", "_", name[:METRIC_NAME_BYTES])


def _cut(text: str) -> str:
    """No character is cut in two."""
    return text.encode("utf-8", "replace")[:METRIC_VALUE_BYTES].decode("utf-8", "ignore")

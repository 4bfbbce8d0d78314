"""What the packages of the hosted platform (`vercel`, `vercel_runtime`) find, unmodified, when they are imported."""

import importlib.util
import sys
from dataclasses import is_dataclass, replace

from .context import current, get_deadline, wait_until

_SNAPSHOT = "vercel.cache.context"
_HEADERS = "vercel.headers"


def provide() -> None:
    """Once per process, before user code is loaded."""
    sys.meta_path.insert(0, _Completed)
    sys.meta_path.append(_HostedRuntime)


class _Completed:
    """Finds two modules of the package `vercel` as all others do, and completes them once they were executed.

    The hosted platform hands things over by set_context() and set_headers(), request by request. Here they are added
    when the context is asked for: so they are there in every thread, and cost nothing where nobody asks.
    """

    @classmethod
    def find_spec(cls, name: str, path=None, target=None):
        if name not in (_SNAPSHOT, _HEADERS):
            return None
        others = [finder for finder in sys.meta_path if finder is not cls and hasattr(finder, "find_spec")]
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if spec is not None and spec.loader is not None:
            _complete_after(spec.loader, name)
        return spec


def _complete_after(loader, name: str) -> None:
    plain = loader.exec_module

    def exec_module(module) -> None:
        plain(module)
        if module.__name__ == name:
            (_give_context if name == _SNAPSHOT else _give_headers)(module)

    loader.exec_module = exec_module


def _give_context(module) -> None:
    """What user code has set itself comes first."""
    plain = getattr(module, "get_context", None)
    if plain is None:
        return

    def get_context():
        found = plain()
        if not is_dataclass(found):
            return found
        lacking = {name for name in _OURS if getattr(found, name, found) is None}
        # Releases before 0.5.9 have one `cache` for what is awaited and for what is not.
        if not hasattr(found, "async_cache"):
            lacking.discard("cache")
        return replace(found, **{name: _OURS[name]() for name in lacking}) if lacking else found

    module.get_context = get_context


def _give_headers(module) -> None:
    plain = getattr(module, "get_headers", None)
    if plain is None:
        return

    def get_headers():
        found = plain()
        return _headers() if found is None else found

    module.get_headers = get_headers


def _headers() -> dict[str, str] | None:
    """Of the request, by lower-case name; several of one name are joined."""
    call = current.get()
    if call is None:
        return None
    found: dict[str, str] = {}
    for name, value in call.header_pairs():
        key, text = name.decode("latin-1"), value.decode("latin-1")
        found[key] = found[key] + ("; " if key == "cookie" else ", ") + text if key in found else text
    return found


def _as_it_is(key: str) -> str:
    return key


def _cache():
    from .cache import RuntimeCache

    # The package has transformed the key itself.
    return RuntimeCache(key_hash_function=_as_it_is)


def _async_cache():
    from .cache import AsyncRuntimeCache

    return AsyncRuntimeCache(key_hash_function=_as_it_is)


def _purge():
    from . import cache

    return cache


def _metric():
    from .metrics import metric

    return metric


_OURS = {
    "wait_until": lambda: wait_until,
    "cache": _cache,
    "async_cache": _async_cache,
    "purge": _purge,
    "headers": _headers,
    "metric": _metric,
}


class _HostedRuntime:
    """`import vercel_runtime` where nobody has installed it: the last finder, so that an installed one comes first."""

    @classmethod
    def find_spec(cls, name: str, path=None, target=None):
        if name in ("vercel_runtime", "vercel_runtime.deadline"):
            return importlib.util.spec_from_loader(name, cls, is_package=name == "vercel_runtime")
        return None

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module) -> None:
        module.get_deadline = get_deadline
        module.wait_until = wait_until

"""The runtime cache, for all instances of a project's environment; and purges of what the platform keeps of answers."""

import json
import math
import re

from .asks import AskFailed
from .limits import (
    ASK_BODY_BYTES,
    ASK_TEXTS_BYTES,
    CACHE_KEY_BYTES,
    CACHE_NAME_BYTES,
    CACHE_TAG_BYTES,
    CACHE_TAGS,
    PURGED_AT_ONCE,
)
from .services import now, soon, warn


def _utf8(text: str) -> bytes:
    """Half of a surrogate pair takes three bytes, as it does for the platform."""
    return text.encode("utf-8", "surrogatepass")


def _short(key: str) -> str:
    """What is too long for the platform is told by its hash."""
    if len(key) * 3 <= CACHE_KEY_BYTES or len(_utf8(key)) <= CACHE_KEY_BYTES:
        return key
    from hashlib import sha256

    return "sha256:" + sha256(_utf8(re.sub("[\ud800-\udfff]", "\ufffd", key))).hexdigest()


def _order(do: str, **fields) -> bytes:
    return json.dumps({"do": do, **fields}).encode()


def _place(key: str) -> dict:
    return {"space": "app", "key": _short(key)}


def _tags_of(tags) -> list[str]:
    """One or more tags, as user code names them. Raises TypeError, ValueError."""
    all_tags = [tags] if isinstance(tags, str) else list(tags)
    for tag in all_tags:
        if not isinstance(tag, str) or not tag.strip():
            raise TypeError("expected a tag to be a text that is not empty")
        if len(_utf8(tag)) > CACHE_TAG_BYTES:
            raise ValueError(f"a tag has at most {CACHE_TAG_BYTES} bytes: {tag[:64]}…")
    return all_tags


def _batches(texts: list[str]):
    """As many in each as one ask takes."""
    some: list[str] = []
    size = 0
    for text in texts:
        more = len(_utf8(text))
        if some and (len(some) == PURGED_AT_ONCE or size + more > ASK_TEXTS_BYTES):
            yield some
            some, size = [], 0
        some.append(text)
        size += more
    if some:
        yield some


# What is done, one ask after the other. A cache is no place to fail: what cannot be read is not there, what cannot be
# kept is not kept, and the log says why. What was not deleted or expired, though, would go on to be shown: those raise.


def _find(key: str):
    """(whether it is there, its value)."""
    try:
        fields, body = yield _order("cache.get", **_place(key), tags=[]), b""
        return (True, json.loads(body)) if fields.get("hit") is True else (False, None)
    except (AskFailed, ValueError) as error:
        warn(f"runtime cache: a value could not be read: {error}")
        return False, None


def _set(key: str, value: object, options: dict | None, shown: str):
    options = options or {}
    name, ttl = options.get("name"), options.get("ttl")
    name = shown if name is None else name
    try:
        # What is no number in JSON could not be read by functions in other languages.
        body = json.dumps(value, allow_nan=False).encode()
        fields = {**_place(key), "tags": _item_tags(body, options.get("tags") or ())}
        if isinstance(ttl, (int, float)) and not isinstance(ttl, bool) and ttl > 0 and math.isfinite(ttl):
            fields["ttlS"] = ttl
        if name:
            fields["name"] = str(name)[: CACHE_NAME_BYTES // 3]
        yield _order("cache.set", **fields), body
    except (AskFailed, ValueError, TypeError, RecursionError) as error:
        warn(f"runtime cache: a value was not kept ({name or key}): {error}")


def _item_tags(body: bytes, tags) -> list[str]:
    if len(body) > ASK_BODY_BYTES:
        raise ValueError(f"it has {len(body)} bytes as JSON, {ASK_BODY_BYTES} are allowed")
    tags = _tags_of(tags)
    if len(tags) > CACHE_TAGS:
        raise ValueError(f"it has {len(tags)} tags, {CACHE_TAGS} are allowed")
    return tags


def _delete(key: str):
    yield _order("cache.delete", **_place(key)), b""


def _expire(tags):
    for some in _batches(_tags_of(tags)):
        yield _order("cache.expireTags", tags=some, afterS=0), b""


def _purge(tags, after_s: float | None):
    for some in _batches([_header_safe(tag) for tag in _tags_of(tags)]):
        yield _order("purge.tags", tags=some, afterS=after_s), b""


def _header_safe(tag: str) -> str:
    """In a header tags are separated by commas, and all is ASCII. What is neither is written as in a URL."""
    from urllib.parse import quote

    whole = re.sub("[\ud800-\udfff]", "\ufffd", tag.strip())
    return re.sub(r"[^\x20-\x2b\x2d-\x7e]+", lambda found: quote(found[0], safe=""), whole)


def _deadline(seconds) -> float:
    if seconds is None:
        return 0
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
        raise TypeError("revalidation_deadline_seconds: expected a number from 0")
    return seconds


def hash_of(key: str) -> str:
    """What getCache() of @vercel/functions makes of a key: functions in both languages find each other's items."""
    value = 5381
    units = key.encode("utf-16-le", "surrogatepass")
    for at in range(0, len(units), 2):
        value = value * 33 & 0xFFFFFFFF ^ (units[at] | units[at + 1] << 8)
    return f"{value:x}"


class _Keys:
    def __init__(self, *, key_hash_function=None, namespace: str | None = None, namespace_separator: str | None = None):
        self._hash = key_hash_function or hash_of
        self._prefix = f"{namespace}{namespace_separator or '$'}" if namespace else ""

    def _key(self, key: str) -> str:
        if not isinstance(key, str):
            raise TypeError(f"runtime cache: expected a text as key, got {type(key).__name__}")
        return self._prefix + self._hash(key)


class RuntimeCache(_Keys):
    """`options` of set(): `ttl` in seconds, `tags`, `name`. Values are what JSON has."""

    def get(self, key: str):
        return now(_find(self._key(key)))[1]

    def set(self, key: str, value: object, options: dict | None = None) -> None:
        now(_set(self._key(key), value, options, key))

    def delete(self, key: str) -> None:
        now(_delete(self._key(key)))

    def expire_tag(self, tag) -> None:
        now(_expire(tag))

    def __contains__(self, key: str) -> bool:
        return now(_find(self._key(key)))[0]

    def __getitem__(self, key: str):
        is_there, value = now(_find(self._key(key)))
        if not is_there:
            raise KeyError(key)
        return value


class AsyncRuntimeCache(_Keys):
    """The same, to be awaited."""

    async def get(self, key: str):
        return (await soon(_find(self._key(key))))[1]

    async def set(self, key: str, value: object, options: dict | None = None) -> None:
        await soon(_set(self._key(key), value, options, key))

    async def delete(self, key: str) -> None:
        await soon(_delete(self._key(key)))

    async def expire_tag(self, tag) -> None:
        await soon(_expire(tag))

    async def contains(self, key: str) -> bool:
        return (await soon(_find(self._key(key))))[0]


class _Done:
    """What was done may be awaited too: the package does not say which it is."""

    def __await__(self):
        return iter(())


def invalidate_by_tag(tag) -> _Done:
    """Answers with these tags are made anew when they are next asked for, and shown until then."""
    now(_purge(tag, None))
    return _Done()


def dangerously_delete_by_tag(tag, *, revalidation_deadline_seconds: float | None = None) -> _Done:
    """Answers with these tags are not shown any more: at once, or after so many seconds."""
    now(_purge(tag, _deadline(revalidation_deadline_seconds)))
    return _Done()


async def invalidate_by_tag_soon(tag) -> None:
    await soon(_purge(tag, None))


async def dangerously_delete_by_tag_soon(tag, *, revalidation_deadline_seconds: float | None = None) -> None:
    await soon(_purge(tag, _deadline(revalidation_deadline_seconds)))

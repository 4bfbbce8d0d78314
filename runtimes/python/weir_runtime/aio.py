"""What `weir_runtime` offers, to be awaited: `from weir_runtime.aio import get_cache`."""

from .cache import AsyncRuntimeCache as get_cache
from .cache import dangerously_delete_by_tag_soon as dangerously_delete_by_tag
from .cache import invalidate_by_tag_soon as invalidate_by_tag

__all__ = ["dangerously_delete_by_tag", "get_cache", "invalidate_by_tag"]

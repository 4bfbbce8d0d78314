"""User code, loaded: its environment, paths and module."""

import importlib
import importlib.util
import os
import sys
import time

from . import vercel_package


def prepare(order: dict) -> None:
    """The process as user code expects it. Before any of it runs."""
    environment = order["environment"]
    os.environ.update(environment)
    if "TZ" in environment:
        time.tzset()
    root, entry = order["root"], order["entry"]
    os.chdir(root)
    # As `python entry.py` has it: what is the application's, the standard library, then what was installed for it.
    own = [os.path.dirname(entry), root] if os.path.dirname(entry) != root else [root]
    # The interpreter runs without its environment (-I), and began before this one was known.
    own += [os.path.join(root, path) for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    installed = [path for path in order.get("modulePaths", ()) if path not in own]
    standard = [path for path in sys.path if path not in own and path not in installed]
    sys.path[:] = [*own, *standard, *installed]
    sys.argv = [entry]
    # For Pythons that user code starts: they find what it finds.
    os.environ["PYTHONPATH"] = os.pathsep.join([*own, *installed])
    sys.path_importer_cache.clear()
    for path in installed:
        _process_pth(path)
    _define_exit()
    vercel_package.provide()


def _process_pth(directory: str) -> None:
    """Installed packages may extend the path by .pth files; without `site` nobody has read them."""
    try:
        if not any(name.endswith(".pth") for name in os.listdir(directory)):
            return
    except OSError:
        return
    import site

    site.addsitedir(directory)


def _define_exit() -> None:
    """`exit` and `quit` are of the module `site`, which is not loaded."""
    import builtins

    for name in ("exit", "quit"):
        if not hasattr(builtins, name):
            setattr(builtins, name, sys.exit)


def load_entry(root: str, entry: str):
    """The module of a file. Whatever it raises is the user's to read."""
    name = _module_name(root, entry)
    parent = name.rpartition(".")[0]
    if parent and not _import_parent(parent, os.path.dirname(entry)):
        name = _free_name(name.replace(".", "_"))
    spec = importlib.util.spec_from_file_location(name, entry)
    if spec is None or spec.loader is None:
        raise ImportError(f"{entry} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _module_name(root: str, entry: str) -> str:
    """By its way from the root, so that `from api.index import …` elsewhere finds this module, not another copy."""
    way = os.path.relpath(entry, root)
    parts = os.path.splitext(way)[0].split(os.sep)
    if all(part.isidentifier() for part in parts):
        name = ".".join(parts)
        # A file may be called like something of the standard library: it is not meant to take its place.
        if name not in sys.modules and parts[0] not in sys.stdlib_module_names:
            return name
    return _free_name("".join(letter if letter.isalnum() else "_" for letter in parts[-1]))


def _free_name(name: str) -> str:
    return f"weir_entry_{name}"


def _import_parent(parent: str, directory: str) -> bool:
    """Whether the package of that name is the directory that the entry lies in: then relative imports work."""
    try:
        package = importlib.import_module(parent)
    except ImportError:
        return False
    places = [os.path.realpath(place) for place in getattr(package, "__path__", ())]
    return os.path.realpath(directory) in places

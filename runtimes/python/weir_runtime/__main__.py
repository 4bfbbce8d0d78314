"""Run as a script: `python3 -I -S …/weir_runtime/__main__.py`. Says HELLO before it imports what takes time."""

import os
import sys


def _hello() -> bytes:
    """As frames.hello() has it, and a test sees to that: json would be imported for nothing else so early."""
    version = "python" + sys.version.split()[0].rstrip("+")
    fields = f'{{"token": "", "role": "data", "pid": {os.getpid()}, "runtime": "{version}"}}'
    payload = b"WEIR\1\1" + fields.encode()
    return len(payload).to_bytes(3, "big") + b"\1\0\0\0\0" + payload


def _main() -> None:
    descriptor = int(os.environ.pop("WEIR_RUNTIME_FD", "3"))
    # What user code starts has no business with the core.
    os.set_inheritable(descriptor, False)
    # The core answers while the rest is imported.
    os.write(descriptor, _hello())
    directory = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if directory not in sys.path:
        sys.path.append(directory)
    # Under its own name: user code imports weir_runtime too. The path is not user code's to find things in.
    from weir_runtime import process

    sys.path.remove(directory)
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if path != own]
    process.run(descriptor)


if __name__ == "__main__":
    _main()

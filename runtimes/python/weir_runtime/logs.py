"""stdout, stderr and logging as LOG frames, with the invocation that wrote them."""

import io
import logging
import os
import sys
from _thread import RLock, get_ident

from . import frames
from .context import current
from .limits import PARTIAL_LINE_CHARACTERS
from .writer import LOG_BACKLOG_BYTES


class Logs:
    def __init__(self, writer):
        self._writer = writer
        # There is nobody who reads frames: lines go where the core reads plain ones.
        self.direct = False
        self._dropped = 0

    def emit(self, call, level: int, source: int, text: str) -> None:
        if self.direct or self._writer.broken:
            try:
                os.write(2 if source == frames.STDERR else 1, text.encode("utf-8", "backslashreplace") + b"\n")
            except OSError:
                # Nobody reads these either.
                pass
            return
        if self._writer.unsent_bytes > LOG_BACKLOG_BYTES:
            self._dropped += 1
            return
        if self._dropped:
            count, self._dropped = self._dropped, 0
            self.emit(None, frames.WARN, frames.PLATFORM, f"{count} lines were dropped: more than could be sent.")
        self._writer.logged(frames.log(0 if call is None else call.stream, level, source, text))

    def leaving(self) -> None:
        """The process ends now, without an end of its turn."""
        if not self.direct and not self._writer.broken:
            self._writer.flush()

    def error(self, text: str) -> None:
        """For the function's log, of the invocation that is running."""
        self.emit(current.get(), frames.ERROR, frames.STDERR, text)

    def error_of(self, call, text: str) -> None:
        self.emit(call, frames.ERROR, frames.STDERR, text)


class TaggedText(io.TextIOBase):
    """In the place of sys.stdout or sys.stderr. Lines of invocations that are written piece by piece do not mix."""

    encoding = "utf-8"
    errors = "backslashreplace"
    newlines = None
    line_buffering = True
    write_through = True
    mode = "w"

    def __init__(self, logs: Logs, source: int, level: int, descriptor: int, name: str):
        self._logs = logs
        # Reentrant: a finalizer that prints may run within a print.
        self._lock = RLock()
        self._source = source
        self._level = level
        self._descriptor = descriptor
        self.name = name
        self.buffer = TaggedBytes(self)
        # Of what belongs to no invocation.
        self.partial: dict = {}

    def write(self, text) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        call = current.get()
        holder = self.partial if call is None else call.partial_lines()
        source = self._source
        # By thread too: an invocation's threads write each its own lines.
        key = (source, get_ident())
        with self._lock:
            waiting = holder.pop(key, "") + text
            if "\n" in waiting:
                *lines, waiting = waiting.split("\n")
                for line in lines:
                    self._logs.emit(call, self._level, source, line[:-1] if line.endswith("\r") else line)
            if len(waiting) > PARTIAL_LINE_CHARACTERS:
                self._logs.emit(call, self._level, source, waiting)
                waiting = ""
            if waiting:
                holder[key] = waiting
        return len(text)

    def record(self, text: str, level: int) -> None:
        """One record of logging is one line, with its newlines inside."""
        self._logs.emit(current.get(), level, self._source, text)

    def flush(self) -> None:
        # An invocation's is flushed at its end at the latest; what belongs to none has no end.
        if self.partial and current.get() is None:
            self.end(None, self.partial)

    def end(self, call, holder: dict) -> None:
        with self._lock:
            for key in [key for key in holder if key[0] == self._source]:
                self._logs.emit(call, self._level, self._source, holder.pop(key))

    def part(self) -> None:
        """In a copy of the process: whoever held the lock is not there, and begun lines are the original's."""
        self._lock = RLock()
        self.partial.clear()

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def reconfigure(self, **_) -> None:
        """As TextIOWrapper has it: the encoding is UTF-8, whatever is asked for."""

    def close(self) -> None:
        """Others write on."""


class TaggedBytes(io.BufferedIOBase):
    """sys.stdout.buffer."""

    def __init__(self, text: TaggedText):
        self._text = text
        self.raw = self
        self.name = text.name
        self.mode = "wb"

    def write(self, data) -> int:
        data = bytes(data)
        self._text.write(data.decode("utf-8", "backslashreplace"))
        return len(data)

    def flush(self) -> None:
        self._text.flush()

    def fileno(self) -> int:
        return self._text.fileno()

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Others write on."""


def _level_of(number: int) -> int:
    if number >= logging.ERROR:
        return frames.ERROR
    if number >= logging.WARNING:
        return frames.WARN
    return frames.INFO if number >= logging.INFO else frames.DEBUG


def capture(logs: Logs) -> None:
    """Once per process, before user code is loaded."""
    sys.stdout = TaggedText(logs, frames.STDOUT, frames.INFO, 1, "<stdout>")
    sys.stderr = TaggedText(logs, frames.STDERR, frames.ERROR, 2, "<stderr>")
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr
    original = logging.StreamHandler.emit
    leave = os._exit

    def _exit(status: int):
        logs.leaving()
        leave(status)

    os._exit = _exit

    def emit(self, record) -> None:
        stream = self.stream
        if not isinstance(stream, TaggedText):
            original(self, record)
            return
        try:
            stream.record(self.format(record), _level_of(record.levelno))
        except RecursionError:
            raise
        except Exception:
            self.handleError(record)

    # Whatever format and handlers user code configures, the level of a record is its own, not its stream's.
    logging.StreamHandler.emit = emit
    # As on the hosted platform, INFO is told too. By the last resort, so that logging.basicConfig() still works.
    logging.root.setLevel(logging.INFO)
    logging.lastResort.setLevel(logging.INFO)


def flush_partial_lines(call, holder: dict) -> None:
    for stream in (sys.__stdout__, sys.__stderr__):
        stream.end(call, holder)

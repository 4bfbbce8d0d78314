# Hot path: two readings of a clock for each step of user code.
"""CPU of the loop's thread, divided among the invocations.

The thread's CPU clock is a system call (0.3 µs, several where calls are dear), the monotonic clock is none. So a short
step is charged the time that it took; a long one is charged what the thread's CPU clock allows, so that waiting for a
processor, or a blocking call, costs nothing (docs/decisions/0018-python-runtime.md).
"""

from time import perf_counter_ns, thread_time_ns

# A thread that loses its processor in a short step does not get it back so soon: then the step is no longer short.
LONG_STEP_NS = 500_000
# What was not charged since the last look could be charged to a long step that waited: so it is looked at often.
LOOK_NS = 20_000_000


class LoopMeter:
    def __init__(self):
        self._looked = perf_counter_ns()
        self._used = thread_time_ns()
        self._charged = 0

    def enter(self, call) -> None:
        now = perf_counter_ns()
        if now - self._looked > LOOK_NS:
            self._look(now)
        call.began = now

    def leave(self, call) -> int:
        """Charges the call what it used since enter(). Returns the time."""
        now = perf_counter_ns()
        took = now - call.began
        if took < LONG_STEP_NS:
            self._charged += took
        else:
            took = min(took, max(0, self._look(now)))
        call.cpu_ns += took
        call.began = 0
        return now

    def _look(self, now: int) -> int:
        """What the thread used since the last look, and nobody was charged."""
        used = thread_time_ns()
        free = used - self._used - self._charged
        self._used = used
        self._looked = now
        self._charged = 0
        return free

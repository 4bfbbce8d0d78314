# Hot path: each invocation of a function that blocks.
"""Threads for functions that block: started when they are needed, up to a limit, and kept."""

from _queue import SimpleQueue

# By these names: who patches `threading` (gevent does) makes no greenlets of these threads.
from _thread import allocate_lock, start_new_thread


class Pool:
    def __init__(self, most: int):
        self._most = most
        self._jobs: SimpleQueue = SimpleQueue()
        self._lock = allocate_lock()
        self._threads = 0
        # Jobs that were put and not finished: a job for which no thread is free needs another one.
        self._busy = 0

    def submit(self, job) -> None:
        """Runs job() on a thread. What it raises is its own to catch."""
        with self._lock:
            self._busy += 1
            starts = self._busy > self._threads and self._threads < self._most
            if starts:
                self._threads += 1
        if starts:
            self._start()
        self._jobs.put(job)

    def _start(self) -> None:
        try:
            # The end of the instance does not wait for what its time is up for.
            start_new_thread(self._work, ())
        except RuntimeError:
            # No more threads for this process: others take the job, unless there are none.
            with self._lock:
                self._threads -= 1
                if self._threads == 0:
                    self._busy -= 1
                    raise

    def _work(self) -> None:
        take = self._jobs.get
        while True:
            job = take()
            try:
                job()
            except BaseException:
                # Jobs catch what is user code's; SystemExit would end the thread.
                pass
            job = None
            with self._lock:
                self._busy -= 1

"""One invocation, without a process: what two threads do at the same moment, one step of each after the other."""

import unittest

from weir_runtime import frames
from weir_runtime.call import Call
from weir_runtime.thread_call import ThreadCall

from .test_vectors import Written

STREAM = 1 << 16


class AtItsEnd:
    """A lock that something happens behind: as soon as it is let go, in another thread."""

    def __init__(self, happens):
        self._happens = happens

    def __enter__(self):
        pass

    def __exit__(self, *_):
        self._happens()


class LinesAtLast:
    """Lines without an end, while whose end is sent something happens in another thread."""

    def __init__(self, happens):
        self._happens = happens

    def __bool__(self):
        self._happens()
        return False


class Alone:
    window_bytes = 1024
    going_lock = None

    def __init__(self):
        self.writer = Written()
        self.calls = {}


class EndAndCancel(unittest.TestCase):
    """Of the handler's end and CANCEL the second one says that it has returned, and only that one."""

    def made(self, kind):
        service = Alone()
        if kind is ThreadCall:
            service.going_lock = AtItsEnd(lambda: None)
            call = ThreadCall(service, STREAM, "i", 0, None, False)
        else:
            call = Call(service, STREAM, "i", 0)
            call.got_cancel = lambda reason: None
        service.calls[STREAM] = call
        return call

    def said(self, call) -> int:
        self.assertEqual(call.service.calls, {})
        return call.writer.frames.count(frames.frame(frames.BODY_END, STREAM))

    def test_one_after_the_other(self):
        for kind in (Call, ThreadCall):
            call = self.made(kind)
            call.take_cancel(0)
            self.assertEqual(self.said(call), 0)
            call.done()
            self.assertEqual(self.said(call), 1)
            call = self.made(kind)
            call.reply(200, b"", b"")
            call.done()
            self.assertEqual(self.said(call), 0)
            # It was looked for before the answer was complete.
            call.take_cancel(0)
            self.assertEqual(self.said(call), 1)

    def test_cancelled_while_it_returns(self):
        call = self.made(ThreadCall)
        call.service.going_lock = AtItsEnd(lambda: call.take_cancel(0))
        call.done()
        self.assertEqual(self.said(call), 1)

    def test_cancelled_once_it_has_returned(self):
        for kind in (Call, ThreadCall):
            call = self.made(kind)
            call.lines = LinesAtLast(lambda: call.take_cancel(0))
            call.done()
            self.assertEqual(self.said(call), 1)


if __name__ == "__main__":
    unittest.main()

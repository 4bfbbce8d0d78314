"""Idle WebSockets are pinged, as uvicorn does it: who leaves without a word is noticed."""

from .limits import WEBSOCKET_PING_S


class Pings:
    """`later(seconds, callback)` is the clock. Every WEBSOCKET_PING_S a ping; and so long for what may come after it.

    A pong is what is expected. But it may be behind much else, and who sends, or takes what was sent, is there.
    """

    def __init__(self, later, socket):
        self._later = later
        self._socket = socket
        self._asked = False
        self._timer = later(WEBSOCKET_PING_S, self._due)

    def heard(self) -> None:
        """The client has sent something, or taken something."""
        self._asked = False

    def stop(self) -> None:
        self._timer.cancel()

    def _due(self) -> None:
        if self._asked and not self._socket.keeps_waiting():
            self._socket.gone()
            return
        self._asked = self._socket.ping()
        self._timer = self._later(WEBSOCKET_PING_S, self._due)

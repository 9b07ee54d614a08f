"""Fanline's own protocol over PyPI's `websockets`, and nothing else."""

import contextlib
import json
import socket
import time

from websockets.sync.client import connect


class NativeClient:
    """Knows only what the protocol's documentation says."""

    def __init__(self, ready: dict, patience: float, **first_frame):
        self._patience = patience
        self._unread: list[dict] = []
        url = ready["url"].replace("http", "ws", 1) + "/v1/connect"
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(
            connect(url, subprotocols=["fanline.v1"], open_timeout=patience, proxy=None)
        )
        self.send(type="connect", app=ready["pusher"]["key"], id=0, **first_frame)
        self.hello = self.take("connected", lambda frame: frame["type"] == "connected")

    def send(self, **frame):
        self._socket.send(json.dumps(frame))

    def take(self, what: str, wanted) -> dict:
        """The first frame that is wanted, now or later."""
        for index, frame in enumerate(self._unread):
            if wanted(frame):
                return self._unread.pop(index)
        deadline = time.monotonic() + self._patience
        while True:
            try:
                frame = json.loads(self._socket.recv(timeout=deadline - time.monotonic()))
            except TimeoutError:
                raise AssertionError(f"no {what}; unread: {self._unread}") from None
            if frame["type"] == "ping":
                self.send(type="pong")
            elif wanted(frame):
                return frame
            else:
                self._unread.append(frame)

    def answer(self, id) -> dict:
        return self.take(f"answer to {id}", lambda frame: frame.get("id") == id)

    def subscribe(self, channel: str, **options) -> dict:
        """Subscribes and answers `subscribed`."""
        self.send(type="subscribe", channel=channel, id=1, **options)
        return self.subscribed(channel)

    def subscribed(self, channel: str) -> dict:
        return self._of_channel("subscribed", channel)

    def caught_up(self, channel: str) -> dict:
        return self._of_channel("caught_up", channel)

    def messages(self, channel: str, count: int) -> list[dict]:
        return [self._of_channel("message", channel) for _ in range(count)]

    def unread(self, channel: str) -> list[dict]:
        return [frame for frame in self._unread if frame.get("channel") == channel]

    def cut(self):
        """Ends the connection as a broken line does: without a close frame."""
        self._socket.socket.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._open.close()

    def _of_channel(self, kind: str, channel: str) -> dict:
        return self.take(
            f"{kind} of {channel}",
            lambda frame: frame["type"] == kind and frame["channel"] == channel,
        )

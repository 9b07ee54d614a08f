"""The server under test, as `fanline dev` starts it, and the clients' few common steps."""

import json
import os
import pathlib
import signal
import subprocess
import threading
from dataclasses import dataclass

import pytest
import requests

from native import NativeClient

FACTOR = float(os.environ.get("FANLINE_TEST_TIME_FACTOR", "1"))
PATIENCE = 10 * FACTOR
DEBUG_BUILD = pathlib.Path(__file__).parents[3] / "target/debug/fanline"


@dataclass
class Server:
    """A running server: what it said once it served, and its HTTP API with the API key."""

    ready: dict

    @property
    def host(self) -> str:
        return self.ready["url"].removeprefix("http://").split(":")[0]

    @property
    def port(self) -> int:
        return int(self.ready["url"].rsplit(":", 1)[1])

    def call(self, method: str, path: str, body=None, **headers) -> requests.Response:
        headers["Authorization"] = f"Bearer {self.ready['api_key']}"
        return requests.request(
            method, self.ready["url"] + path, json=body, headers=headers, timeout=PATIENCE
        )

    def publish(self, channel: str, data, name: str = "n") -> dict:
        body = {"name": name, "data": data}
        response = self.call("POST", f"/v1/channels/{channel}/messages", body)
        assert response.status_code in (200, 201), response.text
        return response.json()

    def mint_token(self, subject: str, capabilities: dict) -> str:
        body = {"subject": subject, "capabilities": capabilities, "ttl_seconds": 600}
        response = self.call("POST", "/v1/tokens", body)
        assert response.status_code in (200, 201), response.text
        return response.json()["token"]


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server for all tests; each uses channels of its own. It must stop cleanly, too."""
    command = [
        os.environ.get("FANLINE_BIN", DEBUG_BUILD),
        "dev",
        *("--output", "json"),
        *("--listen", "127.0.0.1:0"),
        *("--admin-listen", "127.0.0.1:0"),
        *("--ops-listen", "127.0.0.1:0"),
        *("--data-dir", tmp_path_factory.mktemp("fanline") / "data"),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        # A server that never says its line is ended, so that the read below ends too.
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        line = process.stdout.readline()
        watchdog.cancel()
        assert line, f"the server ended with {process.wait()} before it served"
        yield Server(json.loads(line))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert process.stdout.read() == "", "more than one line on standard output"


@pytest.fixture
def connect(server):
    """Connects native clients that are closed when the test ends."""
    clients = []

    def connect(channel=None, **first_frame) -> NativeClient:
        client = NativeClient(server.ready, PATIENCE, **first_frame)
        clients.append(client)
        if channel is not None:
            client.subscribe(channel)
        return client

    yield connect
    for client in clients:
        client.close()

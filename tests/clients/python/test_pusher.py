"""PyPI's `pusher`, as a backend uses it."""

import pusher
import pytest


@pytest.fixture
def backend(server):
    credentials = server.ready["pusher"]
    return pusher.Pusher(
        app_id=credentials["app_id"],
        key=credentials["key"],
        secret=credentials["secret"],
        host=server.host,
        port=server.port,
        ssl=False,
    )


def test_what_it_triggers_a_native_subscriber_reads(backend, connect):
    client = connect("orders.pypi")
    backend.trigger("orders.pypi", "created", {"total": 12, "note": "für é"})
    [message] = client.messages("orders.pypi", 1)
    assert message["name"] == "created"
    assert message["data"] == {"total": 12, "note": "für é"}


def test_one_event_to_two_channels(backend, connect):
    channels = ["orders.pypi-1", "orders.pypi-2"]
    clients = [connect(channel) for channel in channels]
    backend.trigger(channels, "created", "text")
    for client, channel in zip(clients, channels):
        [message] = client.messages(channel, 1)
        assert message["data"] == "text"


def test_a_batch_keeps_its_order(backend, connect):
    channel = "orders.pypi-batch"
    client = connect(channel)
    backend.trigger_batch([{"channel": channel, "name": "n", "data": {"n": n}} for n in range(5)])
    messages = client.messages(channel, 5)
    assert [message["data"]["n"] for message in messages] == list(range(5))


def test_the_connection_it_names_is_left_out(backend, connect):
    channel = "orders.pypi-excluded"
    client = connect(channel)
    backend.trigger(channel, "first", {}, client.hello["connection_id"])
    backend.trigger(channel, "second", {})
    [message] = client.messages(channel, 1)
    assert message["name"] == "second"


def test_it_sees_which_channels_are_occupied(backend, connect):
    connect("pypi-occupied")
    assert list(backend.channels_info("pypi-occ")["channels"]) == ["pypi-occupied"]
    assert backend.channel_info("pypi-occupied")["occupied"] is True
    assert backend.channel_info("pypi-nobody")["occupied"] is False


def test_a_wrong_secret_is_refused(server):
    credentials = server.ready["pusher"]
    forged = pusher.Pusher(
        app_id=credentials["app_id"],
        key=credentials["key"],
        secret="wrong",
        host=server.host,
        port=server.port,
        ssl=False,
    )
    with pytest.raises(pusher.errors.PusherBadAuth):
        forged.trigger("any", "n", {})


def test_it_cannot_speak_as_the_system(backend):
    with pytest.raises(pusher.errors.PusherBadRequest):
        backend.trigger("any", "pusher:error", {})

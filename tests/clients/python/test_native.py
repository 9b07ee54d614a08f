"""The native protocol with PyPI's `websockets`."""


def test_what_http_publishes_arrives_with_its_position(server, connect):
    client = connect("orders.python")
    published = server.publish("orders.python", {"total": 12}, name="created")
    [message] = client.messages("orders.python", 1)
    assert message["name"] == "created"
    assert message["data"] == {"total": 12}
    assert (message["epoch"], message["seq"]) == (published["epoch"], published["seq"])


def test_a_cut_line_loses_nothing(server, connect):
    channel = "orders.python-cut"
    first = connect(channel)
    server.publish(channel, 0)
    [seen] = first.messages(channel, 1)
    first.cut()

    for data in (1, 2, 3):
        server.publish(channel, data)

    since = {"epoch": seen["epoch"], "seq": seen["seq"]}
    second = connect(subscribe=[{"channel": channel, "id": 1, "since": since}])
    subscribed = second.subscribed(channel)
    assert subscribed["continuity"] == "kept"
    assert subscribed["from"] == since
    messages = second.messages(channel, 3)
    assert [message["data"] for message in messages] == [1, 2, 3]
    assert [message["seq"] for message in messages] == [seen["seq"] + n for n in (1, 2, 3)]
    second.caught_up(channel)


def test_a_client_publishes_and_hears_the_position(server, connect):
    channel = "orders.python-own"
    token = server.mint_token("u1", {"orders.*": ["subscribe", "publish"]})
    client = connect(channel, token=token)
    client.send(type="publish", id="p", channel=channel, name="n", data={"a": 1})
    published = client.answer("p")
    assert published["type"] == "published"
    [message] = client.messages(channel, 1)
    assert (message["epoch"], message["seq"]) == (published["epoch"], published["seq"])


def test_a_private_channel_needs_the_right(server, connect):
    channel = "private-python"
    nobody = connect(subscribe=[{"channel": channel, "id": 1}])
    assert nobody.answer(1)["type"] != "subscribed"

    token = server.mint_token("u1", {"private-*": ["subscribe"]})
    user = connect(channel, token=token)
    server.publish(channel, "secret")
    user.messages(channel, 1)
    nobody.subscribe("orders.python-barrier")
    server.publish("orders.python-barrier", 0)
    nobody.messages("orders.python-barrier", 1)
    assert nobody.unread(channel) == []

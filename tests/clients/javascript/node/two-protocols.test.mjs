// One message in two protocols: what either API publishes, both kinds of subscriber read, in one
// order and in the shapes that the documentation promises.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import WebSocket from 'ws';

import { Inbox } from '../lib/inbox.mjs';
import { NativeClient, mintToken, publish } from '../lib/native.mjs';
import { PusherClient, VERSIONS, pusherServer } from '../lib/pusher.mjs';
import { startServer } from '../lib/server.mjs';

let server;
let ready;
let backend;

before(async () => {
  server = await startServer();
  ready = server.ready;
  backend = pusherServer(ready);
});
after(() => server?.stop());

/** A Pusher connection without a library in between: the text of each frame is what was sent. */
async function rawPusher(channel) {
  const { host } = new URL(ready.url);
  const query = 'protocol=7&client=test&version=1.0';
  const socket = new WebSocket(`ws://${host}/app/${ready.pusher.key}?${query}`);
  const inbox = new Inbox();
  socket.on('message', (data) => inbox.push(JSON.parse(data.toString())));
  socket.on('close', (code) => inbox.end(code));
  await inbox.take(({ event }) => event === 'pusher:connection_established', 'the greeting');
  socket.send(JSON.stringify({ event: 'pusher:subscribe', data: { auth: '', channel } }));
  await inbox.take(
    ({ event }) => event === 'pusher_internal:subscription_succeeded',
    'the subscription',
  );
  return { inbox, close: () => socket.close() };
}

async function nativeListener(channel, options = {}) {
  const client = await NativeClient.connect(ready, {
    ...options,
    subscribe: [{ channel, id: 1 }],
  });
  await client.subscribed(channel);
  return client;
}

test('thirty publishes by three ways at once: everybody reads one order', async () => {
  const channel = 'orders.order';
  const token = await mintToken(ready, 'u1', { 'orders.*': ['subscribe', 'publish'] });
  const native = await nativeListener(channel, { token });
  const pushers = await Promise.all(VERSIONS.map((version) => PusherClient.connect(version, ready)));
  await Promise.all(pushers.map((client) => client.subscribe(channel)));

  const ways = [
    (n) => backend.trigger(channel, 'n', { n }),
    (n) => publish(ready, channel, { name: 'n', data: { n } }),
    (n) => native.publish(channel, { name: 'n', data: { n } }),
  ];
  await Promise.all(Array.from({ length: 30 }, (_, n) => ways[n % ways.length](n)));

  const messages = await native.messages(channel, 30);
  const first = messages[0].seq;
  assert.deepEqual(messages.map(({ seq }) => seq), messages.map((_, index) => first + index));
  assert.equal(new Set(messages.map(({ epoch }) => epoch)).size, 1);
  const order = messages.map(({ data }) => data.n);
  assert.deepEqual([...order].sort((a, b) => a - b), Array.from({ length: 30 }, (_, n) => n));

  for (const client of pushers) {
    const events = await client.events(channel, 30);
    assert.deepEqual(events.map(({ data }) => data.n), order);
    client.close();
  }
  await native.close();
});

const FROM_PUSHER = [
  { what: 'an object, its text untouched', sent: '{"b":1, "a": [ 1.50, "é" ]}', read: { b: 1, a: [1.5, 'é'] } },
  { what: 'a number', sent: '12', read: 12 },
  { what: 'a JSON string', sent: '"hello"', read: 'hello' },
  { what: 'text that is no JSON', sent: 'hello, {you}', read: 'hello, {you}' },
  { what: 'an empty string', sent: '', read: '' },
];

test('what Pusher’s API publishes', async (t) => {
  for (const [index, { what, sent, read }] of FROM_PUSHER.entries()) {
    await t.test(what, async () => {
      const channel = `from-pusher.${index}`;
      const native = await nativeListener(channel);
      const pusher = await rawPusher(channel);
      await backend.trigger(channel, 'created', sent);
      const frame = await pusher.inbox.take((item) => item.channel === channel, 'the event');
      assert.deepEqual(frame, { event: 'created', channel, data: sent });
      const [message] = await native.messages(channel, 1);
      assert.equal(message.name, 'created');
      assert.deepEqual(message.data, read);
      pusher.close();
      await native.close();
    });
  }
});

const FROM_NATIVE = [
  { what: 'an object', data: { a: 1 }, read: '{"a":1}' },
  { what: 'a number', data: 12, read: '12' },
  { what: 'null', data: null, read: 'null' },
  { what: 'bytes', data: 'AAECAw==', encoding: 'base64', read: 'AAECAw==' },
];

test('what the native API publishes', async (t) => {
  for (const [index, { what, data, encoding, read }] of FROM_NATIVE.entries()) {
    await t.test(what, async () => {
      const channel = `from-native.${index}`;
      const native = await nativeListener(channel);
      const pusher = await rawPusher(channel);
      await publish(ready, channel, { name: 'created', data, ...(encoding && { encoding }) });
      const frame = await pusher.inbox.take((item) => item.channel === channel, 'the event');
      assert.deepEqual(frame, { event: 'created', channel, data: read });
      const [message] = await native.messages(channel, 1);
      assert.deepEqual(message.data, data);
      assert.equal(message.encoding, encoding);
      pusher.close();
      await native.close();
    });
  }
});

test('a message without a name is Pusher’s event `message`', async () => {
  const channel = 'from-native.nameless';
  const pusher = await rawPusher(channel);
  await publish(ready, channel, { data: 1 });
  const frame = await pusher.inbox.take((item) => item.channel === channel, 'the event');
  assert.deepEqual(frame, { event: 'message', channel, data: '1' });
  pusher.close();
});

test('a client event crosses over under its plain name, without a position, and back', async () => {
  const channel = 'private-room';
  const token = await mintToken(ready, 'u1', { 'private-*': ['subscribe', 'publish'] });
  const native = await nativeListener(channel, { token });
  const pusher = await PusherClient.connect(VERSIONS[0], ready);
  const subscription = await pusher.subscribe(channel);

  assert.ok(subscription.trigger('client-typing', { who: 'them' }));
  const [message] = await native.messages(channel, 1);
  assert.equal(message.name, 'typing');
  assert.deepEqual(message.data, { who: 'them' });
  assert.equal(message.seq, undefined);

  const answer = await native.publish(channel, {
    name: 'typing',
    data: { who: 'us' },
    ephemeral: true,
  });
  assert.notEqual(answer.type, 'error', JSON.stringify(answer));
  assert.deepEqual(await pusher.events(channel, 1), [
    { channel, event: 'client-typing', data: { who: 'us' } },
  ]);
  pusher.close();
  await native.close();
});

test('a connection id of one protocol leaves its listener out in the other', async () => {
  const channel = 'orders.excluded';
  const native = await nativeListener(channel);
  const other = await nativeListener(channel);
  await backend.trigger(channel, 'n', { n: 1 }, { socket_id: native.hello.connection_id });
  await backend.trigger(channel, 'n', { n: 2 });
  const seen = async (client, count) =>
    (await client.messages(channel, count)).map(({ data }) => data.n);
  assert.deepEqual(await seen(other, 2), [1, 2]);
  assert.deepEqual(await seen(native, 1), [2]);
  const skipped = await native.take(({ type }) => type === 'skipped', 'skipped');
  assert.equal(skipped.reason, 'excluded');
  await native.close();
  await other.close();
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { NativeClient, call, mintToken, publish } from '../lib/native.mjs';
import { startServer } from '../lib/server.mjs';

let server;
let ready;

before(async () => {
  server = await startServer();
  ready = server.ready;
});
after(() => server?.stop());

test('the hello tells limits, heartbeat, id and key of the connection', async () => {
  const client = await NativeClient.connect(ready);
  assert.match(client.hello.connection_id, /^[0-9]+\.[0-9]+$/);
  assert.equal(typeof client.hello.connection_key, 'string');
  assert.ok(client.hello.heartbeat_ms > 0);
  assert.equal(typeof client.hello.limits, 'object');
  await client.close();
});

test('one round trip connects, subscribes and is caught up', async () => {
  const channel = 'orders.first';
  const client = await NativeClient.connect(ready, { subscribe: [{ channel, id: 7 }] });
  const subscribed = await client.subscribed(channel);
  assert.equal(subscribed.id, 7);
  assert.equal(subscribed.continuity, 'fresh');
  await client.caughtUp(channel);
  await client.close();
});

test('what HTTP publishes arrives with the position that the publisher was told', async () => {
  const channel = 'orders.http';
  const client = await NativeClient.connect(ready, { subscribe: [{ channel, id: 1 }] });
  await client.subscribed(channel);
  const answer = await publish(ready, channel, { name: 'created', data: { total: 12 } });
  const [message] = await client.messages(channel, 1);
  assert.equal(message.name, 'created');
  assert.deepEqual(message.data, { total: 12 });
  assert.deepEqual([message.epoch, message.seq], [answer.epoch, answer.seq]);
  assert.equal(message.id, answer.id);
  await client.close();
});

test('curl publishes', async () => {
  const channel = 'orders.curl';
  const client = await NativeClient.connect(ready, { subscribe: [{ channel, id: 1 }] });
  await client.subscribed(channel);
  await promisify(execFile)('curl', [
    '--silent',
    '--fail',
    ...['--header', `Authorization: Bearer ${ready.api_key}`],
    ...['--header', 'Content-Type: application/json'],
    ...['--data', '{"name":"created","data":{"from":"curl"}}'],
    `${ready.url}/v1/channels/${channel}/messages`,
  ]);
  const [message] = await client.messages(channel, 1);
  assert.deepEqual(message.data, { from: 'curl' });
  await client.close();
});

test('a cut line loses nothing: three published meanwhile arrive in order, kept', async () => {
  const channel = 'orders.cut';
  const first = await NativeClient.connect(ready, { subscribe: [{ channel, id: 1 }] });
  await first.subscribed(channel);
  await publish(ready, channel, { name: 'n', data: 0 });
  const [seen] = await first.messages(channel, 1);
  await first.cut();

  for (const data of [1, 2, 3]) {
    await publish(ready, channel, { name: 'n', data });
  }

  const since = { epoch: seen.epoch, seq: seen.seq };
  const second = await NativeClient.connect(ready, { subscribe: [{ channel, id: 1, since }] });
  const subscribed = await second.subscribed(channel);
  assert.equal(subscribed.continuity, 'kept');
  assert.deepEqual(subscribed.from, since);
  const messages = await second.messages(channel, 3);
  assert.deepEqual(messages.map(({ data }) => data), [1, 2, 3]);
  assert.deepEqual(messages.map(({ seq }) => seq), [1, 2, 3].map((n) => seen.seq + n));
  await second.caughtUp(channel);
  assert.deepEqual(second.inbox.peek(({ type }) => type === 'message'), []);
  await second.close();
});

test('nothing missed is said too: kept, and caught up at once', async () => {
  const channel = 'orders.quiet';
  const { epoch, seq } = await publish(ready, channel, { name: 'n', data: 0 });
  const client = await NativeClient.connect(ready, {
    subscribe: [{ channel, id: 1, since: { epoch, seq } }],
  });
  const subscribed = await client.subscribed(channel);
  assert.equal(subscribed.continuity, 'kept');
  assert.deepEqual(subscribed.head, { epoch, seq });
  await client.caughtUp(channel);
  await client.close();
});

test('an epoch that never was is lost, and says which way', async () => {
  const channel = 'orders.unknown';
  const { seq, epoch } = await publish(ready, channel, { name: 'n', data: 0 });
  const other = epoch.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  const client = await NativeClient.connect(ready, {
    subscribe: [{ channel, id: 1, since: { epoch: other, seq } }],
  });
  const subscribed = await client.subscribed(channel);
  assert.equal(subscribed.continuity, 'lost');
  assert.equal(subscribed.reason, 'unknown_epoch');
  await client.close();
});

test('after unsubscribed nothing of the channel follows', async () => {
  const channel = 'orders.leave';
  const client = await NativeClient.connect(ready, { subscribe: [{ channel, id: 1 }] });
  await client.subscribed(channel);
  await client.caughtUp(channel);
  client.send({ type: 'unsubscribe', channel, id: 2 });
  const unsubscribed = await client.answer(2);
  assert.equal(unsubscribed.type, 'unsubscribed');

  await publish(ready, channel, { name: 'n', data: 'unseen' });
  // A second channel is the barrier: what would come for the first is before its message.
  await client.subscribe('orders.barrier');
  await publish(ready, 'orders.barrier', { name: 'n', data: 0 });
  await client.messages('orders.barrier', 1);
  assert.deepEqual(client.inbox.peek((frame) => frame.channel === channel), []);
  await client.close();
});

test('the same idempotency key gives the same position, another body is refused', async () => {
  const path = '/v1/channels/orders.twice/messages';
  const headers = { 'idempotency-key': 'order-1' };
  const body = { name: 'n', data: 1 };
  const first = await call(ready, 'POST', path, body, headers);
  const again = await call(ready, 'POST', path, body, headers);
  assert.deepEqual([again.body.epoch, again.body.seq], [first.body.epoch, first.body.seq]);
  const other = await call(ready, 'POST', path, { name: 'n', data: 2 }, headers);
  assert.equal(other.status, 422);
});

test('a private channel needs the right', async () => {
  const channel = 'private-orders';
  const nobody = await NativeClient.connect(ready, { subscribe: [{ channel, id: 1 }] });
  const refusal = await nobody.answer(1);
  assert.notEqual(refusal.type, 'subscribed');

  const other = await mintToken(ready, 'u2', { 'private-other': ['subscribe'] });
  const stranger = await NativeClient.connect(ready, {
    token: other,
    subscribe: [{ channel, id: 1 }],
  });
  assert.notEqual((await stranger.answer(1)).type, 'subscribed');

  const token = await mintToken(ready, 'u1', { 'private-*': ['subscribe'] });
  const user = await NativeClient.connect(ready, { token, subscribe: [{ channel, id: 1 }] });
  await user.subscribed(channel);

  await publish(ready, channel, { name: 'n', data: 'secret' });
  await user.messages(channel, 1);
  for (const outsider of [nobody, stranger]) {
    await outsider.subscribe('orders.barrier');
    await publish(ready, 'orders.barrier', { name: 'n', data: 0 });
    await outsider.messages('orders.barrier', 1);
    assert.deepEqual(outsider.inbox.peek(({ type }) => type === 'message'), []);
    await outsider.close();
  }
  await user.close();
});

test('the channel of a user is for that user, whatever a token lists', async () => {
  const token = await mintToken(ready, 'u1', { '*': ['subscribe'] });
  const client = await NativeClient.connect(ready, {
    token,
    subscribe: [{ channel: '#server-to-user-u2', id: 1 }],
  });
  assert.notEqual((await client.answer(1)).type, 'subscribed');
  await client.close();
});

test('a publisher cannot speak as the system', async () => {
  const token = await mintToken(ready, 'u1', { '*': ['subscribe', 'publish'] });
  const client = await NativeClient.connect(ready, { token });
  for (const name of ['pusher:error', 'pusher_internal:member_added', 'fanline:position']) {
    const over = await client.publish('orders.system', { name, data: {} });
    assert.equal(over.type, 'error', name);
    const { status, body } = await call(ready, 'POST', '/v1/channels/orders.system/messages', {
      name,
      data: {},
    });
    assert.ok(status >= 400 && status < 500, `${name}: ${status}`);
    assert.equal(typeof body.title, 'string');
  }
  await client.close();
});

test('a client publishes, hears the position, and reads its own message', async () => {
  const channel = 'orders.own';
  const token = await mintToken(ready, 'u1', { 'orders.*': ['subscribe', 'publish'] });
  const client = await NativeClient.connect(ready, { token, subscribe: [{ channel, id: 1 }] });
  await client.subscribed(channel);
  const published = await client.publish(channel, { name: 'n', data: [1, 2] });
  assert.equal(published.type, 'published');
  const [message] = await client.messages(channel, 1);
  assert.deepEqual([message.epoch, message.seq], [published.epoch, published.seq]);
  assert.deepEqual(message.data, [1, 2]);
  await client.close();
});

test('one request publishes many messages, with a result for each', async () => {
  const channel = 'orders.batch';
  const client = await NativeClient.connect(ready, { subscribe: [{ channel, id: 1 }] });
  await client.subscribed(channel);
  const { status, body } = await call(ready, 'POST', '/v1/messages', {
    messages: [1, 2, 3].map((data) => ({ channel, name: 'n', data })),
  });
  assert.ok(status === 200 || status === 201, JSON.stringify(body));
  const messages = await client.messages(channel, 3);
  assert.deepEqual(messages.map(({ data }) => data), [1, 2, 3]);
  await client.close();
});

test('history since a position is what a subscriber would have been sent', async () => {
  const channel = 'orders.history';
  const first = await publish(ready, channel, { name: 'n', data: 0 });
  for (const data of [1, 2]) {
    await publish(ready, channel, { name: 'n', data });
  }
  const since = encodeURIComponent(`${first.epoch}:${first.seq}`);
  const { status, body } = await call(
    ready,
    'GET',
    `/v1/channels/${channel}/messages?since=${since}&limit=10`,
  );
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual(body.messages.map(({ data }) => data), [1, 2]);
});

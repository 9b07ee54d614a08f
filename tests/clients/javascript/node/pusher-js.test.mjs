import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { publish } from '../lib/native.mjs';
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

for (const version of VERSIONS) {
  describe(version, () => {
    test('connects and is given a socket id of the form that all SDKs check', async () => {
      const client = await PusherClient.connect(version, ready);
      assert.match(client.socketId, /^[0-9]+\.[0-9]+$/);
      client.close();
    });

    test('hears what npm pusher triggers on a public channel', async () => {
      const channel = `${version}-public`;
      const client = await PusherClient.connect(version, ready);
      await client.subscribe(channel);
      await backend.trigger(channel, 'created', { total: 12 });
      assert.deepEqual(await client.events(channel, 1), [
        { channel, event: 'created', data: { total: 12 } },
      ]);
      client.close();
    });

    test('hears what the native API publishes, on a private channel', async () => {
      const channel = `private-${version}`;
      const client = await PusherClient.connect(version, ready);
      await client.subscribe(channel);
      await publish(ready, channel, { name: 'created', data: { total: 12 } });
      assert.deepEqual(await client.events(channel, 1), [
        { channel, event: 'created', data: { total: 12 } },
      ]);
      client.close();
    });

    test('a batch of npm pusher arrives in its order', async () => {
      const channel = `${version}-batch`;
      const client = await PusherClient.connect(version, ready);
      await client.subscribe(channel);
      await backend.triggerBatch(
        [1, 2, 3].map((n) => ({ channel, name: 'n', data: JSON.stringify({ n }) })),
      );
      const events = await client.events(channel, 3);
      assert.deepEqual(events.map(({ data }) => data.n), [1, 2, 3]);
      client.close();
    });

    test('the socket that a trigger names is left out, and only that', async () => {
      const channel = `${version}-excluded`;
      const sender = await PusherClient.connect(version, ready);
      const other = await PusherClient.connect(version, ready);
      await Promise.all([sender.subscribe(channel), other.subscribe(channel)]);
      await backend.trigger(channel, 'first', {}, { socket_id: sender.socketId });
      await backend.trigger(channel, 'second', {});
      const names = async (client, count) =>
        (await client.events(channel, count)).map(({ event }) => event);
      assert.deepEqual(await names(other, 2), ['first', 'second']);
      assert.deepEqual(await names(sender, 1), ['second']);
      sender.close();
      other.close();
    });

    test('client events reach the others and not the sender', async () => {
      const channel = `private-${version}-typing`;
      const sender = await PusherClient.connect(version, ready);
      const other = await PusherClient.connect(version, ready);
      const [sending] = await Promise.all([sender.subscribe(channel), other.subscribe(channel)]);
      assert.ok(sending.trigger('client-typing', { who: 'me' }));
      assert.deepEqual(await other.events(channel, 1), [
        { channel, event: 'client-typing', data: { who: 'me' } },
      ]);
      await backend.trigger(channel, 'after', {});
      assert.equal((await sender.events(channel, 1))[0].event, 'after');
      sender.close();
      other.close();
    });

    test('a client event on a public channel is refused and reaches nobody', async () => {
      const channel = `${version}-no-typing`;
      const sender = await PusherClient.connect(version, ready);
      const other = await PusherClient.connect(version, ready);
      await Promise.all([sender.subscribe(channel), other.subscribe(channel)]);
      sender.pusher.send_event('client-typing', {}, channel);
      await sender.inbox.take(({ event }) => event === 'error', 'an error');
      await backend.trigger(channel, 'after', {});
      assert.equal((await other.events(channel, 1))[0].event, 'after');
      sender.close();
      other.close();
    });

    test('a private channel with a wrong signature is refused, and stays silent', async () => {
      const channel = `private-${version}-refused`;
      const forged = `${ready.pusher.key}:${'0'.repeat(64)}`;
      const client = await PusherClient.connect(version, ready, {
        channelAuthorization: {
          customHandler: (_, callback) => callback(null, { auth: forged }),
        },
      });
      await assert.rejects(client.subscribe(channel), /refused/);
      await backend.trigger(channel, 'secret', {});
      await client.subscribe(`${version}-barrier`);
      await backend.trigger(`${version}-barrier`, 'after', {});
      await client.events(`${version}-barrier`, 1);
      assert.deepEqual(client.inbox.peek((item) => item.channel === channel), []);
      client.close();
    });

    test('a wrong key ends disconnected, and stays so', async () => {
      const client = new PusherClient(version, ready, { key: 'no-such-key' });
      await client.states.take((state) => state === 'disconnected', 'disconnected');
      assert.equal(client.pusher.connection.state, 'disconnected');
      client.close();
    });

    test('subscribe, unsubscribe, subscribe in one go ends subscribed, once', async () => {
      const channel = `${version}-hasty`;
      const client = await PusherClient.connect(version, ready);
      client.pusher.subscribe(channel);
      client.pusher.unsubscribe(channel);
      await client.subscribe(channel);
      await backend.trigger(channel, 'first', {});
      await backend.trigger(channel, 'second', {});
      const events = await client.events(channel, 2);
      assert.deepEqual(events.map(({ event }) => event), ['first', 'second']);
      client.close();
    });
  });
}

test('npm pusher asks which channels are occupied', async () => {
  const channel = 'occupied';
  const client = await PusherClient.connect(VERSIONS[0], ready);
  await client.subscribe(channel);
  const all = await backend.get({ path: '/channels', params: { filter_by_prefix: 'occ' } });
  assert.deepEqual(Object.keys((await all.json()).channels), [channel]);
  const one = await backend.get({ path: `/channels/${channel}` });
  assert.equal((await one.json()).occupied, true);
  const none = await backend.get({ path: '/channels/nobody-here' });
  assert.equal((await none.json()).occupied, false);
  client.close();
});

test('npm pusher with a wrong secret is refused', async () => {
  const forged = pusherServer({ ...ready, pusher: { ...ready.pusher, secret: 'wrong' } });
  await assert.rejects(forged.trigger('any', 'n', {}), ({ status }) => status === 401);
});

test('npm pusher cannot speak as the system', async () => {
  await assert.rejects(
    backend.trigger('any', 'pusher:error', {}),
    ({ status }) => status >= 400 && status < 500,
  );
});

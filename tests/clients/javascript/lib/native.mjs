// Fanline's own protocol, spoken with nothing but a WebSocket and fetch.

import WebSocket from 'ws';

import { Inbox } from './inbox.mjs';
import { within } from './time.mjs';

/** A client of the native WebSocket protocol that knows only what its documentation says. */
export class NativeClient {
  inbox = new Inbox();
  #socket;
  #closed;

  /**
   * Connects and sends the first frame. `options` are members of that frame: `token`, `subscribe`,
   * `connection_key`, …
   */
  static async connect(ready, options = {}) {
    const client = new NativeClient();
    await client.#open(ready);
    client.send({ type: 'connect', app: ready.pusher.key, id: 0, ...options });
    client.hello = await client.take(({ type, id }) => type === 'connected' && id === 0, 'connected');
    return client;
  }

  async #open(ready) {
    const url = `${ready.url.replace(/^http/, 'ws')}/v1/connect`;
    this.#socket = new WebSocket(url, ['fanline.v1']);
    this.#closed = new Promise((resolve) => {
      this.#socket.on('close', (code, reason) => {
        this.inbox.end(`${code} ${reason}`);
        resolve(code);
      });
    });
    this.#socket.on('message', (data) => {
      const frame = JSON.parse(data.toString());
      if (frame.type === 'ping') {
        this.send({ type: 'pong' });
      } else {
        this.inbox.push(frame);
      }
    });
    const opened = new Promise((resolve, reject) => {
      this.#socket.once('open', resolve);
      this.#socket.once('error', reject);
    });
    await within(opened, 'the WebSocket to open');
  }

  send(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  take(wanted, what) {
    return this.inbox.take(wanted, what);
  }

  /** Subscribes and resolves with `subscribed`. */
  async subscribe(channel, options = {}) {
    this.send({ type: 'subscribe', channel, id: 1, ...options });
    return this.subscribed(channel);
  }

  subscribed(channel) {
    return this.take(
      (frame) => frame.type === 'subscribed' && frame.channel === channel,
      `subscribed ${channel}`,
    );
  }

  caughtUp(channel) {
    return this.take(
      (frame) => frame.type === 'caught_up' && frame.channel === channel,
      `caught_up ${channel}`,
    );
  }

  /** The next `count` messages of a channel. */
  messages(channel, count) {
    return this.inbox.takeMany(
      count,
      (frame) => frame.type === 'message' && frame.channel === channel,
      `message in ${channel}`,
    );
  }

  /** Publishes over this connection and resolves with the answer. */
  publish(channel, message) {
    const id = `p${Math.random()}`;
    this.send({ type: 'publish', id, channel, ...message });
    return this.answer(id);
  }

  /** The one answer that echoes an id. */
  answer(id) {
    return this.take((frame) => frame.id === id, `the answer to ${id}`);
  }

  /** Ends the connection as a broken line does: without a word. */
  async cut() {
    this.#socket.terminate();
    await within(this.#closed, 'the socket to be gone');
  }

  async close() {
    this.#socket.close();
    return within(this.#closed, 'the connection to close');
  }
}

/** Calls the HTTP API with the API key. */
export async function call(ready, method, path, body, headers = {}) {
  const response = await fetch(`${ready.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${ready.api_key}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

/** Publishes one message over HTTP; anything but success is an error. */
export async function publish(ready, channel, message) {
  const path = `/v1/channels/${encodeURIComponent(channel)}/messages`;
  const { status, body } = await call(ready, 'POST', path, message);
  if (status !== 200 && status !== 201) {
    throw new Error(`publishing to ${channel}: ${status} ${JSON.stringify(body)}`);
  }
  return body;
}

/** A token of a client, minted with the API key. */
export async function mintToken(ready, subject, capabilities) {
  const { status, body } = await call(ready, 'POST', '/v1/tokens', {
    subject,
    capabilities,
    ttl_seconds: 600,
  });
  if (status !== 200 && status !== 201) {
    throw new Error(`minting a token: ${status} ${JSON.stringify(body)}`);
  }
  return body.token;
}

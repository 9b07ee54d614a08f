// Pusher's own libraries, unmodified, pointed at the server.

import { createRequire } from 'node:module';

import { Inbox } from './inbox.mjs';
import { within } from './time.mjs';

const require = createRequire(import.meta.url);
const PusherServer = require('pusher');

/** The versions that must work: the current one, and one from before 8.2. */
export const VERSIONS = ['pusher-js-8', 'pusher-js-7'];

/** npm's `pusher`, as a backend uses it. */
export function pusherServer(ready) {
  const { hostname, port } = new URL(ready.url);
  return new PusherServer({
    appId: ready.pusher.app_id,
    key: ready.pusher.key,
    secret: ready.pusher.secret,
    host: hostname,
    port,
    useTLS: false,
  });
}

/** The options by which any pusher-js finds the server; `authorize` signs private channels. */
export function clientOptions(ready, options = {}) {
  const { hostname, port } = new URL(ready.url);
  const backend = pusherServer(ready);
  return {
    cluster: '',
    wsHost: hostname,
    wsPort: Number(port),
    wssPort: Number(port),
    forceTLS: false,
    enabledTransports: ['ws'],
    channelAuthorization: {
      customHandler: ({ channelName, socketId }, callback) =>
        callback(null, backend.authorizeChannel(socketId, channelName)),
    },
    ...options,
  };
}

/** A pusher-js client whose events can be waited for. */
export class PusherClient {
  inbox = new Inbox();
  states = new Inbox();

  constructor(version, ready, { key = ready.pusher.key, ...options } = {}) {
    const library = require(version);
    const Pusher = library.default ?? library.Pusher ?? library;
    this.pusher = new Pusher(key, clientOptions(ready, options));
    this.pusher.connection.bind('error', (error) => {
      this.inbox.push({ event: 'error', data: error });
    });
    this.pusher.connection.bind('state_change', ({ current }) => this.states.push(current));
  }

  static async connect(version, ready, options) {
    const client = new PusherClient(version, ready, options);
    await client.states.take((state) => state === 'connected', 'connected');
    return client;
  }

  get socketId() {
    return this.pusher.connection.socket_id;
  }

  /** Subscribes and resolves with the channel, or rejects with pusher-js's subscription error. */
  async subscribe(name) {
    const channel = this.pusher.subscribe(name);
    channel.bind_global((event, data) => {
      if (!event.startsWith('pusher:')) {
        this.inbox.push({ channel: name, event, data });
      }
    });
    const decided = new Promise((resolve, reject) => {
      channel.bind('pusher:subscription_succeeded', () => resolve(channel));
      channel.bind('pusher:subscription_error', (error) => {
        reject(Object.assign(new Error(`subscription to ${name} refused`), { refusal: error }));
      });
    });
    return within(decided, `subscription to ${name}`, () => this.inbox.describe());
  }

  /** The next `count` events of a channel. */
  events(channel, count) {
    return this.inbox.takeMany(
      count,
      (item) => item.channel === channel,
      `an event of ${channel}`,
    );
  }

  close() {
    this.pusher.disconnect();
  }
}

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { openBrowser, serve } from '../lib/browser.mjs';
import { publish } from '../lib/native.mjs';
import { VERSIONS, pusherServer } from '../lib/pusher.mjs';
import { startServer } from '../lib/server.mjs';
import { PATIENCE } from '../lib/time.mjs';

const require = createRequire(import.meta.url);
let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The build of pusher-js that a page loads. */
async function webBuild(version) {
  const folder = path.dirname(require.resolve(`${version}/package.json`));
  return { type: 'text/javascript', body: await readFile(path.join(folder, 'dist/web/pusher.min.js')) };
}

for (const version of VERSIONS) {
  test(`${version} on a page of another port: public, and private by dev’s own endpoint`, async () => {
    const { ready } = server;
    const channels = [`${version}-page`, `private-${version}-page`];
    const html = await readFile(new URL('./pusher-js.html', import.meta.url));
    const site = await serve({
      '/': { type: 'text/html', body: html },
      '/pusher.js': await webBuild(version),
    });
    const { hostname, port } = new URL(ready.url);
    const query = new URLSearchParams({
      key: ready.pusher.key,
      host: hostname,
      port,
      channels: channels.join(' '),
    });
    const { page, complaints, screenshot } = await browser.newPage();
    await page.goto(`${site.url}/?${query}`);
    await page.locator('#state').getByText('connected').waitFor();
    for (const channel of channels) {
      await page
        .getByText(`${channel} pusher:subscription_succeeded {}`, { exact: true })
        .waitFor();
    }

    const backend = pusherServer(ready);
    await backend.trigger(channels, 'created', { by: 'npm pusher' });
    await publish(ready, channels[1], { name: 'created', data: { by: 'native' } });
    for (const line of [
      `${channels[0]} created {"by":"npm pusher"}`,
      `${channels[1]} created {"by":"npm pusher"}`,
      `${channels[1]} created {"by":"native"}`,
    ]) {
      await page.getByText(line, { exact: true }).waitFor();
    }
    await screenshot(`${version}-page`);
    assert.deepEqual(complaints, []);
    await page.close();
    await site.close();
  });
}

test('the page that dev hands out for pusher-js works as it is', async () => {
  const { ready } = server;
  const { page, complaints, screenshot } = await browser.newPage();
  // Whatever host the page takes pusher-js from, here it comes from the package.
  const library = await webBuild(VERSIONS[0]);
  await page.route(
    (url) => url.host !== new URL(ready.url).host,
    (route) => route.fulfill({ contentType: library.type, body: library.body }),
  );
  const response = await page.goto(`${ready.url}/dev/pusher`);
  assert.equal(response.status(), 200);

  // What it subscribes to is in its text, for whoever reads it; the private one asks dev to sign.
  const channels = [...(await page.content()).matchAll(/subscribe\(["']([^"']+)["']\)/g)].map(
    ([, channel]) => channel,
  );
  assert.ok(channels.some((channel) => channel.startsWith('private-')), channels.join());
  const backend = pusherServer(ready);
  for (const channel of channels) {
    await untilOccupied(backend, channel);
    await backend.trigger(channel, 'greeting', { text: `hello ${channel}!` });
    await page.getByText(`hello ${channel}!`).first().waitFor();
  }
  await screenshot('pusher-snippet');
  assert.deepEqual(complaints, []);
});

/** Resolves once somebody is subscribed to the channel, as Pusher's own API tells it. */
async function untilOccupied(backend, channel) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const response = await backend.get({ path: `/channels/${channel}` });
    if ((await response.json()).occupied) {
      return;
    }
    assert.ok(Date.now() < deadline, `nobody subscribed to ${channel}`);
    await setTimeout(50);
  }
}

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { openBrowser, serve } from '../lib/browser.mjs';
import { publish } from '../lib/native.mjs';
import { VERSIONS, pusherServer } from '../lib/pusher.mjs';
import { startServer } from '../lib/server.mjs';

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

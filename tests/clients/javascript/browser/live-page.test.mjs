import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser } from '../lib/browser.mjs';
import { publish } from '../lib/native.mjs';
import { startServer } from '../lib/server.mjs';

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

test('the live page connects, shows what is published, and resumes after a drop', async () => {
  const { ready } = server;
  const channel = 'live.page';
  const { page, complaints, screenshot } = await browser.newPage();
  const response = await page.goto(`${ready.url}/`);
  assert.match(response.headers()['content-security-policy'] ?? '', /default-src 'none'/);

  await page.getByLabel(/channel/i).fill(channel);
  await page.getByRole('button', { name: /^(re)?connect/i }).click();
  const status = page.getByRole('status');
  await status.getByText(/live|connected/i).waitFor();

  const log = page.getByRole('log');
  await publish(ready, channel, { name: 'from-curl', data: { n: 1 } });
  await log.getByText('from-curl').waitFor();

  await page.getByRole('button', { name: /publish/i }).click();
  await screenshot('live-page-connected');

  await page.getByRole('button', { name: /drop/i }).click();
  for (const n of [2, 3, 4]) {
    await publish(ready, channel, { name: `missed-${n}`, data: { n } });
  }
  const missed = log.getByText(/missed-[234]/);
  await missed.nth(2).waitFor();
  await log.getByText(/kept/i).first().waitFor();
  const shown = (await missed.allTextContents()).map((text) => text.match(/missed-[234]/)[0]);
  // The newest may stand on top; what counts is that the order is one order.
  const order = ['missed-2', 'missed-3', 'missed-4'];
  assert.ok(
    shown.join() === order.join() || shown.join() === order.reverse().join(),
    shown.join(),
  );
  await screenshot('live-page-resumed');
  assert.deepEqual(complaints, []);
});

test('the live page refuses a name of this host that is not loopback', async () => {
  const { port } = new URL(server.ready.url);
  const { request } = await import('node:http');
  const status = await new Promise((resolve, reject) => {
    request(
      { host: '127.0.0.1', port, path: '/', headers: { host: `attacker.example:${port}` } },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    )
      .on('error', reject)
      .end();
  });
  assert.ok(status >= 400 && status < 500, String(status));
});

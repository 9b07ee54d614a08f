import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startServer } from '../lib/server.mjs';

test('dev says exactly one line of JSON, with everything a script needs', async () => {
  const { ready, stop } = await startServer();
  const { code, lines } = await stop();
  assert.equal(lines.length, 1);
  assert.equal(code, 0);
  for (const url of [ready.url, ready.admin_url, ready.ops_url]) {
    assert.match(url, /^http:\/\/127\.0\.0\.1:[1-9][0-9]*$/);
  }
  for (const [name, value] of Object.entries({
    tenant: ready.tenant_id,
    app: ready.app_id,
    'API key': ready.api_key,
    kid: ready.signing_key.kid,
    'signing secret': ready.signing_key.secret,
    'Pusher app id': ready.pusher.app_id,
    'Pusher key': ready.pusher.key,
    'Pusher secret': ready.pusher.secret,
    'operator token': ready.operator_token,
    'data directory': ready.data_dir,
  })) {
    assert.equal(typeof value, 'string', name);
    assert.notEqual(value, '', name);
  }
  assert.match(ready.api_key, /^fl_[^_]+_.+/);
});

test('no secret that dev hands out is in its log', async () => {
  const { ready, stop } = await startServer();
  const { log } = await stop();
  for (const secret of [
    ready.api_key,
    ready.signing_key.secret,
    ready.pusher.secret,
    ready.operator_token,
  ]) {
    assert.ok(!log.includes(secret));
  }
});

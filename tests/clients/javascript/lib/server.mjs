// Starts `fanline dev` with a data directory of its own, and stops it as an operator would.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { within } from './time.mjs';

const DEBUG_BUILD = fileURLToPath(new URL('../../../../target/debug/fanline', import.meta.url));

/**
 * A running server. `ready` is what it said once it served; `stop()` resolves with the exit code and
 * every line of its standard output.
 */
export async function startServer() {
  const directory = await mkdtemp(path.join(tmpdir(), 'fanline-'));
  const child = spawn(
    process.env.FANLINE_BIN ?? DEBUG_BUILD,
    [
      'dev',
      ...['--output', 'json'],
      ...['--listen', '127.0.0.1:0'],
      ...['--admin-listen', '127.0.0.1:0'],
      ...['--ops-listen', '127.0.0.1:0'],
      ...['--data-dir', path.join(directory, 'data')],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    log += text;
  });
  const exited = once(child, 'exit');
  const line = new Promise((resolve, reject) => {
    child.once('error', reject);
    exited.then(([code]) => reject(new Error(`the server ended with ${code}:\n${log}`)), reject);
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (output.includes('\n')) {
        resolve(output.slice(0, output.indexOf('\n')));
      }
    });
  });
  // Where nobody waits for the line any more, an exit is no unhandled rejection.
  line.catch(() => {});

  let stopped;
  const stop = () => {
    stopped ??= (async () => {
      child.kill('SIGTERM');
      const [code, signal] = await within(exited, 'the server to stop', () => log);
      await rm(directory, { recursive: true, force: true });
      return { code, signal, lines: output.split('\n').slice(0, -1), log };
    })();
    return stopped;
  };
  try {
    const ready = JSON.parse(await within(line, 'the server to serve', () => log));
    return { ready, stop };
  } catch (error) {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

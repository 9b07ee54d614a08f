// Debian's Chromium without a window, and a small server for pages of another origin.

import { createServer } from 'node:http';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { PATIENCE } from './time.mjs';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** Where screenshots go. */
export const ARTEFACTS = process.env.FANLINE_ARTEFACTS ?? path.join(ROOT, 'artefacts');

/**
 * A browser that talks to this machine only. What a page complains about is kept in `complaints`.
 */
export async function openBrowser() {
  const browser = await chromium.launch({
    executablePath: process.env.FANLINE_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  const newPage = async () => {
    const page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
    page.setDefaultTimeout(PATIENCE);
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') {
        complaints.push(message.text());
      }
    });
    const screenshot = async (name) => {
      await mkdir(ARTEFACTS, { recursive: true });
      await page.screenshot({ path: path.join(ARTEFACTS, `${name}.png`) });
    };
    return { page, complaints, screenshot };
  };
  return { newPage, close: () => browser.close() };
}

/** Serves `files` (path → { type, body }) on a port of its own. */
export async function serve(files) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const file = files[pathname];
    if (pathname === '/favicon.ico') {
      response.writeHead(204).end();
    } else if (file === undefined) {
      response.writeHead(404).end();
    } else {
      response.writeHead(200, { 'content-type': file.type }).end(file.body);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://localhost:${server.address().port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

// The live page: a subscriber of the native protocol in a few dozen lines, and a publisher over HTTP.
//
// It follows the one rule of the protocol: the position of a channel is set by `from`, by a message's
// own place and by `through`, never by `head`; with it the page comes back, and is told what became of
// continuity.

const APP = document.querySelector('meta[name="fanline-app"]').content;
const PAUSE_AFTER_DROP = 4000;
const RETRY = { first: 500, last: 10_000 };
const MAX_LINES = 1000;

const $ = (id) => document.getElementById(id);

/** What this page knows. Only `position` would have to be kept to come back after a reload. */
const session = {
  channel: undefined,
  socket: undefined,
  attempt: 0,
  position: undefined,
  token: undefined,
  connectionKey: undefined,
  replaying: false,
  retry: RETRY.first,
  timers: { back: undefined, tick: undefined, silence: undefined },
  silence: 35_000,
  count: 0,
  resumes: 0,
};

// --- the line

async function connect() {
  const attempt = ++session.attempt;
  stopTimers();
  closeSocket();
  show('away', 'connecting …');
  try {
    await token();
  } catch (error) {
    return comeBack(`no token (${error.message})`, nextRetry());
  }
  if (attempt !== session.attempt) {
    return;
  }
  const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/v1/connect`, 'fanline.v1');
  session.socket = socket;
  socket.onopen = () => {
    const since = session.position && { since: session.position };
    send({
      type: 'connect',
      app: APP,
      token: session.token.token,
      ...(session.connectionKey && { connection_key: session.connectionKey }),
      subscribe: [{ channel: session.channel, ...since }],
    });
    expectLife();
  };
  socket.onmessage = ({ data }) => {
    // What a line said that was given up meanwhile must not move the position of its successor.
    if (session.socket === socket) {
      expectLife();
      receive(JSON.parse(data));
    }
  };
  socket.onclose = ({ code, reason }) => {
    if (session.socket !== socket) {
      return;
    }
    session.socket = undefined;
    clearTimeout(session.timers.silence);
    if (code === 4010 || code === 4011) {
      session.token = undefined;
    }
    // Codes from 4000 to 4099 say that the same connection would be refused again; an expired token
    // is exchanged for a new one.
    if (code >= 4000 && code < 4100 && code !== 4011) {
      note('bad', '✕', `The server refuses the connection: ${reason || code}`);
      show('ended', 'refused');
      buttons();
    } else {
      note('warn', '…', `The line is gone${reason ? ` (${reason})` : ''}`);
      comeBack('offline', nextRetry());
    }
  };
  buttons();
}

function drop() {
  closeSocket();
  note('warn', '…', 'Line dropped: what is published now is missed');
  comeBack('offline', PAUSE_AFTER_DROP);
}

function closeSocket() {
  const socket = session.socket;
  session.socket = undefined;
  clearTimeout(session.timers.silence);
  socket?.close();
}

function send(frame) {
  session.socket.send(JSON.stringify(frame));
}

/** The server speaks at least once in every heartbeat; if it does not, the line is dead. */
function expectLife() {
  clearTimeout(session.timers.silence);
  session.timers.silence = setTimeout(() => {
    closeSocket();
    note('warn', '…', 'The server fell silent');
    comeBack('offline', nextRetry());
  }, session.silence);
}

function nextRetry() {
  const delay = session.retry * (0.5 + Math.random() / 2);
  session.retry = Math.min(session.retry * 2, RETRY.last);
  return delay;
}

function comeBack(state, delay) {
  stopTimers();
  const at = performance.now() + delay;
  const tick = () => {
    const seconds = Math.max(0, (at - performance.now()) / 1000);
    show('away', `${state}, back in ${seconds.toFixed(0)} s`);
  };
  tick();
  session.timers.tick = setInterval(tick, 250);
  session.timers.back = setTimeout(connect, delay);
  buttons();
}

function stopTimers() {
  clearTimeout(session.timers.back);
  clearInterval(session.timers.tick);
}

// --- the protocol

function receive(frame) {
  switch (frame.type) {
    case 'connected':
      session.connectionKey = frame.connection_key;
      session.silence = (frame.heartbeat_ms ?? 25_000) + 10_000;
      session.retry = RETRY.first;
      break;
    case 'subscribed':
      if (frame.channel === session.channel) {
        show('live', 'live');
        begin(frame);
      }
      break;
    case 'continuity':
      begin(frame);
      break;
    case 'message':
      if (frame.seq !== undefined) {
        moveTo({ epoch: frame.epoch, seq: frame.seq });
      }
      message(frame);
      break;
    case 'skipped':
      moveTo(frame.through);
      note('warn', '»', `${frame.count} skipped (${frame.reason})`);
      break;
    case 'caught_up':
      if (session.replaying) {
        note('good', '✓', 'Caught up: nothing is missing');
      }
      session.replaying = false;
      break;
    case 'unsubscribed':
      note('bad', '✕', `Unsubscribed: ${frame.reason}`);
      show('ended', 'not subscribed');
      break;
    case 'error':
      note('bad', '✕', frame.message ?? frame.code);
      if (frame.channel === session.channel) {
        show('ended', 'refused');
      }
      break;
    case 'ping':
      send({ type: 'pong' });
      break;
    case 'renew':
      renew();
      break;
  }
}

/** The token ends soon: exchange it in band, so that the line need not be cut. */
async function renew() {
  session.token = undefined;
  try {
    send({ type: 'refresh', token: await token() });
  } catch (error) {
    note('warn', '!', `No new token: ${error.message}`);
  }
}

/** `subscribed` and `continuity`: where the page stands now, and what became of what it knew. */
function begin(frame) {
  const behind = frame.head && frame.from ? frame.head.seq - frame.from.seq : 0;
  session.replaying = behind > 0;
  moveTo(frame.from ?? undefined);
  const from = frame.from ? ` from ${frame.from.seq}` : '';
  switch (frame.continuity) {
    case 'fresh':
      note('good', '●', `Subscribed to ${frame.channel}${from}${openTo(frame)}`);
      break;
    case 'kept':
      session.resumes += 1;
      note('good', '↻', `${plural(behind)} missed, all follow`, `Kept${from}: `);
      break;
    case 'forked':
      session.resumes += 1;
      note('warn', '⑂', `messages after ${frame.forked_at?.seq} may be lost for everyone`, 'Forked: ');
      break;
    case 'lost':
      note('bad', '✕', `${frame.reason}; reload what you show`, 'Lost: ');
      break;
  }
  facts();
}

/** Who else may read along: what `dev` opens, an app of one's own has to open itself. */
const openTo = (frame) => (frame.open_by_preset ? '; open to everybody, as dev opens it' : '');

function moveTo(position) {
  session.position = position ?? session.position;
}

// --- HTTP

/** A token of this page, used again until its last minute. */
async function token() {
  if (session.token === undefined || session.token.expires_at - Date.now() < 60_000) {
    session.token = await post('/dev/token', {
      subject: 'live-page',
      capabilities: { '*': ['subscribe', 'publish'] },
    });
  }
  return session.token.token;
}

async function publish() {
  const text = $('data').value;
  const name = $('name').value;
  let body;
  try {
    body = { data: JSON.parse(text) };
  } catch {
    body = { data: text, encoding: 'text' };
  }
  if (name !== '') {
    body.name = name;
  }
  const channel = $('channel').value;
  const path = `/v1/channels/${encodeURIComponent(channel)}/messages?app=${encodeURIComponent(APP)}`;
  try {
    await post(path, body, { authorization: `Bearer ${await token()}` });
  } catch (error) {
    note('bad', '✕', `Not published: ${error.message}`);
  }
}

async function post(path, body, headers = {}) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Error(answer.detail ?? answer.title ?? `status ${response.status}`);
  }
  return answer;
}

// --- what is seen

function message(frame) {
  session.count += 1;
  const data = typeof frame.data === 'string' && frame.encoding ? frame.data : JSON.stringify(frame.data);
  const latency = Math.max(0, Date.now() - frame.timestamp);
  const item = document.createElement('li');
  item.className = session.replaying ? 'replayed' : 'live';
  item.append(
    cell('seq', frame.seq === undefined ? '' : `#${frame.seq}`),
    cell('event', frame.name ?? 'message'),
    cell('data', data),
    cell('latency', session.replaying ? 'replayed' : `${latency} ms`),
  );
  line(item);
  facts();
}

function note(kind, mark, text, strong = '') {
  const item = document.createElement('li');
  item.className = 'note';
  item.dataset.kind = kind;
  const sentence = cell('sentence', '');
  const emphasis = document.createElement('strong');
  emphasis.textContent = strong;
  sentence.append(emphasis, text);
  const time = new Date().toLocaleTimeString([], { hour12: false });
  item.append(cell('mark', mark), sentence, cell('latency', time));
  line(item);
}

function line(item) {
  const log = $('log');
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(item);
  while (log.childElementCount > MAX_LINES) {
    log.firstElementChild.remove();
  }
  if (atEnd) {
    log.scrollTop = log.scrollHeight;
  }
}

function cell(name, text) {
  const span = document.createElement('span');
  span.className = name;
  span.textContent = text;
  return span;
}

function show(state, text) {
  $('status').dataset.state = state;
  if ($('state').textContent !== text) {
    $('state').textContent = text;
  }
  document.title = `Fanline, ${text}`;
}

function facts() {
  $('position').textContent = session.position ? String(session.position.seq) : 'none';
  $('position').title = session.position ? `epoch ${session.position.epoch}` : '';
  $('count').textContent = String(session.count);
  $('resumes').textContent = String(session.resumes);
}

function buttons() {
  $('drop').disabled = session.socket === undefined;
  $('connect').textContent = session.channel === undefined ? 'Connect' : 'Reconnect';
}

function command() {
  const channel = $('channel').value || 'hello';
  const quoted = /^[\w.,:=@/-]+$/.test(channel) ? channel : `'${channel.replaceAll("'", "'\\''")}'`;
  $('command').textContent = `${$('command').dataset.prefix} ${quoted} '{"text": "Hello!"}'`;
}

const plural = (count) => (count === 1 ? '1 message' : `${count} messages`);

// --- the page

$('subscribe').addEventListener('submit', (event) => {
  event.preventDefault();
  const channel = $('channel').value;
  if (channel !== session.channel) {
    Object.assign(session, { channel, position: undefined });
  }
  session.retry = RETRY.first;
  connect();
});
$('send').addEventListener('submit', (event) => {
  event.preventDefault();
  publish();
});
$('drop').addEventListener('click', drop);
$('channel').addEventListener('input', command);
$('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText($('command').textContent);
  $('copy').textContent = 'Copied';
  setTimeout(() => {
    $('copy').textContent = 'Copy';
  }, 1500);
});
command();

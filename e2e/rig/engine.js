// Starts `regain` as a person would, each time with its own ports and its own data directory.

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

import { freshDatabase } from './postgres.js';
import { until } from './waiting.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The binary under test. */
export const REGAIN = process.env.REGAIN_BIN ?? path.join(ROOT, 'target/debug/regain');

const READY_MS = 60_000;
/** Below those that systems give to outgoing connections: one of these could be taken before it is used. */
const PORTS = { from: 12_000, count: 20_000, tries: 100 };

/** Users, passwords and clients that every demo has. */
export const DEMO = {
  user: 'alice@example.com',
  userWithMail: 'bob@example.com',
  userWithApp: 'dave@example.com',
  password: 'Copper-Lantern-42',
  web: { clientId: 'regain-demo-web', clientSecret: 'regain-demo-secret' },
  spa: { clientId: 'regain-demo-spa' },
  redirectUri: 'http://localhost:8080/login/callback',
  trustedOrigin: 'http://localhost:3000',
};

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A directory that is removed when the test is over. */
export async function temporaryDirectory(t, name = 'regain-e2e-') {
  const directory = await mkdtemp(path.join(tmpdir(), name));
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}

/** A port that nobody listens on right now. */
export async function freePort() {
  for (let tries = 0; tries < PORTS.tries; tries += 1) {
    const server = createServer();
    const port = PORTS.from + randomInt(PORTS.count);
    const isFree = await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error(`none of ${PORTS.tries} ports is free`);
}

/** One run of the binary. */
export class Process {
  constructor(args, options = {}) {
    this.args = args;
    this.stderr = '';
    this.stdout = '';
    this.child = spawn(REGAIN, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
    });
    running.add(this.child);
    this.exit = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        running.delete(this.child);
        resolve({ code, signal });
      });
    });
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    this.firstLine = new Promise((resolve) => {
      const lines = readline.createInterface({ input: this.child.stdout });
      lines.on('line', (line) => {
        this.stdout += `${line}\n`;
        resolve(line);
      });
      this.exit.then(() => resolve(undefined));
    });
  }

  /** The ready line, or an error that shows what the program said instead. */
  async ready() {
    const late = AbortSignal.timeout(READY_MS);
    const line = await Promise.race([
      this.firstLine,
      new Promise((resolve) => late.addEventListener('abort', () => resolve(undefined))),
    ]);
    const about = `regain ${this.args.join(' ')}\n${this.stderr}`;
    if (line === undefined) throw new Error(`no ready line: ${about}`);
    let ready;
    try {
      ready = JSON.parse(line);
    } catch {
      throw new Error(`the first line is no JSON: ${line}\n${about}`);
    }
    if (ready.event !== 'ready') throw new Error(`not a ready line: ${line}\n${about}`);
    return ready;
  }

  /** Ends the process without any chance to tidy up. */
  async kill() {
    this.child.kill('SIGKILL');
    await this.exit;
  }

  /** Asks the process to end, and gives its exit code. */
  async stop() {
    this.child.kill('SIGTERM');
    return this.exit;
  }
}

/** `regain demo`: engine, mailbox and web app, with two ports that it keeps over restarts. */
export class Demo {
  static async start(t, options = {}) {
    const demo = new Demo();
    // Before the directory, so that the process is gone when the directory goes.
    t.after(() => demo.process?.kill());
    demo.data = options.data ?? (await temporaryDirectory(t));
    demo.enginePort = await freePort();
    demo.appPort = await freePort();
    // The same suites run on both stores: `REGAIN_TEST_STORE=postgres`.
    demo.database = options.database
      ?? (process.env.REGAIN_TEST_STORE === 'postgres' ? await freshDatabase() : undefined);
    await demo.restart();
    return demo;
  }

  async restart() {
    this.process = new Process([
      'demo',
      '--data', this.data,
      '--engine-port', String(this.enginePort),
      '--app-port', String(this.appPort),
      ...(this.database ? ['--database', this.database] : []),
    ]);
    const ready = await this.process.ready();
    this.engine = ready.engine;
    this.app = ready.app;
    this.ready = ready;
    return ready;
  }

  get issuer() {
    return `${this.engine}/oauth2/default`;
  }

  /** The secret of the app of `DEMO.userWithApp`, as the demo tells it. */
  get appSecret() {
    return /\b[A-Z2-7]{32}\b/.exec(this.process.stderr)[0];
  }

  async kill() {
    await this.process.kill();
  }

  /** kill -9, then the same again on the same ports. */
  async crash() {
    await this.kill();
    await this.restart();
  }

  get mailbox() {
    return new Mailbox(this.engine);
  }

  /** Moves the engine's clock; tokens keep the real time. */
  async advance(seconds) {
    await this.dev('/dev/clock', { advance_seconds: seconds });
  }

  /** Users, flows, mails and limits as at the first start. */
  async reset() {
    await this.dev('/dev/reset', {});
  }

  async dev(pathname, body) {
    const response = await fetch(`${this.engine}${pathname}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${pathname}: ${response.status} ${await response.text()}`);
  }
}

/** Reads what `/dev/mailbox` received. */
export class Mailbox {
  constructor(engine) {
    this.engine = engine;
  }

  /** Messages, newest first. */
  list(options) {
    return this.#read('messages', options);
  }

  /** What was not sent, and why; newest first. */
  notes(options) {
    return this.#read('notes', options);
  }

  async #read(what, { to, after, waitMs = 0 } = {}) {
    const query = new URLSearchParams({ wait_ms: String(waitMs) });
    if (to) query.set('to', to);
    if (after) query.set('after', after);
    const response = await fetch(`${this.engine}/dev/mailbox/api/${what}?${query}`);
    if (!response.ok) throw new Error(`mailbox: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** The newest message, waiting until there is one that comes after `after`. */
  async newest({ to = DEMO.user, after, matching = () => true } = {}) {
    return until(`a mail to ${to}`, async () => {
      const messages = await this.list({ to, after, waitMs: 2000 });
      return messages.find(matching);
    });
  }

  /** The newest mail that carries a code. */
  async code(options = {}) {
    return this.newest({ ...options, matching: (message) => Boolean(message.code) });
  }

  async clear() {
    const response = await fetch(`${this.engine}/dev/mailbox/api/messages`, { method: 'DELETE' });
    if (!response.ok) throw new Error(`mailbox: ${response.status}`);
  }
}

/** A code of the same length that is certainly wrong. */
export function wrongCode(code) {
  const last = (Number(code.at(-1)) + 1) % 10;
  return `${code.slice(0, -1)}${last}`;
}

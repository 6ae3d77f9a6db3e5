// `regain serve` as an operator sets it up: init, a configuration of the test's own, a user, the process.

import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { DEMO, freePort, Mailbox, Process, REGAIN, temporaryDirectory } from './engine.js';

const execute = promisify(execFile);

/** Runs a command of the binary to its end; gives stdout, stderr and the exit code. */
export async function command(args, options = {}) {
  try {
    const { stdout, stderr } = await execute(REGAIN, args, { timeout: 60_000, ...options });
    return { code: 0, stdout, stderr };
  } catch (error) {
    if (typeof error.code !== 'number') throw error;
    return { code: error.code, stdout: error.stdout, stderr: error.stderr };
  }
}

/** The configuration file of a test, as text; `sections` replace or add whole sections. */
export function configuration({ port, appPort = 8401, sections = {} }) {
  const parts = {
    // No load balancer looks whether it is ready.
    server: `[server]\npublic_url = "http://localhost:${port}"\nlisten = ["127.0.0.1:${port}"]\nstop_grace_seconds = 0`,
    store: '[store]\nurl = "sqlite:regain.db"',
    keys: '[keys]\nmaster_key_file = "master.key"',
    mail: '[mail]\nfrom = "Example <no-reply@example.com>"',
    org: `[org]\nname = "Example"\nsign_in_mode = "one_page"\nuser_enumeration_prevention = true\ntrusted_origins = ["http://localhost:${appPort}"]`,
    clients: [
      '[[clients]]', 'id = "regain-demo-web"', 'label = "Example app"', 'secret = "regain-demo-secret"',
      `redirect_uris = ["${DEMO.redirectUri}", "http://localhost:${appPort}/login/callback"]`,
      `post_logout_redirect_uris = ["http://localhost:${appPort}/"]`,
      '[[clients]]', 'id = "regain-demo-spa"', 'label = "Example page"', `redirect_uris = ["${DEMO.redirectUri}"]`,
    ].join('\n'),
    ...sections,
  };
  return `${Object.values(parts).join('\n\n')}\n`;
}

/** An engine run by `regain serve`, with the demo's user and clients. */
export class Served {
  static async start(t, { sections, dev = true, user = true, appPort, log = [] } = {}) {
    const served = new Served();
    served.log = log;
    served.dev = dev;
    t.after(() => served.process?.kill());
    served.directory = path.join(await temporaryDirectory(t), 'regain');
    served.port = await freePort();
    await mkdir(served.directory);
    const made = await command(['init', served.directory]);
    if (made.code !== 0) throw new Error(`regain init: ${made.stderr}`);
    served.config = path.join(served.directory, 'regain.toml');
    await writeFile(served.config, configuration({ port: served.port, appPort, sections }));
    if (user) await served.createUser(DEMO.user, DEMO.password);
    await served.restart();
    return served;
  }

  async createUser(login, password) {
    const file = path.join(this.directory, 'initial.password');
    await writeFile(file, password, { mode: 0o600 });
    const made = await command(['users', 'create', '--config', this.config, '--password-file', file, login]);
    if (made.code !== 0) throw new Error(`regain users create: ${made.stderr}`);
  }

  async restart() {
    this.process = new Process(['serve', '--config', this.config, ...(this.dev ? ['--dev'] : []), ...this.log]);
    const ready = await this.process.ready();
    this.engine = ready.engine;
    return ready;
  }

  async crash() {
    await this.process.kill();
    await this.restart();
  }

  get issuer() {
    return `${this.engine}/oauth2/default`;
  }

  get mailbox() {
    return new Mailbox(this.engine);
  }

  async advance(seconds) {
    const response = await fetch(`${this.engine}/dev/clock`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ advance_seconds: seconds }),
    });
    if (!response.ok) throw new Error(`/dev/clock: ${response.status}`);
  }
}

/** The web app alone, against any engine. */
export class App {
  static async start(t, { issuer, port, label = 'Example' }) {
    const app = new App();
    t.after(() => app.process?.kill());
    const directory = await temporaryDirectory(t);
    app.config = path.join(directory, 'app.toml');
    app.port = port;
    await writeFile(app.config, [
      `issuer = "${issuer}"`,
      `client_id = "${DEMO.web.clientId}"`,
      `client_secret = "${DEMO.web.clientSecret}"`,
      `public_url = "http://localhost:${port}"`,
      `listen = "127.0.0.1:${port}"`,
      'data_dir = "sessions"',
      `app_name = "${label}"`,
      '',
    ].join('\n'));
    await app.restart();
    return app;
  }

  async restart() {
    this.process = new Process(['app', '--config', this.config]);
    this.app = (await this.process.ready()).app;
  }

  async crash() {
    await this.process.kill();
    await this.restart();
  }
}

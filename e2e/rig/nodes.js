// Several engines on one database, behind a proxy that gives each request to another one.

import http from 'node:http';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { DEMO, freePort, Mailbox, Process, temporaryDirectory } from './engine.js';
import { command, configuration } from './serve.js';
import { until } from './waiting.js';

/** Engines that share a database, a master key and a pepper, and nothing else. */
export class Nodes {
  static async start(t, { database, count = 3, appPort = 8401, limits = '' }) {
    const nodes = new Nodes();
    Object.assign(nodes, { database, requests: [], members: [], turn: 0, seen: new Set() });
    t.after(() => nodes.stop());
    const directory = await temporaryDirectory(t);
    const port = await nodes.listen();
    nodes.engine = `http://localhost:${port}`;
    const first = path.join(directory, 'node-0');
    for (let index = 0; index < count; index += 1) {
      const home = path.join(directory, `node-${index}`);
      await mkdir(home);
      if (index === 0) {
        const made = await command(['init', home]);
        if (made.code !== 0) throw new Error(`regain init: ${made.stderr}`);
      }
      const own = await freePort();
      const file = path.join(home, 'regain.toml');
      const sections = {
        server: `[server]\npublic_url = "${nodes.engine}"\nlisten = ["127.0.0.1:${own}"]`,
        store: `[store]\nurl = "${database}"`,
        keys: `[keys]\nmaster_key_file = "${path.join(first, 'master.key')}"`,
        hash: `[hash]\npepper_file = "${path.join(first, 'pepper.key')}"`,
        ...(limits ? { limits } : {}),
      };
      await writeFile(file, configuration({ port, appPort, sections }));
      if (index === 0) await nodes.createUser(file, home);
      nodes.members.push({ port: own, file, engine: `http://127.0.0.1:${own}` });
    }
    // At once: one of them makes the first signing key.
    await Promise.all(nodes.members.map((member) => nodes.run(member)));
    return nodes;
  }

  async createUser(file, home) {
    const secret = path.join(home, 'initial.password');
    await writeFile(secret, DEMO.password, { mode: 0o600 });
    const made = await command(['users', 'create', '--config', file, '--password-file', secret, DEMO.user]);
    if (made.code !== 0) throw new Error(`regain users create: ${made.stderr}`);
  }

  async run(member) {
    member.process = new Process(['serve', '--config', member.file, '--dev']);
    await member.process.ready();
  }

  async stop() {
    this.server?.closeAllConnections();
    this.server?.close();
    await Promise.all(this.members.map((member) => member.process?.kill()));
  }

  get issuer() {
    return `${this.engine}/oauth2/default`;
  }

  /** What any of the nodes has sent. */
  get mailbox() {
    return {
      list: async (options) => {
        const lists = await Promise.all(this.members.map(({ engine }) => new Mailbox(engine).list(options)));
        return lists.flat();
      },
      /** A mail with a code that was not asked for before. */
      code: () => until('a mail with a code', async () => {
        const all = await this.mailbox.list({ to: DEMO.user });
        const mail = all.find(({ id, code }) => code && !this.seen.has(id));
        if (mail) this.seen.add(mail.id);
        return mail;
      }),
    };
  }

  async advance(seconds) {
    const response = await fetch(`${this.members[0].engine}/dev/clock`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ advance_seconds: seconds }),
    });
    if (!response.ok) throw new Error(`/dev/clock: ${response.status}`);
  }

  /** The proxy: it knows nothing but whose turn it is. */
  async listen() {
    this.server = http.createServer((request, response) => {
      const index = this.turn++ % this.members.length;
      this.requests.push({ path: request.url, node: index });
      const onward = http.request({
        host: '127.0.0.1',
        port: this.members[index].port,
        method: request.method,
        path: request.url,
        headers: request.headers,
        agent: false,
      }, (answer) => {
        response.writeHead(answer.statusCode, answer.rawHeaders);
        answer.pipe(response);
      });
      onward.on('error', () => {
        if (!response.headersSent) response.writeHead(502);
        response.end();
      });
      request.pipe(onward);
    });
    await new Promise((resolve) => this.server.listen(0, resolve));
    return this.server.address().port;
  }

  /** Which nodes answered requests whose path begins so. */
  whoAnswered(prefix) {
    return new Set(this.requests.filter(({ path: asked }) => asked.startsWith(prefix)).map(({ node }) => node));
  }
}

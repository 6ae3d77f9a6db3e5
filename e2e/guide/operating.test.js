// The operator's guide, block by block, in one shell and an empty directory.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { DEMO, freePort, Process, REGAIN, temporaryDirectory } from '../rig/engine.js';
import { Flow } from '../rig/idx.js';
import { command } from '../rig/serve.js';
import { freshDatabase } from '../rig/postgres.js';
import { ACCOUNT, codeIn, makeCertificate, Relay } from '../rig/smtp.js';
import { until } from '../rig/waiting.js';

const run = promisify(execFile);
const GUIDE = fileURLToPath(new URL('../../docs/guide/operating.md', import.meta.url));
const USERS = 10_000;
const PASSWORD = 'Copper-Lantern-42';
const NEW_PASSWORD = 'Brass-Kettle-77-north';
/** The slowest block imports all users. */
const BLOCK_MS = 180_000;

/** The blocks of the page that are to be run: what they are for besides, and their lines. */
function blocksOf(page) {
  return [...page.matchAll(/^```sh ?(\w*)\n(.*?)^```$/gms)].map(([, purpose, text]) => ({ purpose, text }));
}

/** One shell that keeps variables and processes from block to block, as a person's terminal does. */
class Shell {
  constructor(t, { cwd, env }) {
    this.output = '';
    this.child = spawn('bash', ['--noprofile', '--norc', '-eu', '-o', 'pipefail'], { cwd, env, detached: true });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.output += text));
    }
    this.child.once('close', (code) => (this.code = code));
    // The engine that a block started is in the shell's process group.
    t.after(() => {
      try {
        process.kill(-this.child.pid, 'SIGKILL');
      } catch {
        // Nobody is left.
      }
    });
  }

  async run(text) {
    const begin = this.output.length;
    const mark = `--- done ${begin} ---`;
    this.child.stdin.write(`${text}\nprintf '%s\\n' '${mark}'\n`);
    const isDone = () => this.code !== undefined || this.output.includes(mark, begin);
    await until('a block of the guide', isDone, BLOCK_MS).catch((error) => {
      throw new Error(`${error.message}:\n${text}\n${this.output.slice(begin).slice(-4_000)}`);
    });
    assert.ok(this.output.includes(mark, begin), `the shell ended with ${this.code} in\n${text}\n${this.output.slice(begin)}`);
    return this.output.slice(begin).replace(`${mark}\n`, '');
  }
}

/** bcrypt by the system's own library, as another program would have made it. */
async function bcrypt(password, salt) {
  const { stdout } = await run('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', password, `$2b$06$${salt}`]);
  assert.match(stdout, /^\$2b\$06\$[./A-Za-z0-9]{53}$/, 'this system makes no bcrypt hashes');
  return stdout;
}

async function people(file) {
  const hashes = await Promise.all(['abcdefghijklmnopqrstuu', 'bbcdefghijklmnopqrstuu', 'cbcdefghijklmnopqrstuu'].map((salt) => bcrypt(PASSWORD, salt)));
  const lines = ['login,email,first_name,last_name,password_hash'];
  for (let i = 0; i < USERS; i += 1) {
    const login = `person${i}@example.com`;
    lines.push(`${login},${login},Person,Number ${i},${hashes[i % hashes.length]}`);
  }
  await writeFile(file, `${lines.join('\n')}\n`);
}

async function site(t) {
  const directory = await temporaryDirectory(t);
  const [bin, home] = ['bin', 'home'].map((name) => path.join(directory, name));
  await mkdir(bin);
  await mkdir(home);
  await symlink(REGAIN, path.join(bin, 'regain'));
  const certificate = await makeCertificate(directory, 'site');
  const relay = await Relay.start(t, certificate);
  const secret = path.join(directory, 'smtp.password');
  await writeFile(secret, `${ACCOUNT.password}\n`, { mode: 0o600 });
  const port = await freePort();
  const values = {
    ID_URL: `https://localhost:${port}`,
    LISTEN: `127.0.0.1:${port}`,
    METRICS: `127.0.0.1:${await freePort()}`,
    CERTIFICATE: path.join(directory, 'site-cert.pem'),
    CERTIFICATE_KEY: path.join(directory, 'site-key.pem'),
    SMTP_HOST: 'localhost',
    SMTP_PORT: String(relay.port),
    SMTP_USERNAME: ACCOUNT.username,
    SMTP_PASSWORD_FILE: secret,
    SMTP_CA: certificate.caFile,
    APP_CALLBACK: DEMO.redirectUri,
  };
  const shell = new Shell(t, { cwd: home, env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } });
  return { home, relay, shell, values, engine: { engine: values.ID_URL, issuer: `${values.ID_URL}/oauth2/default` } };
}

/** The first block with the values of this test, every one of them replaced. */
function yours(text, values) {
  const names = text.match(/^\w+(?==)/gm);
  assert.deepEqual(names, Object.keys(values), 'the test knows every value of the first block');
  return names.map((name) => `${name}='${values[name]}'`).join('\n');
}

describe("the operator's guide", () => {
  it(`runs as it stands, with ${USERS} users from elsewhere`, { timeout: 900_000 }, async (t) => {
    const { home, relay, shell, values, engine } = await site(t);
    // `fetch` of Node takes no CA of its own; e2e/operations looks at certificates.
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    t.after(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED);
    await people(path.join(home, 'people.csv'));
    const blocks = blocksOf(await readFile(GUIDE, 'utf8'));
    assert.ok(blocks.length >= 12, `${blocks.length} blocks`);

    const [first, ...rest] = blocks;
    await shell.run(yours(first.text, values));
    const seen = new Set();
    for (const { purpose, text } of rest) {
      if (purpose === 'postgres') await shell.run(`DATABASE='${await freshDatabase()}'`);
      const output = await shell.run(text);
      for (const [word, check] of Object.entries(afterwards)) {
        if (!text.includes(word) || seen.has(word)) continue;
        seen.add(word);
        await check({ t, home, shell, relay, engine, output });
      }
    }
    assert.deepEqual([...seen].sort(), Object.keys(afterwards).sort(), 'every step was looked at');
    assert.ok((await readFile(path.join(home, 'regain.log'), 'utf8')).split('\n').every((line) => line === '' || JSON.parse(line)));
  });
});

/** What must be true after the block that holds the word. */
const afterwards = {
  'regain doctor': async ({ output }) => assert.match(output, /takes mails/),
  'import people.csv --config regain/regain.toml\n': async ({ home, relay, engine }) => {
    const shown = await command(['users', 'list', '--config', path.join(home, 'regain/regain.toml')]);
    assert.equal(shown.code, 0, shown.stderr);
    await signsIn(engine, home, 'person7@example.com', PASSWORD);
    await recovers(engine, home, relay, 'person8@example.com');
  },
  'grep \'^regain_build_info\'': async ({ home }) => {
    const metrics = await readFile(path.join(home, 'metrics.txt'), 'utf8');
    assert.match(metrics, /^regain_flows_total\{step="recovery_completed"\} 1$/m);
    // Every metric that the page tells people to watch is there.
    const page = await readFile(GUIDE, 'utf8');
    for (const [name] of page.matchAll(/(?:regain|process)_[a-z_]+(?=[`{])/g)) {
      const family = name.replace(/_total$/, '');
      assert.ok(metrics.includes(`# TYPE ${family} `), name);
    }
  },
  'restore backups/regain.gz --config regain/regain.toml --database "sqlite:': async ({ t, home }) => standsRestored(t, home, `sqlite:${home}/restored.db`),
  '--database "$DATABASE"': async ({ t, home, shell }) => standsRestored(t, home, (await shell.run('echo "$DATABASE"')).trim()),
  'before-the-upgrade': async ({ home, engine }) => signsIn(engine, home, 'person8@example.com', NEW_PASSWORD),
};

/** Another engine on what was restored, beside the first: everybody is there, with the passwords of the backup. */
async function standsRestored(t, home, database) {
  const port = await freePort();
  const restored = new Process(['serve', '--config', 'regain/regain.toml', '--database', database], {
    cwd: home,
    env: { REGAIN__SERVER__LISTEN: `["127.0.0.1:${port}"]`, REGAIN__SERVER__PUBLIC_URL: `https://localhost:${port}`, REGAIN__SERVER__METRICS_LISTEN: String(await freePort()) },
  });
  t.after(() => restored.kill());
  await restored.ready();
  const engine = { engine: `https://localhost:${port}`, issuer: `https://localhost:${port}/oauth2/default` };
  await signsIn(engine, home, 'person8@example.com', NEW_PASSWORD);
  await signsIn(engine, home, 'person9@example.com', PASSWORD);
  await refuses(engine, home, 'person8@example.com', PASSWORD);
  assert.equal((await restored.stop()).code, 0);
}

async function client(home) {
  const printed = await readFile(path.join(home, 'my-app.secret'), 'utf8');
  const clientSecret = printed.trim().split(/\s+/).at(-1);
  return { clientId: 'my-app', clientSecret };
}

async function signsIn(engine, home, login, password) {
  const flow = await Flow.start(engine, { client: await client(home) });
  const answer = await flow.identify(login, password);
  assert.equal(answer.status, 200, answer.text);
  assert.equal((await flow.redeem()).status, 200);
}

async function refuses(engine, home, login, password) {
  const flow = await Flow.start(engine, { client: await client(home) });
  assert.equal((await flow.identify(login, password)).status, 401);
}

async function recovers(engine, home, relay, login) {
  const flow = await Flow.start(engine, { client: await client(home) });
  await flow.recover();
  await flow.identify(login);
  await flow.selectEmail();
  const mail = await relay.message((message) => message.to.includes(login) && codeIn(message));
  await flow.answer({ passcode: codeIn(mail) });
  const done = await flow.answer({ passcode: NEW_PASSWORD });
  assert.equal(done.status, 200, done.text);
  await signsIn(engine, home, login, NEW_PASSWORD);
}

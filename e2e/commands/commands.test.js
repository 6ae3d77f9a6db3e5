// The binary at the command line: one clear line and the right exit code when something is wrong.

import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, it } from 'node:test';

import { Demo, DEMO, freePort, Process, REGAIN, temporaryDirectory } from '../rig/engine.js';
import { call, Flow } from '../rig/idx.js';
import { command, configuration, Served } from '../rig/serve.js';

/** Fails unless the command ended with 2 and one line that holds `words`. */
function assertOneClearLine({ code, stdout, stderr }, words) {
  assert.equal(code, 2, stderr);
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  assert.equal(lines.length, 1, stderr);
  for (const word of words) assert.ok(lines[0].includes(word), `"${word}" in: ${lines[0]}`);
  assert.equal(/panicked|stack backtrace|Error \{|Os \{/.test(stderr), false, stderr);
  assert.equal(stdout.includes('"ready"'), false);
}

/** A port that somebody else listens on until the test ends. */
async function takenPort(t) {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise((resolve) => server.close(resolve)));
  return server.address().port;
}

/** A directory as `regain init` leaves it, with a configuration of the test's own. */
async function configured(t, { port, change = (text) => text } = {}) {
  const directory = path.join(await temporaryDirectory(t), 'regain');
  const made = await command(['init', directory]);
  assert.equal(made.code, 0, made.stderr);
  const file = path.join(directory, 'regain.toml');
  await writeFile(file, change(configuration({ port: port ?? (await freePort()) })));
  return { directory, file };
}

describe('regain demo', () => {
  it('prints the ready line first, and people read the rest on stderr', async (t) => {
    const demo = await Demo.start(t);
    assert.equal(demo.ready.pid, demo.process.child.pid);
    assert.equal(demo.ready.engine, `http://localhost:${demo.enginePort}`);
    assert.equal(demo.ready.app, `http://localhost:${demo.appPort}`);
    assert.equal(demo.process.stdout.trim().split('\n').length, 1);
    for (const word of [DEMO.user, DEMO.password, DEMO.web.clientId, '/dev/mailbox']) {
      assert.ok(demo.process.stderr.includes(word), `stderr names ${word}`);
    }
  });

  it('takes free ports with 0 and a directory of its own without --data', async (t) => {
    const process = new Process(['demo', '--engine-port', '0', '--app-port', '0']);
    t.after(() => process.kill());
    const ready = await process.ready();
    assert.equal((await call(`${ready.engine}/oauth2/default/.well-known/openid-configuration`)).status, 200);
    assert.equal((await call(ready.app)).status, 200);
    const flow = await Flow.start({ engine: ready.engine, issuer: `${ready.engine}/oauth2/default` }, {
      client: DEMO.web, redirectUri: `${ready.app}/login/callback`,
    });
    assert.equal(flow.last.status, 200, 'the redirect address of the demo follows the port of the app');
  });

  it('answers on 127.0.0.1 and on ::1', async (t) => {
    const demo = await Demo.start(t);
    for (const host of ['127.0.0.1', '[::1]']) {
      const { status } = await call(`http://${host}:${demo.enginePort}/oauth2/default/v1/keys`);
      assert.equal(status, 200, host);
    }
  });

  it('ends with 0 when it is asked to, and again starts on the same data', async (t) => {
    const demo = await Demo.start(t);
    const { code } = await demo.process.stop();
    assert.equal(code, 0);
    await demo.restart();
    assert.equal((await call(`${demo.issuer}/v1/keys`)).status, 200);
  });

  it('a taken port is one clear line and exit code 2', async (t) => {
    const port = await takenPort(t);
    const data = await temporaryDirectory(t);
    assertOneClearLine(await command(['demo', '--data', data, '--engine-port', String(port), '--app-port', '0']), [String(port)]);
    assertOneClearLine(await command(['demo', '--data', data, '--engine-port', '0', '--app-port', String(port)]), [String(port)]);
  });

  it('a data directory that cannot be written is one clear line and exit code 2', async (t) => {
    const directory = await temporaryDirectory(t);
    const file = path.join(directory, 'a-file');
    await writeFile(file, '');
    const wrong = path.join(file, 'data');
    assertOneClearLine(await command(['demo', '--data', wrong, '--engine-port', '0', '--app-port', '0']), [wrong]);
  });

  it('a read-only data directory is one clear line and exit code 2', { skip: process.getuid() === 0 ? 'root writes everywhere' : false }, async (t) => {
    const directory = path.join(await temporaryDirectory(t), 'data');
    await mkdir(directory);
    await chmod(directory, 0o500);
    assertOneClearLine(await command(['demo', '--data', directory, '--engine-port', '0', '--app-port', '0']), [directory]);
  });

  it('refuses the data of a production engine', async (t) => {
    const served = await Served.start(t, { dev: false });
    await served.process.stop();
    const refused = await command(['demo', '--data', served.directory, '--engine-port', '0', '--app-port', '0']);
    assertOneClearLine(refused, [served.directory]);
  });
});

describe('regain init and serve', () => {
  it('init makes a configuration with comments and keys that only the owner reads', async (t) => {
    const directory = path.join(await temporaryDirectory(t), 'regain');
    const made = await command(['init', directory]);
    assert.equal(made.code, 0, made.stderr);
    const text = await readFile(path.join(directory, 'regain.toml'), 'utf8');
    assert.match(text, /^#/m);
    for (const section of ['[server]', '[store]', '[mail', '[org]', '[password]']) assert.ok(text.includes(section), section);
    for (const key of ['master.key', 'pepper.key']) assert.equal((await stat(path.join(directory, key))).mode & 0o777, 0o600);
    const again = await command(['init', directory]);
    assert.notEqual(again.code, 0, 'a second init overwrites nothing');
    assert.equal(await readFile(path.join(directory, 'regain.toml'), 'utf8'), text);
  });

  it('what init wrote is a valid configuration', async (t) => {
    const directory = path.join(await temporaryDirectory(t), 'regain');
    await command(['init', directory]);
    const checked = await command(['config', 'check', '--config', path.join(directory, 'regain.toml')]);
    assert.equal(checked.code, 0, checked.stderr);
  });

  it('a production start has no /dev routes', async (t) => {
    const served = await Served.start(t, { dev: false });
    for (const [method, route] of [
      ['GET', '/dev/mailbox'], ['GET', '/dev/mailbox/api/messages'], ['DELETE', '/dev/mailbox/api/messages'],
      ['POST', '/dev/clock'], ['POST', '/dev/reset'], ['GET', '/dev'],
    ]) {
      const answer = await call(`${served.engine}${route}`, { method, ...(method === 'POST' ? { body: '{}', headers: { 'content-type': 'application/json' } } : {}) });
      assert.equal(answer.status, 404, `${method} ${route}`);
    }
    const flow = await Flow.start(served);
    await flow.identify(DEMO.user, DEMO.password);
    assert.ok(flow.interactionCode, 'the user of `regain users create` signs in');
  });

  it('a taken port is one clear line and exit code 2', async (t) => {
    const port = await takenPort(t);
    const { file } = await configured(t, { port });
    assertOneClearLine(await command(['serve', '--config', file]), [String(port)]);
  });

  it('a configuration that is not there is one clear line and exit code 2', async () => {
    assertOneClearLine(await command(['serve', '--config', '/nowhere/regain.toml']), ['/nowhere/regain.toml']);
  });

  const BROKEN = {
    'no TOML': [(text) => `${text}\n[server`, ['regain.toml']],
    'an unknown key': [(text) => text.replace('[server]', '[server]\npublic_urll = "x"'), ['public_urll', 'regain.toml']],
    'an unknown section': [(text) => `${text}\n[servers]\nx = 1\n`, ['servers', 'regain.toml']],
    'a number that is a word': [(text) => `${text}\n[password]\nmin_length = "eight"\n`, ['min_length']],
    'an address that is none': [(text) => text.replace(/public_url = .*/, 'public_url = "not an address"'), ['public_url']],
    'an unknown store': [(text) => text.replace('sqlite:regain.db', 'mysql://localhost/regain'), ['url']],
    'an unknown sign-in mode': [(text) => text.replace('"one_page"', '"two_pages"'), ['sign_in_mode']],
    'no keys': [(text) => text.replace('master.key', 'missing.key'), ['missing.key']],
  };
  for (const [name, [change, words]] of Object.entries(BROKEN)) {
    it(`a configuration with ${name} is one clear line and exit code 2`, async (t) => {
      const { file } = await configured(t, { change });
      assertOneClearLine(await command(['config', 'check', '--config', file]), words);
      assertOneClearLine(await command(['serve', '--config', file]), words);
    });
  }

  it('the environment wins over the file, and config show names the origin', async (t) => {
    const { file } = await configured(t);
    const env = { ...process.env, REGAIN__ORG__NAME: 'From the environment' };
    const shown = await command(['config', 'show', '--origin', '--config', file], { env });
    assert.equal(shown.code, 0, shown.stderr);
    const line = shown.stdout.split('\n').find((candidate) => candidate.includes('From the environment'));
    assert.match(line ?? shown.stdout, /REGAIN__ORG__NAME|environment/i);
    assert.equal(shown.stdout.includes('regain-demo-secret'), false, 'secrets are not shown');
  });

  it('doctor finds nothing wrong with a sound setup', async (t) => {
    const { file } = await configured(t);
    const migrated = await command(['migrate', '--config', file]);
    assert.equal(migrated.code, 0, migrated.stderr);
    const { code, stdout, stderr } = await command(['doctor', '--config', file]);
    assert.equal(code, 0, `${stdout}${stderr}`);
  });
});

describe('usage', () => {
  for (const args of [['nonsense'], ['demo', '--engine-port', 'x'], ['serve']]) {
    it(`regain ${args.join(' ')} is wrong usage: exit code 2`, async () => {
      const { code, stderr } = await command(args);
      assert.equal(code, 2, stderr);
      assert.ok(stderr.trim());
    });
  }

  it('the help names every command', async () => {
    const { code, stdout } = await command(['--help']);
    assert.equal(code, 0);
    for (const name of ['demo', 'serve', 'app', 'init', 'migrate', 'config', 'users', 'clients', 'doctor']) assert.ok(stdout.includes(name), name);
    assert.ok(REGAIN);
  });
});

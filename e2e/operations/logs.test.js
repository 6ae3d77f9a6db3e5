// T-C10: with everything logged that there is, nothing in the log opens anything or names anybody in full.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http2 from 'node:http2';
import path from 'node:path';
import { before, describe, it } from 'node:test';

import { Person, startBrowser } from '../rig/browser.js';
import { DEMO, freePort, Mailbox, Process, temporaryDirectory, wrongCode } from '../rig/engine.js';
import { call, Flow, postForm } from '../rig/idx.js';
import { assertSignedIn, submitPasswords, toResetPage } from '../rig/journey.js';
import { lifetime } from '../rig/lifetime.js';
import { Served } from '../rig/serve.js';
import { ACCOUNT, codeIn, makeCertificate, Relay } from '../rig/smtp.js';

const NEW_PASSWORD = 'Canary-Kettle-77-north';
const WRONG_PASSWORD = 'Canary-Guess-31-south';
const STRANGER = 'canary.stranger@example.com';

/** What must not be in a log, by name. */
class Canaries {
  constructor() {
    this.all = new Map();
  }

  add(name, value) {
    assert.ok(value?.length >= 6, `${name} is there: ${value}`);
    this.all.set(`${name} ${this.all.size}`, value);
  }

  /** Tokens are in a log when a part of them is; the middle of a JWT is not secret by itself, its signature is. */
  addTokens({ access_token, id_token, refresh_token }) {
    for (const [name, token] of Object.entries({ access_token, id_token, refresh_token })) {
      if (!token) continue;
      this.add(name, token);
      if (token.split('.').length === 3) this.add(`signature of the ${name}`, token.split('.')[2]);
    }
  }

  assertAbsent(log, what) {
    const found = [];
    for (const [name, value] of this.all) {
      const bytes = Buffer.from(value);
      const forms = new Set([
        value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1),
        bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url'), bytes.toString('hex'),
        [...bytes].join(', '),
      ]);
      for (const form of forms) {
        // Six digits may be a part of a number: only whole words count.
        const pattern = /^\d{6}$/.test(form) ? new RegExp(`(?<![0-9.])${form}(?![0-9])`) : undefined;
        const at = pattern ? log.search(pattern) : log.indexOf(form);
        if (at >= 0) found.push(`${name}: …${log.slice(Math.max(0, at - 200), at + form.length + 80)}…`);
      }
    }
    assert.deepEqual(found, [], what);
  }
}

/** Every endpoint of a recovery and a sign-in, by hand. */
async function walk(engine, canaries, mailOf) {
  canaries.add('address', DEMO.user);
  canaries.add('address', STRANGER);
  canaries.add('old password', DEMO.password);
  canaries.add('new password', NEW_PASSWORD);
  canaries.add('wrong password', WRONG_PASSWORD);
  canaries.add('client secret', DEMO.web.clientSecret);

  const stranger = await Flow.start(engine, { client: DEMO.web });
  await stranger.recover();
  await stranger.identify(STRANGER);
  await stranger.selectEmail();
  const failed = await Flow.start(engine, { client: DEMO.web });
  await failed.identify(DEMO.user, WRONG_PASSWORD);

  const flow = await Flow.start(engine, { client: DEMO.web, scope: 'openid profile email offline_access' });
  await flow.recover();
  await flow.identify(DEMO.user);
  await flow.selectEmail();
  const code = await mailOf();
  canaries.add('code', code);
  await flow.answer({ passcode: wrongCode(code) });
  // In places where it has no business: a path, a query, a header, a body that is no JSON.
  await call(`${engine.engine}/idp/${code}/${encodeURIComponent(DEMO.user)}?code=${code}&password=${NEW_PASSWORD}`, { headers: { 'x-code': code, cookie: `canary=${NEW_PASSWORD}` } });
  await call(`${engine.engine}/idp/idx/identify`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: `{"passcode": "${NEW_PASSWORD}", ` });
  await overHttp2(engine, { 'x-code': code, cookie: `canary=${NEW_PASSWORD}` }, JSON.stringify({ stateHandle: flow.state, credentials: { passcode: wrongCode(code) } }));
  await flow.answer({ passcode: code });
  const handle = flow.state;
  await flow.answer({ passcode: NEW_PASSWORD });
  for (const one of [stranger, failed, flow]) {
    canaries.add('interaction handle', one.handle);
    canaries.add('state handle', one.state);
    canaries.add('verifier', one.pkce.verifier);
  }
  canaries.add('state handle', handle);
  canaries.add('interaction code', flow.interactionCode);
  const tokens = await flow.redeem();
  assert.equal(tokens.status, 200, tokens.text);
  canaries.addTokens(tokens.json);
  const client = { client_id: DEMO.web.clientId, client_secret: DEMO.web.clientSecret };
  const refreshed = await postForm(`${engine.issuer}/v1/token`, { grant_type: 'refresh_token', refresh_token: tokens.json.refresh_token, scope: 'openid offline_access', ...client });
  assert.equal(refreshed.status, 200, refreshed.text);
  canaries.addTokens(refreshed.json);
  const bearer = { authorization: `Bearer ${refreshed.json.access_token}` };
  assert.equal((await call(`${engine.issuer}/v1/userinfo`, { headers: bearer })).status, 200);
  await postForm(`${engine.issuer}/v1/introspect`, { token: refreshed.json.access_token, ...client });
  await postForm(`${engine.issuer}/v1/token`, { grant_type: 'refresh_token', refresh_token: tokens.json.refresh_token, ...client });
  await call(`${engine.issuer}/v1/logout?id_token_hint=${refreshed.json.id_token}`);
  await postForm(`${engine.issuer}/v1/revoke`, { token: refreshed.json.access_token, ...client });
}

/** The library of HTTP/2 logs each frame. */
async function overHttp2(engine, headers, body) {
  const session = http2.connect(engine.engine.replace('localhost', '127.0.0.1'));
  const stream = session.request({ ':method': 'POST', ':path': '/idp/idx/challenge/answer', 'content-type': 'application/json', ...headers });
  stream.resume().end(body);
  await once(stream, 'end');
  session.close();
}

describe('the log', () => {
  const life = lifetime();
  let certificate;
  let browser;
  before(async () => {
    certificate = await makeCertificate(await temporaryDirectory(life));
    browser = await startBrowser(life);
  });

  for (const format of ['json', 'text']) {
    it(`of the engine at trace level, as ${format}, holds no canary (T-C10)`, async (t) => {
      const relay = await Relay.start(t, certificate);
      const directory = await temporaryDirectory(t);
      const mail = [
        '[mail]', 'from = "Example <no-reply@example.com>"',
        '[mail.smtp]', 'host = "localhost"', `port = ${relay.port}`, 'tls = "starttls"', `ca_file = "${certificate.caFile}"`,
        `username = "${ACCOUNT.username}"`, `password = "${ACCOUNT.password}"`,
      ].join('\n');
      const engine = await Served.start(t, { sections: { mail }, dev: false, log: ['--log', 'trace', '--log-format', format] });
      const canaries = new Canaries();
      canaries.add('relay password', ACCOUNT.password);
      canaries.add('master key', (await readFile(path.join(engine.directory, 'master.key'), 'utf8')).trim());
      canaries.add('pepper', (await readFile(path.join(engine.directory, 'pepper.key'), 'utf8')).trim().split(' ')[1]);
      await walk(engine, canaries, async () => codeIn(await relay.message((message) => codeIn(message))));
      await relay.message(({ parsed }) => /password/i.test(parsed.subject) && !codeIn({ parsed }));
      await engine.process.stop();
      const log = engine.process.stderr;
      // It is a log of that flow, and of everything.
      assert.match(log, /challenge\/answer/);
      assert.match(log, /TRACE.*h2::/);
      canaries.assertAbsent(log, 'in the log of the engine');
      const control = new Canaries();
      control.add('what is there', 'the engine is ready');
      assert.throws(() => control.assertAbsent(log), /what is there/);
      if (format === 'json') {
        const lines = log.trim().split('\n').map((line) => JSON.parse(line));
        const answered = lines.find(({ route, status }) => route === '/idp/idx/challenge/answer' && status === 200);
        assert.equal(answered.method, 'POST');
        assert.equal(typeof answered.ms, 'number');
        assert.match(answered.span.id, /^req[0-9A-Za-z]{17}$/);
        // Control characters of a peer do not make lines.
        for (const line of log.trim().split('\n')) assert.doesNotMatch(line, /[\u0000-\u0008\u000b-\u001f]/);
      }
    });
  }

  it('of the demo with the web app at trace level holds no canary either (T-C10)', async (t) => {
    const port = { engine: await freePort(), app: await freePort() };
    const demo = new Process(['--log', 'trace', '--log-format', 'json', 'demo', '--engine-port', String(port.engine), '--app-port', String(port.app)]);
    t.after(() => demo.kill());
    const ready = await demo.ready();
    const welcome = demo.stderr.length;
    const site = { engine: ready.engine, app: ready.app, mailbox: new Mailbox(ready.engine) };
    const canaries = new Canaries();
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toResetPage(page, site);
    canaries.add('code', (await site.mailbox.code()).code);
    canaries.add('address', DEMO.user);
    canaries.add('new password', NEW_PASSWORD);
    await submitPasswords(page, NEW_PASSWORD);
    await assertSignedIn(page, site.app);
    for (const { name, value } of await person.context.cookies()) canaries.add(`cookie ${name}`, value);
    await demo.stop();
    const log = demo.stderr.slice(welcome);
    assert.match(log, /challenge\/answer/);
    canaries.assertAbsent(log, 'in the log of the demo');
  });
});

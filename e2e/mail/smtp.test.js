// A real SMTP server stands between the engine and the person: STARTTLS, AUTH, outages.

import assert from 'node:assert/strict';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { writeFile } from 'node:fs/promises';

import { CLIENTS, messages } from '../rig/auth-js.js';
import { DEMO, freePort, temporaryDirectory } from '../rig/engine.js';
import { Flow } from '../rig/idx.js';
import { lifetime } from '../rig/lifetime.js';
import { Recovery, signIn } from '../rig/recovery.js';
import { Served } from '../rig/serve.js';
import { ACCOUNT, codeIn, makeCertificate, Relay } from '../rig/smtp.js';
import { until } from '../rig/waiting.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';

/** An engine that mails through the relay at `port`, trusting `caFile`. */
async function engineThrough(t, { port, caFile, tls = 'starttls' }) {
  const directory = await temporaryDirectory(t);
  const passwordFile = path.join(directory, 'smtp.password');
  await writeFile(passwordFile, `${ACCOUNT.password}\n`, { mode: 0o600 });
  const mail = [
    '[mail]', 'from = "Example <no-reply@example.com>"',
    '[mail.smtp]', 'host = "localhost"', `port = ${port}`, `tls = "${tls}"`, `ca_file = "${caFile}"`,
    `username = "${ACCOUNT.username}"`, `password_file = "${passwordFile}"`,
  ].join('\n');
  return Served.start(t, { sections: { mail } });
}

/** Walks an existing engine to the form of the code without waiting for any mail. */
async function toCodeForm(engine) {
  const flow = await Flow.start(engine);
  await flow.recover();
  await flow.identify(DEMO.user);
  const answer = await flow.selectEmail();
  assert.equal(answer.status, 200);
  assert.equal(flow.offers[0], 'challenge-authenticator');
  return flow;
}

describe('a relay with STARTTLS and AUTH', () => {
  let certificate;
  const life = lifetime();
  before(async () => (certificate = await makeCertificate(await temporaryDirectory(life))));

  for (const kind of CLIENTS) {
    it(`${kind.name}: the code is read from what the relay received`, async (t) => {
      const relay = await Relay.start(t, certificate);
      const engine = await engineThrough(t, { port: relay.port, caFile: certificate.caFile });
      const recovery = new Recovery(engine, kind);
      await recovery.begin(DEMO.user);
      await recovery.selectEmail();
      const message = await relay.message();
      assert.equal(message.secure, true, 'the message came over TLS');
      assert.deepEqual(relay.logins.map(({ username, secure }) => ({ username, secure })), [{ username: ACCOUNT.username, secure: true }]);
      assert.deepEqual(message.to, [DEMO.user]);
      assert.equal(message.from, 'no-reply@example.com');

      const code = codeIn(message);
      assert.match(code, /^\d{6}$/);
      const { parsed } = message;
      assert.ok(parsed.html.includes(`enter this code: <b>${code}</b>`));
      assert.equal(parsed.subject.includes(code), false);
      assert.equal(parsed.headers.get('auto-submitted'), 'auto-generated');
      assert.equal(parsed.headers.get('x-auto-response-suppress'), 'All');
      assert.equal(parsed.headers.get('bcc'), undefined);
      assert.ok(parsed.messageId);
      assert.ok(Math.abs(parsed.date - Date.now()) < 300_000);
      for (const line of message.raw.split('\r\n')) assert.ok(line.length <= 998, 'line length');

      assert.equal((await recovery.code(code)).nextStep.name, 'reset-authenticator');
      assert.equal((await recovery.password(NEW_PASSWORD)).status, 'SUCCESS');
      const notice = await relay.message((candidate) => candidate !== message);
      assert.equal(codeIn(notice), undefined);
      assert.equal((await signIn(engine, kind, { username: DEMO.user, password: NEW_PASSWORD })).status, 'SUCCESS');
    });
  }
});

describe('a relay in trouble', () => {
  let certificate;
  const life = lifetime();
  before(async () => (certificate = await makeCertificate(await temporaryDirectory(life))));

  it('while the relay is down the flow goes on, and the mail comes later', async (t) => {
    const port = await freePort();
    const engine = await engineThrough(t, { port, caFile: certificate.caFile });
    const recovery = new Recovery(engine, CLIENTS[0]);
    await recovery.begin(DEMO.user);
    const challenge = await recovery.selectEmail();
    assert.equal(challenge.status, 'PENDING');
    assert.equal(challenge.nextStep.name, 'challenge-authenticator');
    assert.deepEqual(messages(challenge), []);

    const relay = await Relay.start(t, { ...certificate, port });
    const message = await relay.message();
    assert.equal((await recovery.code(codeIn(message))).nextStep.name, 'reset-authenticator');
  });

  it('a mail that waits for the relay survives kill -9 of the engine', async (t) => {
    const port = await freePort();
    const engine = await engineThrough(t, { port, caFile: certificate.caFile });
    const flow = await toCodeForm(engine);
    await engine.crash();
    const relay = await Relay.start(t, { ...certificate, port });
    const message = await relay.message();
    assert.equal((await flow.answer({ passcode: codeIn(message) })).status, 200);
    assert.equal(flow.offers[0], 'reset-authenticator');
  });

  it('a relay that refuses for now is asked again, with the same Message-ID', async (t) => {
    let refusals = 0;
    const tried = [];
    const relay = await Relay.start(t, {
      ...certificate,
      onRcptTo: (address, session, callback) => {
        tried.push(address.address);
        refusals += 1;
        if (refusals <= 2) return callback(Object.assign(new Error('greylisted, try again'), { responseCode: 450 }));
        return callback();
      },
    });
    const engine = await engineThrough(t, { port: relay.port, caFile: certificate.caFile });
    const flow = await toCodeForm(engine);
    const message = await relay.message();
    assert.equal(tried.length, 3);
    assert.equal((await flow.answer({ passcode: codeIn(message) })).status, 200);
    assert.equal(relay.messages.length, 1);
  });

  it('nothing is sent to a relay whose STARTTLS was stripped', async (t) => {
    const relay = await Relay.start(t, { ...certificate, hideSTARTTLS: true, disabledCommands: ['STARTTLS'], allowInsecureAuth: true });
    const engine = await engineThrough(t, { port: relay.port, caFile: certificate.caFile });
    await toCodeForm(engine);
    await until('two attempts', () => relay.closed >= 2, 60_000);
    assert.deepEqual(relay.logins, [], 'no password went over the wire in the clear');
    assert.deepEqual(relay.messages, []);
  });

  it('nothing is sent to a relay with a certificate of somebody else', async (t) => {
    const stranger = await makeCertificate(await temporaryDirectory(t), 'stranger');
    const relay = await Relay.start(t, stranger);
    const engine = await engineThrough(t, { port: relay.port, caFile: certificate.caFile });
    await toCodeForm(engine);
    await until('two attempts', () => relay.closed >= 2, 60_000);
    assert.deepEqual(relay.logins, []);
    assert.deepEqual(relay.messages, []);
  });
});

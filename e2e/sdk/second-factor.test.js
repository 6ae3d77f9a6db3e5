// A second factor, from an authenticator app or by mail, with unmodified auth-js: at sign-in, and after a recovery.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { CLIENTS, messages, stepOf } from '../rig/auth-js.js';
import { DEMO, wrongCode } from '../rig/engine.js';
import { Recovery } from '../rig/recovery.js';
import { command, Served } from '../rig/serve.js';
import { SignIn } from '../rig/sign-in.js';
import { STEP_SECONDS, totp, wrongTotp } from '../rig/totp.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';
const BOTH = { sections: { sign_in: '[sign_in]\nsecond_factors = ["google_otp", "okta_email"]' } };
const SECRET = /^[A-Z2-7]{32}$/m;

/** An engine whose user has an app; gives the app's secret. */
async function withApp(t) {
  const engine = await Served.start(t, BOTH);
  const made = await command(['users', 'factors', '--config', engine.config, DEMO.user, '--add', 'google_otp']);
  assert.equal(made.code, 0, made.stderr);
  const [secret] = SECRET.exec(made.stdout);
  assert.match(made.stdout, new RegExp(`^otpauth://totp/Example:alice%40example.com\\?secret=${secret}&issuer=Example&`, 'm'));
  return { engine, secret };
}

function assertAsksForApp(transaction) {
  assert.equal(transaction.status, 'PENDING');
  const step = stepOf(transaction);
  assert.equal(step.name, 'challenge-authenticator');
  assert.equal(step.authenticator.key, 'google_otp');
  assert.equal(step.authenticator.displayName, 'Google Authenticator');
  assert.equal(transaction.tokens, undefined);
}

/** The authenticators that a transaction lets choose from. */
const choices = ({ nextStep, availableSteps }) => (nextStep ?? availableSteps[0]).inputs
  .find(({ name }) => name === 'authenticator').options.map(({ label }) => label);

async function add(engine, key) {
  const made = await command(['users', 'factors', '--config', engine.config, DEMO.user, '--add', key]);
  assert.equal(made.code, 0, made.stderr);
}

describe('a code by mail', () => {
  for (const kind of CLIENTS) {
    it(`${kind.name}: is sent when it is chosen, and signs in past a wrong one`, async (t) => {
      const engine = await Served.start(t, BOTH);
      await add(engine, 'okta_email');
      const attempt = new SignIn(engine, kind);
      const choice = await attempt.start(DEMO.password);
      assert.equal(stepOf(choice).name, 'select-authenticator-authenticate');
      assert.deepEqual(choices(choice), ['Email']);
      assert.deepEqual(await engine.mailbox.list(), []);
      const asked = await attempt.select('okta_email');
      const step = stepOf(asked);
      assert.equal(step.name, 'challenge-authenticator');
      assert.equal(step.authenticator.profile.email, 'a***e@example.com');
      const mail = await engine.mailbox.code();
      assert.equal(mail.subject, 'Your code to sign in to Example');
      const wrong = await attempt.code(wrongCode(mail.code));
      assert.deepEqual(messages(wrong).map(({ key }) => key), ['api.authn.error.PASSCODE_INVALID']);
      const done = await attempt.code(mail.code);
      assert.equal(done.status, 'SUCCESS');
      assert.deepEqual([...done.tokens.idToken.claims.amr].sort(), ['email', 'mfa', 'pwd']);
    });

    it(`${kind.name}: T-S13: does not make two factors of a recovery by mail`, async (t) => {
      const engine = await Served.start(t, BOTH);
      await add(engine, 'okta_email');
      const recovery = new Recovery(engine, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      await recovery.code(mail.code);
      const choice = await recovery.password(NEW_PASSWORD);
      assert.equal(choice.tokens, undefined);
      assert.equal(stepOf(choice).name, 'select-authenticator-authenticate');
      await recovery.selectEmail();
      const another = await engine.mailbox.newest({ after: mail.id, matching: ({ subject }) => /sign in/.test(subject) });
      assert.equal((await recovery.code(mail.code)).status, 'PENDING');
      const done = await recovery.code(another.code);
      assert.equal(done.status, 'SUCCESS');
      assert.deepEqual([...done.tokens.idToken.claims.amr].sort(), ['email', 'mfa', 'pwd']);
    });

    it(`${kind.name}: is one of two that a person chooses from`, async (t) => {
      const { engine, secret } = await withApp(t);
      await add(engine, 'okta_email');
      const attempt = new SignIn(engine, kind);
      assert.deepEqual(choices(await attempt.start(DEMO.password)), ['Google Authenticator', 'Email']);
      await attempt.select('okta_email');
      await engine.mailbox.code();
      assertAsksForApp(await attempt.select('google_otp'));
      assert.equal((await attempt.code(totp(secret))).status, 'SUCCESS');
    });
  }
});

describe('an authenticator app', () => {
  for (const kind of CLIENTS) {
    it(`${kind.name}: signs in with password and app, past a wrong code and a used one`, async (t) => {
      const { engine, secret } = await withApp(t);
      const first = new SignIn(engine, kind);
      assertAsksForApp(await first.start(DEMO.password));
      const wrong = await first.code(wrongTotp(secret));
      assert.equal(wrong.status, 'PENDING');
      assert.deepEqual(messages(wrong), [{ message: 'Invalid code. Try again.', key: 'api.authn.error.PASSCODE_INVALID' }]);
      const code = totp(secret);
      const done = await first.code(code);
      assert.equal(done.status, 'SUCCESS');
      assert.deepEqual([...done.tokens.idToken.claims.amr].sort(), ['mfa', 'otp', 'pwd']);

      const second = new SignIn(engine, kind);
      assertAsksForApp(await second.start(DEMO.password));
      const used = await second.code(code);
      assert.equal(used.status, 'PENDING');
      assert.deepEqual(messages(used).map(({ key }) => key), ['authfactor.challenge.soft_token.used_passcode']);
      await engine.advance(STEP_SECONDS);
      assert.equal((await second.code(totp(secret, STEP_SECONDS))).status, 'SUCCESS');
    });

    it(`${kind.name}: T-S13: a recovery by mail gives no tokens before the app's code`, async (t) => {
      const { engine, secret } = await withApp(t);
      const recovery = new Recovery(engine, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      await recovery.code(mail.code);
      assertAsksForApp(await recovery.password(NEW_PASSWORD));
      const refused = await recovery.code(mail.code);
      assert.deepEqual(messages(refused).map(({ key }) => key), ['api.authn.error.PASSCODE_INVALID']);
      const done = await recovery.code(totp(secret));
      assert.equal(done.status, 'SUCCESS');
      assert.deepEqual([...done.tokens.idToken.claims.amr].sort(), ['mfa', 'otp', 'pwd']);
      assertAsksForApp(await new SignIn(engine, kind).start(NEW_PASSWORD));
    });
  }

  it('is replaced and taken away by the operator, while the engine runs', async (t) => {
    const { engine, secret } = await withApp(t);
    const run = (...args) => command(['users', 'factors', '--config', engine.config, DEMO.user, ...args]);
    const again = await run('--add', 'google_otp');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /--replace/);
    const replaced = await run('--add', 'google_otp', '--replace');
    const [other] = SECRET.exec(replaced.stdout);
    assert.notEqual(other, secret);
    const [kind] = CLIENTS;
    const attempt = new SignIn(engine, kind);
    assertAsksForApp(await attempt.start(DEMO.password));
    assert.equal((await attempt.code(totp(secret))).status, 'PENDING');
    assert.equal((await attempt.code(totp(other))).status, 'SUCCESS');
    assert.match((await run()).stdout, /^google_otp\t/);
    assert.equal((await run('--remove', 'google_otp')).code, 0);
    assert.equal((await run('--remove', 'google_otp')).code, 1);
    assert.equal((await run()).stdout, '');
    assert.equal((await new SignIn(engine, kind).start(DEMO.password)).status, 'SUCCESS');
  });
});

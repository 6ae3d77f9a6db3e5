// A second factor from an authenticator app, with unmodified auth-js: at sign-in, and after a recovery.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { client, CLIENTS, messages, Session, stepOf } from '../rig/auth-js.js';
import { DEMO } from '../rig/engine.js';
import { Recovery } from '../rig/recovery.js';
import { command, Served } from '../rig/serve.js';
import { STEP_SECONDS, totp, wrongTotp } from '../rig/totp.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';
const SECRET = /^[A-Z2-7]{32}$/m;

/** An engine whose user has an app; gives the app's secret. */
async function withApp(t) {
  const engine = await Served.start(t);
  const made = await command(['users', 'totp', '--config', engine.config, DEMO.user]);
  assert.equal(made.code, 0, made.stderr);
  const [secret] = SECRET.exec(made.stdout);
  assert.match(made.stdout, new RegExp(`^otpauth://totp/Example:alice%40example.com\\?secret=${secret}&issuer=Example&`, 'm'));
  return { engine, secret };
}

/** Name and password, up to the page of the code. */
class SignIn {
  constructor(engine, kind) {
    Object.assign(this, { engine, kind, session: new Session() });
  }

  get idx() {
    return client(this.engine, this.session, this.kind).idx;
  }

  async toCode(password) {
    const name = { username: DEMO.user, password };
    if (this.kind.mode !== 'step') return this.idx.authenticate(name);
    await this.idx.start();
    return this.idx.proceed({ step: 'identify', ...name });
  }

  code(verificationCode) {
    return this.kind.mode === 'step'
      ? this.idx.proceed({ step: 'challenge-authenticator', verificationCode })
      : this.idx.authenticate({ verificationCode });
  }
}

function assertAsksForApp(transaction) {
  assert.equal(transaction.status, 'PENDING');
  const step = stepOf(transaction);
  assert.equal(step.name, 'challenge-authenticator');
  assert.equal(step.authenticator.key, 'google_otp');
  assert.equal(step.authenticator.displayName, 'Google Authenticator');
  assert.equal(transaction.tokens, undefined);
}

describe('an authenticator app', () => {
  for (const kind of CLIENTS) {
    it(`${kind.name}: signs in with password and app, past a wrong code and a used one`, async (t) => {
      const { engine, secret } = await withApp(t);
      const first = new SignIn(engine, kind);
      assertAsksForApp(await first.toCode(DEMO.password));
      const wrong = await first.code(wrongTotp(secret));
      assert.equal(wrong.status, 'PENDING');
      assert.deepEqual(messages(wrong), [{ message: 'Invalid code. Try again.', key: 'api.authn.error.PASSCODE_INVALID' }]);
      const code = totp(secret);
      const done = await first.code(code);
      assert.equal(done.status, 'SUCCESS');
      assert.deepEqual([...done.tokens.idToken.claims.amr].sort(), ['mfa', 'otp', 'pwd']);

      const second = new SignIn(engine, kind);
      assertAsksForApp(await second.toCode(DEMO.password));
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
      assert.deepEqual([...done.tokens.idToken.claims.amr].sort(), ['email', 'mfa', 'otp', 'pwd']);
      assertAsksForApp(await new SignIn(engine, kind).toCode(NEW_PASSWORD));
    });
  }

  it('is replaced and taken away by the operator, while the engine runs', async (t) => {
    const { engine, secret } = await withApp(t);
    const run = (...args) => command(['users', 'totp', '--config', engine.config, ...args, DEMO.user]);
    const again = await run();
    assert.equal(again.code, 1);
    assert.match(again.stderr, /--replace/);
    const replaced = await run('--replace');
    const [other] = SECRET.exec(replaced.stdout);
    assert.notEqual(other, secret);
    const [kind] = CLIENTS;
    const attempt = new SignIn(engine, kind);
    assertAsksForApp(await attempt.toCode(DEMO.password));
    assert.equal((await attempt.code(totp(secret))).status, 'PENDING');
    assert.equal((await attempt.code(totp(other))).status, 'SUCCESS');
    assert.equal((await run('--remove')).code, 0);
    assert.equal((await run('--remove')).code, 1);
    assert.equal((await new SignIn(engine, kind).toCode(DEMO.password)).status, 'SUCCESS');
  });
});

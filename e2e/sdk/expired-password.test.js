// A password that is too old, or soon is, with unmodified auth-js.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { CLIENTS, messages, stepOf } from '../rig/auth-js.js';
import { DEMO } from '../rig/engine.js';
import { Served } from '../rig/serve.js';
import { SignIn } from '../rig/sign-in.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';
const DAY = 24 * 60 * 60;

/** An engine whose user's password was set so many days ago. */
async function engineAfter(t, days) {
  const engine = await Served.start(t, { sections: { password: '[password]\nmax_age_days = 90\nwarn_days = 7' } });
  await engine.advance(days * DAY);
  return engine;
}

describe('a password that is too old', () => {
  for (const kind of CLIENTS) {
    it(`${kind.name}: is replaced past a weak one, and the new one signs in`, async (t) => {
      const engine = await engineAfter(t, 91);
      const attempt = new SignIn(engine, kind);
      const asked = await attempt.start(DEMO.password);
      assert.equal(asked.status, 'PENDING');
      assert.equal(stepOf(asked).name, 'reenroll-authenticator');
      assert.equal(asked.tokens, undefined);
      const weak = await attempt.replace('reenroll-authenticator', 'short');
      assert.deepEqual(messages(weak).map(({ key }) => key), ['password.passwordRequirementsNotMet']);
      const done = await attempt.replace('reenroll-authenticator', NEW_PASSWORD);
      assert.equal(done.status, 'SUCCESS');
      assert.equal((await new SignIn(engine, kind).start(NEW_PASSWORD)).status, 'SUCCESS');
      assert.match((await engine.mailbox.newest()).subject, /password .* was changed/);
    });
  }
});

describe('a password that soon is too old', () => {
  for (const kind of CLIENTS) {
    it(`${kind.name}: may wait, with the days that are left`, async (t) => {
      const engine = await engineAfter(t, 86);
      const attempt = new SignIn(engine, kind);
      const asked = await attempt.start(DEMO.password);
      assert.equal(stepOf(asked).name, 'reenroll-authenticator-warning');
      assert.deepEqual(messages(asked).map(({ key }) => key), ['idx.password.expiring.message']);
      assert.equal(stepOf(asked).authenticator.settings.daysToExpiry, 4);
      assert.equal((await attempt.skip()).status, 'SUCCESS');
    });
  }
});

// A sign-in that begins with a code by mail, or with a choice, with unmodified auth-js.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { CLIENTS, messages, stepOf } from '../rig/auth-js.js';
import { DEMO, wrongCode } from '../rig/engine.js';
import { Served } from '../rig/serve.js';
import { SignIn } from '../rig/sign-in.js';

const EITHER = {
  sections: {
    org: '[org]\nname = "Example"\nsign_in_mode = "identifier_first"',
    sign_in: '[sign_in]\nfirst_factors = ["okta_email", "okta_password"]',
  },
};

describe('a sign-in without a password', () => {
  for (const kind of CLIENTS) {
    it(`${kind.name}: a code by mail signs in, past a wrong one`, async (t) => {
      const engine = await Served.start(t, EITHER);
      const attempt = new SignIn(engine, kind);
      const choice = await attempt.start();
      assert.equal(stepOf(choice).name, 'select-authenticator-authenticate');
      assert.deepEqual(await engine.mailbox.list(), []);
      const asked = await attempt.select('okta_email');
      assert.equal(stepOf(asked).name, 'challenge-authenticator');
      const mail = await engine.mailbox.code();
      assert.match(mail.text, /somebody typed your name/);
      const wrong = await attempt.code(wrongCode(mail.code));
      assert.deepEqual(messages(wrong).map(({ key }) => key), ['api.authn.error.PASSCODE_INVALID']);
      const done = await attempt.code(mail.code);
      assert.equal(done.status, 'SUCCESS');
      assert.deepEqual(done.tokens.idToken.claims.amr, ['email']);
    });

    it(`${kind.name}: the password can be chosen instead`, async (t) => {
      const engine = await Served.start(t, EITHER);
      const attempt = new SignIn(engine, kind);
      await attempt.start();
      const asked = await attempt.select('okta_password');
      assert.equal(stepOf(asked).name, 'challenge-authenticator');
      const done = await attempt.password(DEMO.password);
      assert.equal(done.status, 'SUCCESS');
      assert.deepEqual(done.tokens.idToken.claims.amr, ['pwd']);
    });
  }
});

// An authenticator app that is set up at the sign-in, with unmodified auth-js: because the org demands it, or offers it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { CLIENTS, messages, stepOf } from '../rig/auth-js.js';
import { DEMO } from '../rig/engine.js';
import { Recovery } from '../rig/recovery.js';
import { Served } from '../rig/serve.js';
import { SignIn } from '../rig/sign-in.js';
import { STEP_SECONDS, totp, wrongTotp } from '../rig/totp.js';

const REQUIRED = { sections: { enrollment: '[enrollment]\nrequired = ["google_otp"]' } };
const OPTIONAL = { sections: { enrollment: '[enrollment]\noptional = ["google_otp"]' } };

const contextOf = (transaction) => stepOf(transaction).authenticator.contextualData;

describe('an authenticator app that everybody must have', () => {
  for (const kind of CLIENTS) {
    it(`${kind.name}: is set up at the sign-in past a wrong code, and asked for at the next`, async (t) => {
      const engine = await Served.start(t, REQUIRED);
      const attempt = new SignIn(engine, kind);
      const choice = await attempt.start(DEMO.password);
      assert.equal(choice.status, 'PENDING');
      assert.equal(stepOf(choice).name, 'select-authenticator-enroll');
      const shown = await attempt.enroll('google_otp');
      assert.equal(stepOf(shown).name, 'enroll-authenticator');
      const { sharedSecret, qrcode } = contextOf(shown);
      assert.match(sharedSecret, /^[A-Z2-7]{32}$/);
      assert.match(qrcode.href, /^data:image\/png;base64,/);
      const wrong = await attempt.confirm(wrongTotp(sharedSecret));
      assert.deepEqual(messages(wrong).map(({ key }) => key), ['api.authn.error.PASSCODE_INVALID']);
      assert.equal(wrong.tokens, undefined);
      assert.equal(contextOf(wrong).sharedSecret, sharedSecret);
      const done = await attempt.confirm(totp(sharedSecret));
      assert.equal(done.status, 'SUCCESS');
      const notice = await engine.mailbox.newest();
      assert.equal(notice.subject, 'A new way to sign in to Example was added');
      assert.match(notice.text, /Google Authenticator was set up for the account alice@example\.com/);

      const again = new SignIn(engine, kind);
      const asked = await again.start(DEMO.password);
      assert.equal(stepOf(asked).name, 'challenge-authenticator');
      assert.equal((await again.code(totp(sharedSecret, STEP_SECONDS))).status, 'SUCCESS');
    });
  }

  // In step mode auth-js fails at every terminal document.
  for (const kind of CLIENTS.filter(({ mode }) => mode === 'legacy')) {
    it(`${kind.name}: T-S13: is not set up by a recovery, which ends with the new password`, async (t) => {
      const engine = await Served.start(t, REQUIRED);
      const recovery = new Recovery(engine, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      await recovery.code(mail.code);
      const done = await recovery.password('Brass-Kettle-77-north');
      assert.equal(done.status, 'TERMINAL');
      assert.deepEqual(messages(done).map(({ key }) => key), ['idx.recovery.completed']);
      assert.equal(done.tokens, undefined);
      const next = await new SignIn(engine, kind).start('Brass-Kettle-77-north');
      assert.equal(stepOf(next).name, 'select-authenticator-enroll');
    });
  }
});

describe('an authenticator app that is offered', () => {
  for (const kind of CLIENTS) {
    it(`${kind.name}: can be left for another time`, async (t) => {
      const engine = await Served.start(t, OPTIONAL);
      const attempt = new SignIn(engine, kind);
      const choice = await attempt.start(DEMO.password);
      assert.equal(stepOf(choice).name, 'select-authenticator-enroll');
      const done = await attempt.skip();
      assert.equal(done.status, 'SUCCESS');
      assert.deepEqual(done.tokens.idToken.claims.amr, ['pwd']);
    });

    it(`${kind.name}: is no matter in a recovery`, async (t) => {
      const engine = await Served.start(t, OPTIONAL);
      const recovery = new Recovery(engine, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      await recovery.code(mail.code);
      assert.equal((await recovery.password('Brass-Kettle-77-north')).status, 'SUCCESS');
    });
  }
});

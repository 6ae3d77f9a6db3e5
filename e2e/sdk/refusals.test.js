// What auth-js shows when something goes wrong: status, next step and messages as apps expect them.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';

import { client, CLIENTS, messages, stepOf } from '../rig/auth-js.js';
import { Demo, DEMO, wrongCode } from '../rig/engine.js';
import { lifetime } from '../rig/lifetime.js';
import { Recovery, signIn } from '../rig/recovery.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';
const INVALID_CODE = [{ message: 'Invalid code. Try again.', key: 'api.authn.error.PASSCODE_INVALID' }];
const REFUSED = [{ message: 'Authentication failed', key: 'errors.E0000004' }];

for (const kind of CLIENTS) {
  describe(kind.name, () => {
    let demo;
    const life = lifetime();
    before(async () => (demo = await Demo.start(life)));
    beforeEach(() => demo.reset());

    it(`${kind.name}: a wrong code keeps the step and says so at the field`, async () => {
      const recovery = new Recovery(demo, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      const transaction = await recovery.code(wrongCode(mail.code));
      assert.equal(transaction.status, 'PENDING');
      assert.equal(transaction.nextStep.name, 'challenge-authenticator');
      assert.equal(transaction.requestDidSucceed, false);
      assert.deepEqual(messages(transaction), INVALID_CODE);
      assert.equal((await recovery.code(mail.code)).nextStep.name, 'reset-authenticator');
    });

    it(`${kind.name}: after five wrong codes the right one is refused, and a new mail helps`, async () => {
      const recovery = new Recovery(demo, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      for (let attempt = 1; attempt <= 5; attempt += 1) {
        assert.deepEqual(messages(await recovery.code(wrongCode(mail.code))), INVALID_CODE, `attempt ${attempt}`);
      }
      const refused = await recovery.code(mail.code);
      assert.equal(refused.status, 'PENDING');
      assert.deepEqual(messages(refused).map(({ key }) => key), ['tooManyRequests']);
      await demo.advance(31);
      assert.equal((await recovery.resend()).status, 'PENDING');
      const next = await demo.mailbox.code({ after: mail.id });
      assert.equal((await recovery.code(next.code)).nextStep.name, 'reset-authenticator');
    });

    it(`${kind.name}: an expired code is refused like a wrong one`, async () => {
      const recovery = new Recovery(demo, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      await demo.advance(5 * 60 + 1);
      const transaction = await recovery.code(mail.code);
      assert.equal(transaction.status, 'PENDING');
      assert.deepEqual(messages(transaction), INVALID_CODE);
    });

    it(`${kind.name}: a resend asked too early says so, a later one voids the first code`, async () => {
      const recovery = new Recovery(demo, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      const early = await recovery.resend();
      assert.equal(early.status, 'PENDING');
      assert.deepEqual(messages(early).map(({ key }) => key), ['tooManyRequests']);
      assert.equal((await demo.mailbox.list()).length, 1);

      await demo.advance(31);
      const later = await recovery.resend();
      assert.equal(later.status, 'PENDING');
      assert.equal(later.nextStep.name, 'challenge-authenticator');
      assert.deepEqual(messages(later), []);
      const next = await demo.mailbox.code({ after: mail.id });
      if (next.code !== mail.code) {
        assert.deepEqual(messages(await recovery.code(mail.code)), INVALID_CODE);
      }
      assert.equal((await recovery.code(next.code)).nextStep.name, 'reset-authenticator');
    });

    it(`${kind.name}: cancel ends the transaction, and the mailed code is void`, async () => {
      const recovery = new Recovery(demo, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      const before = recovery.session.toJSON();
      assert.equal((await recovery.cancel()).status, 'CANCELED');
      assert.equal(recovery.idx.canProceed(), false);
      recovery.session.items = new Map(Object.entries(before));
      const replayed = await recovery.code(mail.code);
      assert.equal(replayed.status, 'TERMINAL');
      assert.deepEqual(messages(replayed).map(({ key }) => key), ['idx.session.expired']);
    });

    it(`${kind.name}: an expired session is terminal and says so`, async () => {
      const recovery = new Recovery(demo, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      await demo.advance(61 * 60);
      const transaction = await recovery.code(mail.code);
      assert.equal(transaction.status, 'TERMINAL');
      assert.deepEqual(messages(transaction), [
        {
          message: 'You have been logged out due to inactivity. Refresh or return to the sign in screen.',
          key: 'idx.session.expired',
        },
      ]);
    });

    it(`${kind.name}: an expired session is terminal on introspect too`, async () => {
      const recovery = new Recovery(demo, kind, { transactionManager: { enableSharedStorage: false, saveLastResponse: false } });
      await recovery.idx.interact();
      await demo.advance(61 * 60);
      const okta = client(demo, recovery.session, { ...kind, ...recovery.overrides });
      const { interactionHandle } = recovery.meta;
      await assert.rejects(
        okta.idx.introspect({ interactionHandle }).then((response) => {
          if (response.rawIdxState?.messages?.value?.[0]?.i18n?.key === 'idx.session.expired') throw new Error('expired, as IDX');
        }),
        /expired, as IDX/,
      );
    });

    it(`${kind.name}: a weak password names the broken rule, and the next one goes through`, async () => {
      const recovery = new Recovery(demo, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      await recovery.code(mail.code);
      const short = await recovery.password('Ab1!x');
      assert.equal(short.status, 'PENDING');
      assert.equal(stepOf(short).name, 'reset-authenticator');
      assert.deepEqual(messages(short).map(({ key }) => key), ['password.passwordRequirementsNotMet']);
      assert.match(messages(short)[0].message, /8 characters/);
      const named = await recovery.password('alice-loves-tea');
      assert.match(messages(named)[0].message, /parts of your username/i);
      const common = await recovery.password('password1');
      assert.deepEqual(messages(common).map(({ key }) => key), ['password.common']);
      const old = await recovery.password(DEMO.password);
      assert.deepEqual(messages(old).map(({ key }) => key), ['password.passwordRequirementsNotMet']);
      assert.match(messages(old)[0].message, /last 4 passwords/);
      assert.equal((await recovery.password(NEW_PASSWORD)).status, 'SUCCESS');
    });

    it(`${kind.name}: an unknown user walks the same steps and gets no mail`, async () => {
      const unknown = 'nobody@example.com';
      const recovery = new Recovery(demo, kind);
      const select = await recovery.begin(unknown);
      assert.equal(select.status, 'PENDING');
      assert.equal(select.nextStep.name, 'select-authenticator-authenticate');
      assert.deepEqual(messages(select), []);
      const challenge = await recovery.selectEmail();
      assert.equal(challenge.nextStep.name, 'challenge-authenticator');
      const answer = await recovery.code('123456');
      assert.equal(answer.status, 'PENDING');
      assert.deepEqual(messages(answer), INVALID_CODE);
      const mails = await demo.mailbox.list();
      assert.deepEqual(mails.filter((mail) => mail.code), [], 'no code was sent to anybody');
    });

    it(`${kind.name}: an unknown user and a wrong password look the same at sign-in`, async () => {
      for (const [username, password] of [['nobody@example.com', DEMO.password], [DEMO.user, 'not-this-one']]) {
        const transaction = await signIn(demo, kind, { username, password });
        assert.equal(transaction.status, 'PENDING');
        assert.deepEqual(messages(transaction), REFUSED);
      }
    });
  });
}

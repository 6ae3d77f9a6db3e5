// Other settings of the organisation, with unmodified auth-js: identifier first, no enumeration prevention,
// and an engine that goes straight to the confirmation of the mail.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { client, CLIENTS, messages, Session } from '../rig/auth-js.js';
import { DEMO } from '../rig/engine.js';
import { lifetime } from '../rig/lifetime.js';
import { Recovery, signIn } from '../rig/recovery.js';
import { Served } from '../rig/serve.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';

const org = (mode, prevention) =>
  `[org]\nname = "Example"\nsign_in_mode = "${mode}"\nuser_enumeration_prevention = ${prevention}\ntrusted_origins = []`;

/** Signs in on an identifier-first engine. */
async function signInByName(engine, kind, { username, password }) {
  const { idx } = client(engine, new Session(), kind);
  if (kind.mode !== 'step') return idx.authenticate({ username, password });
  await idx.start();
  await idx.proceed({ step: 'identify', username });
  return idx.proceed({ step: 'challenge-authenticator', password });
}

describe('identifier first', () => {
  for (const kind of CLIENTS) {
    it(`${kind.name}: signs in with a name, then a password`, async (t) => {
      const engine = await Served.start(t, { sections: { org: org('identifier_first', true) } });
      const accepted = await signInByName(engine, kind, { username: DEMO.user, password: DEMO.password });
      assert.equal(accepted.status, 'SUCCESS');
      for (const [username, password] of [[DEMO.user, 'not-this-one'], ['nobody@example.com', DEMO.password]]) {
        const refused = await signInByName(engine, kind, { username, password });
        assert.equal(refused.status, 'PENDING');
        assert.deepEqual(messages(refused), [{ message: 'Authentication failed', key: 'errors.E0000004' }]);
      }
    });

    it(`${kind.name}: recovers on an identifier-first engine`, async (t) => {
      const engine = await Served.start(t, { sections: { org: org('identifier_first', true) } });
      const recovery = new Recovery(engine, kind);
      if (kind.mode === 'step') {
        await recovery.idx.start();
        await recovery.idx.proceed({ step: 'identify', username: DEMO.user });
        await recovery.idx.proceed({ actions: ['currentAuthenticatorEnrollment-recover'] });
      } else {
        const transaction = await recovery.begin(DEMO.user);
        assert.equal(transaction.nextStep.name, 'select-authenticator-authenticate');
      }
      await recovery.selectEmail();
      const { code } = await engine.mailbox.code();
      assert.equal((await recovery.code(code)).nextStep.name, 'reset-authenticator');
      assert.equal((await recovery.password(NEW_PASSWORD)).status, 'SUCCESS');
      assert.equal((await signInByName(engine, kind, { username: DEMO.user, password: NEW_PASSWORD })).status, 'SUCCESS');
    });
  }
});

describe('enumeration prevention switched off', () => {
  const life = lifetime();
  const UNKNOWN = 'mary@unknown.example';
  const NO_ACCOUNT = [{ message: `There is no account with the Username ${UNKNOWN}.`, key: 'idx.unknown.user' }];
  let engine;
  before(async () => (engine = await Served.start(life, { sections: { org: org('one_page', false) } })));

  for (const kind of CLIENTS) {
    it(`${kind.name}: an unknown user is named at recovery, and another name goes on`, async () => {
      const recovery = new Recovery(engine, kind);
      const refused = await recovery.begin(UNKNOWN);
      assert.equal(refused.status, 'PENDING');
      assert.equal(refused.nextStep.name, 'identify-recovery');
      assert.deepEqual(messages(refused), NO_ACCOUNT);
      const accepted = kind.mode === 'step'
        ? await recovery.idx.proceed({ step: 'identify-recovery', identifier: DEMO.user })
        : await recovery.idx.recoverPassword({ username: DEMO.user });
      assert.equal(accepted.nextStep.name, 'select-authenticator-authenticate');
    });

    it(`${kind.name}: a wrong password is refused as ever`, async () => {
      const refused = await signIn(engine, kind, { username: DEMO.user, password: 'not-this-one' });
      assert.deepEqual(messages(refused), [{ message: 'Authentication failed', key: 'errors.E0000004' }]);
    });
  }
});

describe('straight to the confirmation of the mail', () => {
  for (const kind of CLIENTS.filter(({ mode }) => mode === 'legacy')) {
    it(`${kind.name}: recovers where the engine goes straight to the confirmation of the mail`, async (t) => {
      const engine = await Served.start(t, { sections: { recovery: '[recovery]\nsingle_authenticator = "verify"' } });
      const recovery = new Recovery(engine, kind);
      const confirmation = await recovery.begin(DEMO.user);
      assert.equal(confirmation.status, 'PENDING');
      assert.equal(confirmation.nextStep.name, 'authenticator-verification-data');
      assert.deepEqual(await engine.mailbox.list(), []);
      const challenge = await recovery.idx.recoverPassword({ methodType: 'email' });
      assert.equal(challenge.nextStep.name, 'challenge-authenticator');
      const { code } = await engine.mailbox.code();
      assert.equal((await recovery.code(code)).nextStep.name, 'reset-authenticator');
      assert.equal((await recovery.password(NEW_PASSWORD)).status, 'SUCCESS');
    });
  }

  for (const kind of CLIENTS.filter(({ mode }) => mode === 'legacy')) {
    it(`${kind.name}: an engine that does not sign in after a reset ends terminally, with the news`, async (t) => {
      const engine = await Served.start(t, { sections: { recovery: '[recovery]\nauto_sign_in = false' } });
      const recovery = new Recovery(engine, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      await recovery.code(mail.code);
      const end = await recovery.password(NEW_PASSWORD);
      assert.equal(end.status, 'TERMINAL');
      assert.deepEqual(messages(end).map(({ key }) => key), ['idx.recovery.completed']);
      assert.equal(recovery.idx.canProceed(), false);
      assert.equal((await signIn(engine, kind, { username: DEMO.user, password: NEW_PASSWORD })).status, 'SUCCESS');
    });
  }
});

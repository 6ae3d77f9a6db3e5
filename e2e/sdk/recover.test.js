// Unmodified auth-js recovers a password, gets tokens, and signs in with the new one.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';

import { client, CLIENTS, holding, messages, Session, stepOf } from '../rig/auth-js.js';
import { Demo, DEMO } from '../rig/engine.js';
import { postForm } from '../rig/idx.js';
import { lifetime } from '../rig/lifetime.js';
import { Recovery, signIn } from '../rig/recovery.js';
import { verifiedAccessToken, verifiedIdToken } from '../rig/tokens.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';

for (const kind of CLIENTS) {
  describe(kind.name, () => {
    let demo;
    const life = lifetime();
    before(async () => (demo = await Demo.start(life)));
    beforeEach(() => demo.reset());

    it(`${kind.name}: recovers the password, and the tokens verify`, async () => {
      const recovery = new Recovery(demo, kind);
      let transaction = await recovery.begin(DEMO.user);
      assert.equal(transaction.status, 'PENDING');
      assert.equal(transaction.nextStep.name, 'select-authenticator-authenticate');
      assert.deepEqual(messages(transaction), []);
      if (kind.mode === 'legacy') {
        const [input] = transaction.nextStep.inputs;
        assert.equal(input.name, 'authenticator');
        assert.deepEqual(input.options.map(({ label, value }) => ({ label, value })), [{ label: 'Email', value: 'okta_email' }]);
      }
      assert.deepEqual(await demo.mailbox.list(), [], 'nothing is mailed before e-mail is chosen');

      transaction = await recovery.selectEmail();
      assert.equal(transaction.status, 'PENDING');
      assert.equal(stepOf(transaction).name, 'challenge-authenticator');
      assert.equal(stepOf(transaction).authenticator.key, 'okta_email');
      const mail = await demo.mailbox.code();
      assert.match(mail.code, /^\d{6}$/);

      transaction = await recovery.code(mail.code);
      assert.equal(transaction.status, 'PENDING');
      assert.equal(transaction.nextStep.name, 'reset-authenticator');
      assert.equal(stepOf(transaction).authenticator.settings.complexity.minLength, 8);

      const { nonce } = recovery.meta;
      transaction = await recovery.password(NEW_PASSWORD);
      assert.equal(transaction.status, 'SUCCESS');
      const { idToken, accessToken, refreshToken } = transaction.tokens;
      const claims = await verifiedIdToken(demo, { idToken: idToken.idToken, accessToken: accessToken.accessToken, nonce });
      assert.equal(claims.email, DEMO.user);
      assert.equal(claims.preferred_username, DEMO.user);
      const access = await verifiedAccessToken(demo, accessToken.accessToken);
      assert.deepEqual(new Set(access.scp), new Set(['openid', 'profile', 'email', 'offline_access']));
      assert.equal(access.uid, claims.sub);
      assert.ok(refreshToken.refreshToken);

      const user = await client(demo, recovery.session, kind).token.getUserInfo(accessToken, idToken);
      assert.equal(user.sub, claims.sub);
      assert.equal(user.email, DEMO.user);
      assert.equal(user.email_verified, true);
    });

    it(`${kind.name}: the new password signs in, the old one is refused`, async () => {
      const recovery = new Recovery(demo, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      await recovery.code(mail.code);
      assert.equal((await recovery.password(NEW_PASSWORD)).status, 'SUCCESS');

      const refused = await signIn(demo, kind, { username: DEMO.user, password: DEMO.password });
      assert.equal(refused.status, 'PENDING');
      assert.deepEqual(messages(refused), [{ message: 'Authentication failed', key: 'errors.E0000004' }]);
      const accepted = await signIn(demo, kind, { username: DEMO.user, password: NEW_PASSWORD });
      assert.equal(accepted.status, 'SUCCESS');
      assert.ok(accepted.tokens.idToken.idToken);
    });

    it(`${kind.name}: the change is told by mail, without a code`, async () => {
      const recovery = new Recovery(demo, kind);
      const { mail } = await recovery.toCode(DEMO.user);
      await recovery.code(mail.code);
      await recovery.password(NEW_PASSWORD);
      const notice = await demo.mailbox.newest({ after: mail.id });
      assert.equal(notice.to, DEMO.user);
      assert.equal(notice.code, null);
      assert.match(notice.subject, /password/i);
    });
  });
}

describe('values given up front', () => {
  let demo;
  const life = lifetime();
  before(async () => (demo = await Demo.start(life)));
  beforeEach(() => demo.reset());

  for (const kind of CLIENTS.filter(({ mode }) => mode === 'legacy')) {
    it(`${kind.name}: name and authenticator in one call go straight to the code`, async () => {
      const { idx } = new Recovery(demo, kind);
      const transaction = await idx.recoverPassword({ username: DEMO.user, authenticator: 'okta_email' });
      assert.equal(transaction.status, 'PENDING');
      assert.equal(transaction.nextStep.name, 'challenge-authenticator');
      assert.ok((await demo.mailbox.code()).code);
      assert.equal((await demo.mailbox.list()).length, 1);
    });
  }
});

describe('tokens afterwards', () => {
  let demo;
  const life = lifetime();
  before(async () => (demo = await Demo.start(life)));
  beforeEach(() => demo.reset());

  // auth-js sends no secret when it renews, so only a public client can.
  const PUBLIC = { ...DEMO.spa, clientSecret: undefined };

  it('auth-js renews with the refresh token and gets another one', async (t) => {
    const session = new Session();
    const { tokens } = await signIn(demo, CLIENTS[0], { username: DEMO.user, password: DEMO.password, session, ...PUBLIC });
    const okta = holding(t, tokens, client(demo, session, PUBLIC));
    const renewed = await okta.token.renewTokens();
    assert.notEqual(renewed.accessToken.accessToken, tokens.accessToken.accessToken);
    assert.notEqual(renewed.refreshToken.refreshToken, tokens.refreshToken.refreshToken);
    await verifiedAccessToken(demo, renewed.accessToken.accessToken, DEMO.spa.clientId);
  });

  it('a public client revokes with Basic credentials that have no colon', async (t) => {
    const session = new Session();
    const { tokens } = await signIn(demo, CLIENTS[0], { username: DEMO.user, password: DEMO.password, session, ...PUBLIC });
    const okta = holding(t, tokens, client(demo, session, PUBLIC));
    const active = () =>
      postForm(`${demo.issuer}/v1/introspect`, { token: tokens.accessToken.accessToken, client_id: DEMO.spa.clientId });
    assert.equal((await active()).json.active, true);
    await okta.revokeAccessToken(tokens.accessToken);
    assert.deepEqual((await active()).json, { active: false });
    await okta.revokeRefreshToken(tokens.refreshToken);
    holding(t, tokens, okta);
    await assert.rejects(okta.token.renewTokens(), /refresh token is invalid or expired/i);
  });

  it('a public client recovers the password without any secret', async () => {
    const recovery = new Recovery(demo, CLIENTS[0], PUBLIC);
    const { mail } = await recovery.toCode(DEMO.user);
    await recovery.code(mail.code);
    const { nonce } = recovery.meta;
    const { status, tokens } = await recovery.password(NEW_PASSWORD);
    assert.equal(status, 'SUCCESS');
    await verifiedIdToken(demo, {
      idToken: tokens.idToken.idToken,
      accessToken: tokens.accessToken.accessToken,
      nonce,
      clientId: DEMO.spa.clientId,
    });
  });

  it('a refresh token from before the recovery is dead after it', async (t) => {
    const session = new Session();
    const { tokens } = await signIn(demo, CLIENTS[0], { username: DEMO.user, password: DEMO.password, session, ...PUBLIC });
    const recovery = new Recovery(demo, CLIENTS[0]);
    const { mail } = await recovery.toCode(DEMO.user);
    await recovery.code(mail.code);
    await recovery.password(NEW_PASSWORD);
    const okta = holding(t, tokens, client(demo, session, PUBLIC));
    await assert.rejects(okta.token.renewTokens(), /refresh token is invalid or expired/i);
  });
});

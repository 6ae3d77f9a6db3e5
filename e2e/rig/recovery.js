// The reference flow in the two calling styles of auth-js, behind the same five verbs.
//
// Each verb builds a new client over the session, as a server does for each request.

import { client, Session } from './auth-js.js';

/** A visitor who recovers a password with auth-js. */
export class Recovery {
  constructor(demo, kind, { session = new Session(), ...overrides } = {}) {
    Object.assign(this, { demo, kind, session, overrides });
  }

  get idx() {
    return client(this.demo, this.session, { ...this.kind, ...this.overrides }).idx;
  }

  get stepMode() {
    return this.kind.mode === 'step';
  }

  /** From nothing to the choice of an authenticator. */
  async begin(username) {
    if (!this.stepMode) return this.idx.recoverPassword({ username });
    await this.idx.start();
    await this.idx.proceed({ actions: ['currentAuthenticator-recover'] });
    return this.idx.proceed({ step: 'identify-recovery', identifier: username });
  }

  selectEmail() {
    return this.#next('select-authenticator-authenticate', { authenticator: 'okta_email' });
  }

  code(verificationCode) {
    return this.#next('challenge-authenticator', { verificationCode });
  }

  /** In step mode the default flow has no name for this form, so its own field goes out as it is. */
  password(password) {
    if (!this.stepMode) return this.idx.recoverPassword({ password });
    return this.idx.proceed({ step: 'reset-authenticator', credentials: { passcode: password } });
  }

  resend() {
    if (!this.stepMode) return this.idx.recoverPassword({ resend: true });
    return this.idx.proceed({ actions: ['currentAuthenticatorEnrollment-resend'] });
  }

  cancel() {
    return this.idx.cancel();
  }

  /** Begins, chooses e-mail and waits for the mail. */
  async toCode(username) {
    await this.begin(username);
    const transaction = await this.selectEmail();
    return { transaction, mail: await this.demo.mailbox.code({ to: username }) };
  }

  /** What auth-js has saved about the transaction, the nonce for one. */
  get meta() {
    return JSON.parse(this.session.items.get('transaction') ?? '{}');
  }

  #next(step, values) {
    return this.stepMode ? this.idx.proceed({ step, ...values }) : this.idx.recoverPassword(values);
  }
}

/** Signs in with a name and a password on one page. */
export async function signIn(demo, kind, { username, password, session = new Session(), ...overrides }) {
  const { idx } = client(demo, session, { ...kind, ...overrides });
  if (kind.mode !== 'step') return idx.authenticate({ username, password });
  await idx.start();
  return idx.proceed({ step: 'identify', username, password });
}

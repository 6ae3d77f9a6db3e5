// A sign-in with auth-js, in whichever way it is called.

import { client, Session } from './auth-js.js';
import { DEMO } from './engine.js';

/** Names one value after the other, as the guide does, or one step after the other. */
export class SignIn {
  constructor(engine, kind) {
    Object.assign(this, { engine, kind, session: new Session() });
  }

  get idx() {
    return client(this.engine, this.session, this.kind).idx;
  }

  get stepMode() {
    return this.kind.mode === 'step';
  }

  /** Name and password of one page, or the name alone. */
  async start(password) {
    const name = { username: DEMO.user, ...(password === undefined ? {} : { password }) };
    if (!this.stepMode) return this.idx.authenticate(name);
    await this.idx.start();
    return this.idx.proceed({ step: 'identify', ...name });
  }

  /** In step mode the values go to the step with this name. */
  proceed(step, values) {
    return this.stepMode ? this.idx.proceed({ step, ...values }) : this.idx.authenticate(values);
  }

  select(authenticator) {
    return this.proceed('select-authenticator-authenticate', { authenticator });
  }

  code(verificationCode) {
    return this.proceed('challenge-authenticator', { verificationCode });
  }

  /** A password on a page of its own; in step mode its own field goes out as it is. */
  password(password) {
    return this.stepMode
      ? this.idx.proceed({ step: 'challenge-authenticator', credentials: { passcode: password } })
      : this.idx.authenticate({ password });
  }

  /** A new password instead of one that is too old. */
  replace(step, newPassword) {
    return this.stepMode
      ? this.idx.proceed({ step, credentials: { passcode: newPassword } })
      : this.idx.authenticate({ newPassword });
  }

  enroll(authenticator) {
    return this.proceed('select-authenticator-enroll', { authenticator });
  }

  confirm(verificationCode) {
    return this.proceed('enroll-authenticator', { verificationCode });
  }

  skip() {
    return this.proceed('skip', { skip: true });
  }
}

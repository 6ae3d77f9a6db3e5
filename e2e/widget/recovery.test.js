// The unmodified Sign-In Widget, second and third generation, on another origin: sign-in and recovery as a person does them.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';

import { startBrowser } from '../rig/browser.js';
import { Demo, DEMO, wrongCode } from '../rig/engine.js';
import { lifetime } from '../rig/lifetime.js';
import { GENERATIONS, serveWidget, WidgetPage } from '../rig/widget.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';

let browser;
const life = lifetime();
before(async () => {
  await serveWidget(life);
  browser = await startBrowser(life);
});

for (const generation of GENERATIONS) {
  describe(generation.name, () => {
    let demo;
    before(async () => {
      demo = await Demo.start(life);
    });
    beforeEach(() => demo.reset());
    const open = (t, options) => WidgetPage.open(t, browser, { generation, engine: demo, ...options });

    it(`${generation.name}: a wrong password is refused, the right one signs in with tokens`, async (t) => {
      const widget = await open(t);
      await widget.heading('Sign In');
      await widget.picture('sign-in');
      await widget.signIn('not-the-password');
      await widget.says('Unable to sign in');
      await widget.picture('wrong-password');
      await widget.signIn(DEMO.password);
      const tokens = await widget.tokens();
      assert.equal(tokens.idToken.claims.email, DEMO.user);
      assert.equal(tokens.idToken.issuer, demo.issuer);
      assert.ok(tokens.accessToken.accessToken);
      assert.ok(tokens.refreshToken.refreshToken);
      widget.assertNoComplaints();
    });

    it(`${generation.name}: recovers a password past a wrong code, a resend, an expired code and weak passwords`, async (t) => {
      const widget = await open(t);
      await widget.toRecoverPage();
      await widget.picture('recover');
      await widget.submitName();
      await widget.picture('select');
      await widget.chooseEmail();
      const first = await demo.mailbox.code();
      await widget.page.getByLabel('Enter Code').waitFor();
      await widget.says(/^We sent you a verification email\./);
      await widget.picture('code');

      assert.equal((await widget.submitCode(wrongCode(first.code))).status(), 401);
      await widget.says('Invalid code. Try again.');
      await widget.picture('wrong-code');

      assert.equal((await widget.resend()).status(), 200);
      const second = await demo.mailbox.code({ after: first.id });
      assert.equal((await widget.submitCode(first.code)).status(), 401, 'a resend voids the code before');
      await demo.advance(301);
      assert.equal((await widget.submitCode(second.code)).status(), 401, 'five minutes are over');
      await widget.says('Invalid code. Try again.');
      await widget.picture('expired-code');

      assert.equal((await widget.resend()).status(), 200);
      const third = await demo.mailbox.code({ after: second.id });
      await widget.submitCode(third.code);
      await widget.heading('Reset your password');
      await widget.says('At least 8 characters');
      await widget.picture('reset');

      await widget.submitPasswords('short');
      await widget.says(/^Password requirements were not met/);
      await widget.picture('weak-password');
      await widget.submitPasswords('password1');
      await widget.says('This password was found in a list of commonly used passwords.');
      await widget.picture('common-password');
      await widget.submitPasswords(NEW_PASSWORD, 'something else');
      await widget.says(/^(New p|P)asswords must match/);
      await widget.picture('differing-passwords');

      await widget.submitPasswords(NEW_PASSWORD);
      const tokens = await widget.tokens();
      assert.equal(tokens.idToken.claims.email, DEMO.user);
      await widget.picture('signed-in');
      widget.assertNoComplaints();

      const later = await open(t);
      await later.signIn(DEMO.password);
      await later.says('Unable to sign in');
      await later.signIn(NEW_PASSWORD);
      await later.tokens();
      later.assertNoComplaints();
    });

    it(`${generation.name}: after five wrong codes the right one does not count, and a resend helps`, async (t) => {
      const widget = await open(t);
      const mail = await widget.toCodePage();
      for (let attempt = 1; attempt <= 5; attempt += 1) {
        assert.equal((await widget.submitCode(wrongCode(mail.code))).status(), 401, `attempt ${attempt}`);
      }
      assert.equal((await widget.submitCode(mail.code)).status(), 429);
      await widget.says(/too many/i);
      await widget.picture('too-many-codes');
      assert.equal((await widget.resend()).status(), 200);
      const next = await demo.mailbox.code({ after: mail.id });
      await widget.submitCode(next.code);
      await widget.heading('Reset your password');
      widget.assertNoComplaints();
    });

    it(`${generation.name}: goes back to sign in from every page, and signs in there`, async (t) => {
      const widget = await open(t);
      await widget.toRecoverPage();
      await widget.follow('Back to sign in');
      await widget.toRecoverPage();
      await widget.submitName();
      await widget.follow('Back to sign in');
      const mail = await widget.toCodePage();
      await widget.follow('Back to sign in');
      const next = await widget.toCodePage();
      assert.notEqual(next.id, mail.id);
      await widget.submitCode(next.code);
      await widget.heading('Reset your password');
      await widget.follow('Back to sign in');
      await widget.signIn(DEMO.password);
      await widget.tokens();
      widget.assertNoComplaints();
    });

    it(`${generation.name}: an address that nobody has sees the same pages (T-E1)`, async (t) => {
      const seen = async (name) => {
        const widget = await open(t);
        await widget.toRecoverPage();
        await widget.submitName(name);
        const texts = [await widget.text()];
        await widget.chooseEmail();
        texts.push(await widget.text());
        assert.equal((await widget.submitCode('000000')).status(), 401);
        await widget.says('Invalid code. Try again.');
        texts.push(await widget.text());
        widget.assertNoComplaints();
        return texts.map((text) => text.replaceAll(name, 'NAME'));
      };
      assert.deepEqual(await seen('alicf@example.com'), await seen(DEMO.user));
      assert.deepEqual(await demo.mailbox.list({ to: 'alicf@example.com' }), []);
    });

    it(`${generation.name}: a session that ran out says so and leads back to sign in`, async (t) => {
      const widget = await open(t);
      const mail = await widget.toCodePage();
      await demo.advance(16 * 60);
      assert.equal((await widget.submitCode(mail.code)).status(), 401);
      await widget.says(/logged out due to inactivity/);
      await widget.picture('expired-session');
      await widget.follow('Back to sign in');
      await widget.signIn(DEMO.password);
      await widget.tokens();
      widget.assertNoComplaints();
    });

    it(`${generation.name}: a reload in the middle leads on with the recovery`, async (t) => {
      const widget = await open(t);
      const mail = await widget.toCodePage();
      await widget.page.reload();
      await widget.heading('Verify with your email');
      await widget.submitCode(mail.code);
      await widget.heading('Reset your password');
      await widget.submitPasswords(NEW_PASSWORD);
      await widget.tokens();
      widget.assertNoComplaints();
    });

    it(`${generation.name}: speaks German with the language files of the package`, async (t) => {
      const widget = await open(t, { language: 'de' });
      await widget.heading('Anmelden');
      await widget.page.getByLabel('Benutzername').fill(DEMO.user);
      await widget.page.getByLabel('Passwort', { exact: true }).first().fill('falsch-falsch');
      await widget.press('Anmelden');
      await widget.says('Anmelden nicht möglich');
      await widget.picture('german');
      widget.assertNoComplaints();
    });

    it(`${generation.name}: opens at the recovery when the page wants that`, async (t) => {
      const widget = await open(t, { options: { flow: 'resetPassword' } });
      await widget.heading('Reset your password');
      await widget.submitName();
      await widget.chooseEmail();
      const { code } = await demo.mailbox.code();
      await widget.submitCode(code);
      await widget.heading('Reset your password');
      await widget.submitPasswords(NEW_PASSWORD);
      await widget.tokens();
      widget.assertNoComplaints();
    });
  });
}

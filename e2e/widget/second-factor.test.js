// A second factor, from an authenticator app or by mail, in the unmodified Sign-In Widget.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';

import { startBrowser } from '../rig/browser.js';
import { Demo, DEMO } from '../rig/engine.js';
import { lifetime } from '../rig/lifetime.js';
import { totp, wrongTotp } from '../rig/totp.js';
import { GENERATIONS, serveWidget, WidgetPage } from '../rig/widget.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';

let browser;
let demo;
const life = lifetime();
before(async () => {
  await serveWidget(life);
  browser = await startBrowser(life);
  demo = await Demo.start(life);
});
beforeEach(() => demo.reset());

for (const generation of GENERATIONS) {
  describe(generation.name, () => {
    const open = (t) => WidgetPage.open(t, browser, { generation, engine: demo });

    it(`${generation.name}: an authenticator app is asked for after the password, past a wrong code`, async (t) => {
      const widget = await open(t);
      await widget.signIn(DEMO.password, DEMO.userWithApp);
      await widget.heading('Verify with Google Authenticator');
      await widget.picture('totp');
      assert.equal((await widget.submitAppCode(wrongTotp(demo.appSecret))).status(), 401);
      await widget.says('Invalid code. Try again.');
      await widget.picture('totp-refused');
      assert.equal((await widget.submitAppCode(totp(demo.appSecret))).status(), 200);
      const tokens = await widget.tokens();
      assert.equal(tokens.idToken.claims.email, DEMO.userWithApp);
      widget.assertNoComplaints();
    });

    it(`${generation.name}: a code by mail is chosen after the password`, async (t) => {
      const widget = await open(t);
      await widget.signIn(DEMO.password, DEMO.userWithMail);
      await widget.says(/^Verify it.s you with a security method/);
      await widget.picture('second-factor-select');
      await widget.chooseEmail();
      const { code } = await demo.mailbox.code({ to: DEMO.userWithMail });
      await widget.picture('second-factor-mail');
      await widget.submitCode(code);
      const tokens = await widget.tokens();
      assert.equal(tokens.idToken.claims.email, DEMO.userWithMail);
      widget.assertNoComplaints();
    });

    it(`${generation.name}: T-S13: a recovery asks for it before there are tokens`, async (t) => {
      const widget = await open(t);
      await widget.toCodePage(DEMO.userWithApp);
      const { code } = await demo.mailbox.code({ to: DEMO.userWithApp });
      await widget.submitCode(code);
      await widget.heading('Reset your password');
      await widget.submitPasswords(NEW_PASSWORD);
      await widget.heading('Verify with Google Authenticator');
      await widget.submitAppCode(totp(demo.appSecret));
      const tokens = await widget.tokens();
      assert.equal(tokens.idToken.claims.email, DEMO.userWithApp);
      widget.assertNoComplaints();
    });
  });
}

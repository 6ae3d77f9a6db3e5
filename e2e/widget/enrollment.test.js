// An authenticator app that is set up at the sign-in, in the unmodified Sign-In Widget.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { startBrowser } from '../rig/browser.js';
import { DEMO } from '../rig/engine.js';
import { lifetime } from '../rig/lifetime.js';
import { Served } from '../rig/serve.js';
import { totp, wrongTotp } from '../rig/totp.js';
import { GENERATIONS, serveWidget, WidgetPage } from '../rig/widget.js';

let browser;
let origin;
const life = lifetime();
before(async () => {
  origin = await serveWidget(life);
  browser = await startBrowser(life);
});

const engineWith = (t, enrollment) => Served.start(t, {
  sections: {
    org: `[org]\nname = "Example"\ntrusted_origins = ["${origin}"]`,
    enrollment: `[enrollment]\n${enrollment} = ["google_otp"]`,
  },
});

for (const generation of GENERATIONS) {
  describe(generation.name, () => {
    it(`${generation.name}: an authenticator app is set up where everybody must have one, past a wrong code`, async (t) => {
      const engine = await engineWith(t, 'required');
      const widget = await WidgetPage.open(t, browser, { generation, engine });
      await widget.signIn(DEMO.password);
      await widget.heading('Set up security methods');
      await widget.picture('enroll-select');
      const shown = await widget.answerTo('/idp/idx/credential/enroll', () => widget.setUp('Google Authenticator'));
      const { sharedSecret } = (await shown.json()).currentAuthenticator.value.contextualData;
      await widget.heading('Set up Google Authenticator');
      await widget.picture('enroll-app');
      await widget.toAppCode();
      await widget.picture('enroll-app-code');
      assert.equal((await widget.submitAppCode(wrongTotp(sharedSecret))).status(), 401);
      await widget.says('Invalid code. Try again.');
      await widget.submitAppCode(totp(sharedSecret));
      const tokens = await widget.tokens();
      assert.equal(tokens.idToken.claims.email, DEMO.user);
      widget.assertNoComplaints();
    });

    it(`${generation.name}: an authenticator app that is offered can be left for another time`, async (t) => {
      const engine = await engineWith(t, 'optional');
      const widget = await WidgetPage.open(t, browser, { generation, engine });
      await widget.signIn(DEMO.password);
      await widget.heading('Set up security methods');
      await widget.picture('enroll-optional');
      await widget.skip();
      const tokens = await widget.tokens();
      assert.equal(tokens.idToken.claims.email, DEMO.user);
      widget.assertNoComplaints();
    });
  });
}

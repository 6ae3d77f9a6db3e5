// The unmodified Sign-In Widget where the org is set up otherwise than the demo's.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { startBrowser } from '../rig/browser.js';
import { DEMO, freePort } from '../rig/engine.js';
import { lifetime } from '../rig/lifetime.js';
import { Served } from '../rig/serve.js';
import { GENERATIONS, serveWidget, WidgetPage } from '../rig/widget.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';

let browser;
let origin;
const life = lifetime();
before(async () => {
  origin = await serveWidget(life, `http://localhost:${await freePort()}`);
  browser = await startBrowser(life);
});

/** An engine whose org has these lines in its configuration, and the widget's page as its one client. */
function serve(t, { org, recovery = '' }) {
  return Served.start(t, {
    sections: {
      org: `[org]\nname = "Example"\ntrusted_origins = ["${origin}"]\n${org}`,
      recovery: `[recovery]\n${recovery}`,
      clients: `[[clients]]\nid = "${DEMO.spa.clientId}"\nlabel = "Shop"\nredirect_uris = ["${origin}/login/callback"]`,
    },
  });
}

async function finish(widget, engine) {
  const { code } = await engine.mailbox.code();
  await widget.submitCode(code);
  await widget.heading('Reset your password');
  await widget.submitPasswords(NEW_PASSWORD);
  const tokens = await widget.tokens();
  assert.equal(tokens.idToken.claims.email, DEMO.user);
  widget.assertNoComplaints();
}

for (const generation of GENERATIONS) {
  describe(generation.name, () => {
    const open = (t, engine) => WidgetPage.open(t, browser, { generation, engine, origin });

    it(`${generation.name}, identifier first: signs in with a name, then a password, and recovers from there`, async (t) => {
      const engine = await serve(t, { org: 'sign_in_mode = "identifier_first"' });
      const widget = await open(t, engine);
      const submitName = async () => {
        await widget.heading('Sign In');
        await widget.fill('Username', DEMO.user);
        await widget.press('Next');
        await widget.heading('Verify with your password');
      };
      await submitName();
      await widget.picture('identifier-first-password');
      await widget.fill('Password', 'not-the-password');
      await widget.press('Verify');
      await widget.says('Unable to sign in');
      await widget.fill('Password', DEMO.password);
      await widget.press('Verify');
      await widget.tokens();
      widget.assertNoComplaints();

      const later = await open(t, engine);
      await later.heading('Sign In');
      await later.fill('Username', DEMO.user);
      await later.press('Next');
      await later.heading('Verify with your password');
      await later.follow('Forgot password?');
      await later.says('Verify with one of the following security methods');
      await later.picture('identifier-first-select');
      await later.chooseEmail();
      await finish(later, engine);
    });

    it(`${generation.name}, single authenticator verify: asks before it sends the mail`, async (t) => {
      const engine = await serve(t, { org: 'sign_in_mode = "one_page"', recovery: 'single_authenticator = "verify"' });
      const widget = await open(t, engine);
      await widget.toRecoverPage();
      await widget.fill('Email or Username', DEMO.user);
      await widget.press('Next');
      await widget.heading('Get a verification email');
      await widget.picture('verification-data');
      assert.deepEqual(await engine.mailbox.list({ to: DEMO.user }), [], 'nothing is sent before the person wants it');
      await widget.press('Send me an email');
      await widget.heading('Verify with your email');
      await finish(widget, engine);
    });

    it(`${generation.name}, enumeration prevention off: says that nobody has the name, and shows the masked address`, async (t) => {
      const engine = await serve(t, { org: 'sign_in_mode = "one_page"\nuser_enumeration_prevention = false' });
      const widget = await open(t, engine);
      await widget.toRecoverPage();
      await widget.fill('Email or Username', 'alicf@example.com');
      await widget.press('Next');
      await widget.says('There is no account with the Username alicf@example.com.');
      await widget.picture('unknown-name');
      await widget.submitName();
      await widget.chooseEmail();
      await widget.says('a***e@example.com');
      await widget.picture('masked-address');
      await finish(widget, engine);
    });
  });
}

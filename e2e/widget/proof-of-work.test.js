// The unmodified Sign-In Widget pays for a recovery with its own proof of work (M-03).

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

function serve(t, mode) {
  return Served.start(t, {
    sections: {
      org: `[org]\nname = "Example"\ntrusted_origins = ["${origin}"]\nsign_in_mode = "${mode}"`,
      recovery: '[recovery]\nproof_of_work = "always"',
      clients: `[[clients]]\nid = "${DEMO.spa.clientId}"\nlabel = "Shop"\nredirect_uris = ["${origin}/login/callback"]`,
    },
  });
}

async function payAndFinish(widget, engine) {
  const [paid] = await Promise.all([
    widget.page.waitForResponse((response) => response.request().postData()?.includes('captchaToken')),
    widget.press('Next'),
  ]);
  assert.equal(paid.status(), 200);
  await widget.says('Verify with one of the following security methods');
  await widget.chooseEmail();
  const { code } = await engine.mailbox.code();
  await widget.submitCode(code);
  await widget.heading('Reset your password');
  await widget.submitPasswords(NEW_PASSWORD);
  await widget.tokens();
  widget.assertNoComplaints();
}

for (const generation of GENERATIONS) {
  describe(generation.name, () => {
    const open = (t, engine) => WidgetPage.open(t, browser, { generation, engine, origin });

    it(`${generation.name}: does the work that a recovery costs, and goes on (M-03)`, async (t) => {
      const engine = await serve(t, 'one_page');
      const widget = await open(t, engine);
      await widget.toRecoverPage();
      await widget.fill('Email or Username', DEMO.user);
      await widget.press('Next');
      await widget.says(/^There were many requests/);
      await widget.picture('work-demanded');
      await payAndFinish(widget, engine);
    });

    it(`${generation.name}, identifier first: does the work on the page of the recovery (M-03)`, async (t) => {
      const engine = await serve(t, 'identifier_first');
      const widget = await open(t, engine);
      await widget.heading('Sign In');
      await widget.fill('Username', DEMO.user);
      await widget.press('Next');
      await widget.heading('Verify with your password');
      await widget.follow('Forgot password?');
      await widget.heading('Reset your password');
      await widget.says(/^There were many requests/);
      await payAndFinish(widget, engine);
    });
  });
}

// A password that is too old, or soon is, in the unmodified Sign-In Widget.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { startBrowser } from '../rig/browser.js';
import { DEMO } from '../rig/engine.js';
import { lifetime } from '../rig/lifetime.js';
import { Served } from '../rig/serve.js';
import { GENERATIONS, serveWidget, WidgetPage } from '../rig/widget.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';
const DAY = 24 * 60 * 60;

let browser;
let origin;
const life = lifetime();
before(async () => {
  origin = await serveWidget(life);
  browser = await startBrowser(life);
});

async function engineAfter(t, days) {
  const engine = await Served.start(t, {
    sections: {
      org: `[org]\nname = "Example"\ntrusted_origins = ["${origin}"]`,
      password: '[password]\nmax_age_days = 90\nwarn_days = 7',
    },
  });
  await engine.advance(days * DAY);
  return engine;
}

for (const generation of GENERATIONS) {
  describe(generation.name, () => {
    it(`${generation.name}: a password that is too old is replaced past a weak one`, async (t) => {
      const engine = await engineAfter(t, 91);
      const widget = await WidgetPage.open(t, browser, { generation, engine });
      await widget.signIn(DEMO.password);
      await widget.says('Your password has expired');
      await widget.picture('password-expired');
      await widget.fill('New password', 'short');
      await widget.fill('Re-enter password', 'short');
      await widget.press('Change Password');
      await widget.says(/[Pp]assword requirements (were|was) not met|At least 8 characters/);
      await widget.fill('New password', NEW_PASSWORD);
      await widget.fill('Re-enter password', NEW_PASSWORD);
      await widget.press('Change Password');
      const tokens = await widget.tokens();
      assert.equal(tokens.idToken.claims.email, DEMO.user);
      widget.assertNoComplaints();
    });

    it(`${generation.name}: a password that soon is too old may wait`, async (t) => {
      const engine = await engineAfter(t, 86);
      const widget = await WidgetPage.open(t, browser, { generation, engine });
      await widget.signIn(DEMO.password);
      await widget.says('Your password will expire in 4 days');
      await widget.picture('password-expiring');
      await widget.skipForNow();
      const tokens = await widget.tokens();
      assert.equal(tokens.idToken.claims.email, DEMO.user);
      widget.assertNoComplaints();
    });
  });
}

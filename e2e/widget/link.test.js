// The link in a mail with the unmodified Sign-In Widget: it waits, and goes on when the link was opened.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { startBrowser } from '../rig/browser.js';
import { DEMO } from '../rig/engine.js';
import { lifetime } from '../rig/lifetime.js';
import { Served } from '../rig/serve.js';
import { GENERATIONS, serveWidget, WidgetPage } from '../rig/widget.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';

let browser;
let origin;
const life = lifetime();
before(async () => {
  origin = await serveWidget(life);
  browser = await startBrowser(life);
});

/** An engine whose app takes links on the page of the widget. */
const engineWithLinks = (t) => Served.start(t, {
  sections: {
    org: `[org]\nname = "Example"\ntrusted_origins = ["${origin}"]`,
    clients: [
      '[[clients]]', `id = "${DEMO.spa.clientId}"`, 'label = "Example page"', `redirect_uris = ["${DEMO.redirectUri}"]`,
      `email_verification_uri = "${origin}/login"`,
    ].join('\n'),
  },
});

async function atCode(t, generation) {
  const engine = await engineWithLinks(t);
  const widget = await WidgetPage.open(t, browser, { generation, engine });
  await widget.toRecoverPage();
  await widget.submitName();
  await widget.chooseEmail();
  return { engine, widget, mail: await engine.mailbox.code() };
}

for (const generation of GENERATIONS) {
  describe(generation.name, () => {
    it(`${generation.name}: waits for the link, and takes the code all the same`, async (t) => {
      const { widget, mail } = await atCode(t, generation);
      await widget.says(/We sent (you a verification email|an email)/);
      await widget.picture('link-awaited');
      await widget.enterCodeInstead();
      await widget.submitCode(mail.code);
      await widget.heading('Reset your password');
      widget.assertNoComplaints();
    });

    it(`${generation.name}: goes on by itself when the code was answered elsewhere`, async (t) => {
      const { widget, mail, engine } = await atCode(t, generation);
      await widget.answerElsewhere(engine, mail.code);
      await widget.waitForPoll();
      await widget.heading('Reset your password');
      await widget.submitPasswords(NEW_PASSWORD);
      const tokens = await widget.tokens();
      assert.equal(tokens.idToken.claims.email, DEMO.user);
      widget.assertNoComplaints();
    });

    it(`${generation.name}: goes on in the tab that the link opened in the same browser`, async (t) => {
      const { widget, mail } = await atCode(t, generation);
      const page = await widget.person.tab(mail.link);
      const { searchParams } = new URL(await page.locator('#continue').getAttribute('href'));
      const tab = await WidgetPage.open(t, browser, {
        generation, engine: widget.engine, person: widget.person,
        options: { otp: searchParams.get('otp'), state: searchParams.get('state') },
      });
      // The third generation finds the flow, and leaves the code to be typed.
      if (generation.name === 'gen3') {
        await tab.enterCodeInstead();
        await tab.submitCode(mail.code);
      }
      await tab.heading('Reset your password');
      await tab.submitPasswords(NEW_PASSWORD);
      const tokens = await tab.tokens();
      assert.equal(tokens.idToken.claims.email, DEMO.user);
    });

    it(`${generation.name}: another browser that opens the link shows the code`, async (t) => {
      const { widget, mail } = await atCode(t, generation);
      const other = await WidgetPage.open(t, browser, { generation, engine: widget.engine });
      await other.page.goto(mail.link);
      const href = await other.page.locator('#continue').getAttribute('href');
      const { searchParams } = new URL(href);
      assert.equal(searchParams.get('otp'), mail.code);
      assert.equal(await other.page.locator('#code').innerText(), mail.code);
      const elsewhere = await WidgetPage.open(t, browser, {
        generation, engine: widget.engine, options: { otp: searchParams.get('otp'), state: searchParams.get('state') },
      });
      await elsewhere.says('Your verification code');
      await elsewhere.picture('link-elsewhere');
      // The third generation leaves the place of the code empty.
      if (generation.name === 'gen2') await elsewhere.says(mail.code);
    });
  });
}

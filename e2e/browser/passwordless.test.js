// Sign-ins that begin with the name: I1, I2 and I3 are scenarios of the web app.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { heading, Person, portrait, startBrowser, submit } from '../rig/browser.js';
import { DEMO, freePort } from '../rig/engine.js';
import { assertSignedIn, chooseEmail, submitCode } from '../rig/journey.js';
import { lifetime } from '../rig/lifetime.js';
import { App, configuration, Served } from '../rig/serve.js';

const life = lifetime();
let browser;
before(async () => {
  browser = await startBrowser(life);
});

/** At the choice, after the name. */
async function atChoice(t) {
  const appPort = await freePort();
  const clients = /\[\[clients\]\][^]*/.exec(configuration({ port: 0, appPort }))[0]
    .replace('secret = ', `email_verification_uri = "http://localhost:${appPort}/login/callback"\nsecret = `);
  const engine = await Served.start(t, {
    appPort,
    sections: {
      org: '[org]\nname = "Example"\nsign_in_mode = "identifier_first"',
      sign_in: '[sign_in]\nfirst_factors = ["okta_email", "okta_password"]',
      clients,
    },
  });
  const { app } = await App.start(t, { issuer: engine.issuer, port: appPort });
  const person = await Person.arrive(t, browser);
  const page = await person.tab(`${app}/login`);
  assert.equal(await page.locator('#password').count(), 0);
  await page.locator('#username').fill(DEMO.user);
  await submit(page);
  await page.locator('#select-authenticator-page-title-header').waitFor();
  return { engine, app, person, page };
}

describe('a sign-in that begins with the name', () => {
  it('I1: a code by mail signs in', async (t) => {
    const { engine, app, person, page } = await atChoice(t);
    await portrait(page, 'first-factor-select');
    await chooseEmail(page);
    const { code } = await engine.mailbox.code();
    await submitCode(page, code);
    await assertSignedIn(page, app);
    person.assertNoComplaints();
  });

  it('I2: the link of the mail signs in, in the same browser', async (t) => {
    const { engine, app, person, page } = await atChoice(t);
    await chooseEmail(page);
    const { link } = await engine.mailbox.code();
    const tab = await person.tab(link);
    await tab.locator('#continue').click();
    await tab.locator('input[name=verificationCode]').waitFor();
    await submit(tab);
    await assertSignedIn(tab, app);
    await page.bringToFront();
    await page.locator('#profile-table').waitFor();
    person.assertNoComplaints();
  });

  it('I3: the password signs in', async (t) => {
    const { app, person, page } = await atChoice(t);
    await page.locator('input[name=authenticator][value=okta_password]').check();
    await submit(page);
    assert.equal(await heading(page), 'Enter your password');
    await page.locator('#password').fill(DEMO.password);
    await submit(page);
    await assertSignedIn(page, app);
    person.assertNoComplaints();
  });
});

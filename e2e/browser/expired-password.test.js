// A password that is too old, or soon is, in the web app.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { messagesOn, Person, portrait, startBrowser } from '../rig/browser.js';
import { DEMO, freePort } from '../rig/engine.js';
import { assertSignedIn, signIn, submitPasswords } from '../rig/journey.js';
import { lifetime } from '../rig/lifetime.js';
import { App, Served } from '../rig/serve.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';
const DAY = 24 * 60 * 60;

const life = lifetime();
let browser;
before(async () => {
  browser = await startBrowser(life);
});

async function start(t, days) {
  const appPort = await freePort();
  const engine = await Served.start(t, { appPort, sections: { password: '[password]\nmax_age_days = 90\nwarn_days = 7' } });
  await engine.advance(days * DAY);
  const { app } = await App.start(t, { issuer: engine.issuer, port: appPort });
  const person = await Person.arrive(t, browser);
  return { app, person, page: await person.tab() };
}

describe('an old password', () => {
  it('is replaced at the sign-in, past the old one and a weak one', async (t) => {
    const { app, person, page } = await start(t, 91);
    await signIn(page, app, DEMO.password);
    await page.locator('#confirm-password').waitFor();
    assert.match(await page.locator('.lead').innerText(), /expired/);
    assert.equal(await page.locator('#skip-button').count(), 0);
    await portrait(page, 'password-expired');
    await submitPasswords(page, 'short');
    assert.match((await messagesOn(page)).join(' '), /requirements/i);
    await submitPasswords(page, NEW_PASSWORD);
    await assertSignedIn(page, app);
    person.assertNoComplaints();
  });

  it('may wait while there are days left', async (t) => {
    const { app, person, page } = await start(t, 86);
    await signIn(page, app, DEMO.password);
    await page.locator('#skip-button').waitFor();
    await portrait(page, 'password-expiring');
    await page.locator('#skip-button').click();
    await assertSignedIn(page, app);
    person.assertNoComplaints();
  });
});

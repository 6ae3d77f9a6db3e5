// Whoever has a second factor is asked for it, after a recovery as well. T3 is a scenario of the web app.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';

import { heading, Person, portrait, startBrowser } from '../rig/browser.js';
import { Demo, DEMO } from '../rig/engine.js';
import { assertSignedIn, chooseEmail, signIn, submitCode, submitName, submitPasswords, toRecoverPage } from '../rig/journey.js';
import { lifetime } from '../rig/lifetime.js';
import { totp, wrongTotp } from '../rig/totp.js';

const life = lifetime();
let demo;
let browser;
before(async () => {
  demo = await Demo.start(life);
  browser = await startBrowser(life);
});
beforeEach(() => demo.reset());

async function assertAsksForApp(page) {
  await page.locator('input[name=verificationCode]').waitFor();
  assert.equal(new URL(page.url()).pathname, '/challenge-authenticator/google_otp');
  assert.equal(await heading(page), 'Challenge Google Authenticator');
}

describe('a code by mail', () => {
  it('is chosen after name and password, and signs in', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await signIn(page, demo.app, DEMO.password, DEMO.userWithMail);
    await page.locator('#select-authenticator-page-title-header').waitFor();
    await portrait(page, 'second-factor-select');
    await chooseEmail(page);
    await portrait(page, 'second-factor-mail');
    const { code } = await demo.mailbox.code({ to: DEMO.userWithMail });
    await submitCode(page, code);
    await assertSignedIn(page, demo.app, DEMO.userWithMail);
    person.assertNoComplaints();
  });

  it('T-S13: a recovery by mail asks for another mail', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toRecoverPage(page, demo.app);
    await submitName(page, DEMO.userWithMail);
    await chooseEmail(page);
    const mail = await demo.mailbox.code({ to: DEMO.userWithMail });
    await submitCode(page, mail.code);
    await submitPasswords(page, 'Brass-Kettle-77-north');
    await page.locator('#select-authenticator-page-title-header').waitFor();
    await chooseEmail(page);
    const another = await demo.mailbox.newest({
      to: DEMO.userWithMail, after: mail.id, matching: ({ subject }) => /sign in/.test(subject),
    });
    await submitCode(page, another.code);
    await assertSignedIn(page, demo.app, DEMO.userWithMail);
    person.assertNoComplaints();
  });
});

describe('an authenticator app', () => {
  it('T3: is asked for after name and password, and its code signs in', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await signIn(page, demo.app, DEMO.password, DEMO.userWithApp);
    await assertAsksForApp(page);
    await portrait(page, 'totp');
    await submitCode(page, wrongTotp(demo.appSecret));
    await page.getByText('Invalid code. Try again.').first().waitFor();
    await portrait(page, 'totp-refused');
    await submitCode(page, totp(demo.appSecret));
    await assertSignedIn(page, demo.app, DEMO.userWithApp);
    person.assertNoComplaints();
  });

  it('T-S13: a recovery by mail asks for it before it signs in', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toRecoverPage(page, demo.app);
    await submitName(page, DEMO.userWithApp);
    await chooseEmail(page);
    const { code } = await demo.mailbox.code({ to: DEMO.userWithApp });
    await submitCode(page, code);
    await submitPasswords(page, 'Brass-Kettle-77-north');
    await assertAsksForApp(page);
    await submitCode(page, totp(demo.appSecret));
    await assertSignedIn(page, demo.app, DEMO.userWithApp);
    person.assertNoComplaints();
  });
});

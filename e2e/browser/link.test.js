// The link in a mail: in the browser that asked it goes on, elsewhere it shows the code. M3 is a scenario of the web app.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';

import { heading, Person, portrait, startBrowser, submit } from '../rig/browser.js';
import { Demo, DEMO } from '../rig/engine.js';
import { assertSignedIn, chooseEmail, signIn, submitCode, submitPasswords, toCodePage } from '../rig/journey.js';
import { lifetime } from '../rig/lifetime.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';

const life = lifetime();
let demo;
let browser;
before(async () => {
  demo = await Demo.start(life);
  browser = await startBrowser(life);
});
beforeEach(() => demo.reset());

/** The page that the link leads to; it must not stay in the address bar. */
async function open(person, link) {
  const page = await person.tab(link);
  await page.locator('#continue').waitFor();
  assert.equal(new URL(page.url()).search, '');
  return page;
}

describe('the link in a mail', () => {
  it('goes on with a recovery in the same browser, and the tab that waits follows', async (t) => {
    const person = await Person.arrive(t, browser);
    const waiting = await person.tab();
    const mail = await toCodePage(waiting, demo);
    assert.match(await waiting.locator('.lead').innerText(), /Open its link in this browser/);
    await portrait(waiting, 'code-or-link');
    assert.ok(mail.link.startsWith(`${demo.engine}/email/verify/`), mail.link);
    const page = await open(person, mail.link);
    await portrait(page, 'link');
    await page.locator('#continue').click();
    await page.locator('input[name=verificationCode]').waitFor();
    assert.equal(await page.locator('input[name=verificationCode]').inputValue(), mail.code);
    await submit(page);
    await page.locator('#confirm-password').waitFor();
    // The first tab was not touched since.
    await waiting.bringToFront();
    await waiting.locator('#confirm-password').waitFor();
    await submitPasswords(waiting, NEW_PASSWORD);
    await assertSignedIn(waiting, demo.app);
    person.assertNoComplaints();
  });

  it('M3: goes on with a sign-in after the password, in the same browser', async (t) => {
    const person = await Person.arrive(t, browser);
    const waiting = await person.tab();
    await signIn(waiting, demo.app, DEMO.password, DEMO.userWithMail);
    await waiting.locator('#select-authenticator-page-title-header').waitFor();
    await chooseEmail(waiting);
    const { link } = await demo.mailbox.code({ to: DEMO.userWithMail });
    const page = await open(person, link);
    await page.locator('#continue').click();
    await page.locator('input[name=verificationCode]').waitFor();
    await submit(page);
    await assertSignedIn(page, demo.app, DEMO.userWithMail);
    person.assertNoComplaints();
  });

  it('T-L1, T-L2, T-L5: shows the code in another browser, whatever is pressed there, and asks nobody else', async (t) => {
    const person = await Person.arrive(t, browser);
    const waiting = await person.tab();
    const mail = await toCodePage(waiting, demo);
    const stranger = await Person.arrive(t, browser);
    const page = await stranger.tab();
    const asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).origin));
    await page.goto(mail.link);
    assert.equal(await page.locator('#code').innerText(), mail.code);
    const known = await page.locator('dl').innerText();
    assert.match(known, /Regain demo/);
    assert.match(known, /Chrome, Linux/);
    await page.locator('#continue').click();
    assert.equal(await heading(page), 'Your code');
    assert.ok((await page.locator('main').innerText()).includes(mail.code));
    await portrait(page, 'code-elsewhere');
    assert.deepEqual([...new Set(asked)].sort(), [new URL(demo.engine).origin, new URL(demo.app).origin].sort());
    const cookies = await page.context().cookies();
    assert.deepEqual(cookies.filter(({ domain, name }) => new URL(demo.engine).hostname === domain && /^(idx|sid|DT)$/.test(name)), []);
    for (const path of ['/', '/reset-password', '/challenge-authenticator/okta_email']) {
      await page.goto(`${demo.app}${path}`);
      assert.equal(await page.locator('#confirm-password, #profile-table').count(), 0, path);
    }
    await submitCode(waiting, mail.code);
    await waiting.locator('#confirm-password').waitFor();
    const used = await stranger.tab(mail.link);
    assert.match(await used.locator('#problem').innerText(), /It was used already/);
    await portrait(used, 'link-used');
    stranger.complaints = stranger.complaints.filter((complaint) => !/status of 410/.test(complaint));
    stranger.assertNoComplaints();
    person.assertNoComplaints();
  });
});

// The web app, when a recovery costs proof of work (M-03): the browser pays, and the person notices a pause.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { heading, messagesOn, Person, portrait, startBrowser, submit } from '../rig/browser.js';
import { DEMO, freePort } from '../rig/engine.js';
import { assertSignedIn, chooseEmail, submitCode, submitPasswords, toRecoverPage } from '../rig/journey.js';
import { lifetime } from '../rig/lifetime.js';
import { App, Served } from '../rig/serve.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';

const life = lifetime();
let browser;
let engine;
let app;
before(async () => {
  const appPort = await freePort();
  engine = await Served.start(life, { appPort, sections: { recovery: '[recovery]\nproof_of_work = "always"' } });
  app = await App.start(life, { issuer: engine.issuer, port: appPort });
  browser = await startBrowser(life);
});

async function typeName(page, name) {
  await page.locator('#username').fill(name);
  await submit(page);
}

describe('a recovery that costs proof of work', () => {
  it('is paid for by the browser, and goes on by itself', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toRecoverPage(page, app.app);
    await typeName(page, DEMO.user);
    await page.locator('#select-authenticator-page-title-header').waitFor();
    await chooseEmail(page);
    const { code } = await engine.mailbox.code();
    await submitCode(page, code);
    await submitPasswords(page, NEW_PASSWORD);
    await assertSignedIn(page, app.app);
    person.assertNoComplaints();
  });

  it('is the same for a name that nobody has', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toRecoverPage(page, app.app);
    await typeName(page, 'nobody@example.com');
    await page.locator('#select-authenticator-page-title-header').waitFor();
    person.assertNoComplaints();
  });

  it('shows what it does meanwhile, and says it to everybody', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    // A browser whose calculation never ends: the page stays to be looked at.
    await page.addInitScript(() => {
      window.crypto.subtle.digest = () => new Promise(() => {});
    });
    await toRecoverPage(page, app.app);
    await typeName(page, DEMO.user);
    await page.locator('#work-progress').waitFor();
    assert.equal(await heading(page), 'Recover password');
    assert.match((await messagesOn(page)).join(' '), /^There were many requests/);
    assert.match(await page.locator('#work-status').innerText(), /^Your browser is calculating: 0 %/);
    assert.equal(await page.locator('#username').inputValue(), DEMO.user);
    await portrait(page, 'work-demanded');
    person.assertNoComplaints();
  });

  it('is refused in words where there is no JavaScript, and nothing is lost', async (t) => {
    const person = await Person.arrive(t, browser, { javaScriptEnabled: false });
    const page = await person.tab();
    await toRecoverPage(page, app.app);
    await typeName(page, DEMO.user);
    assert.match((await messagesOn(page)).join(' '), /^Too many requests/);
    assert.equal(await page.locator('#username').inputValue(), DEMO.user);
  });
});

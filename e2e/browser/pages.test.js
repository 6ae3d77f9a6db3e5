// Every page, light and dark, desktop and phone: axe finds nothing, nothing overflows, pictures are kept.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';

import { heading, Person, portrait, startBrowser, submit } from '../rig/browser.js';
import { Demo, DEMO, freePort, wrongCode } from '../rig/engine.js';
import {
  assertSignedIn, chooseEmail, signIn, submitCode, submitName, submitPasswords, toCodePage, toRecoverPage, toResetPage,
} from '../rig/journey.js';
import { call } from '../rig/idx.js';
import { lifetime } from '../rig/lifetime.js';
import { App, Served } from '../rig/serve.js';

const life = lifetime();
let demo;
let browser;
before(async () => {
  demo = await Demo.start(life);
  browser = await startBrowser(life);
});
beforeEach(() => demo.reset());

/** Pages by the name of their pictures, each with the way to it. */
const PAGES = {
  'home-signed-out': (page) => page.goto(demo.app),
  'sign-in': (page) => page.goto(`${demo.app}/login`),
  'sign-in-refused': (page) => signIn(page, demo.app, 'not-this-one'),
  recover: (page) => toRecoverPage(page, demo.app),
  'select-authenticator': async (page) => {
    await toRecoverPage(page, demo.app);
    await submitName(page);
  },
  code: (page) => toCodePage(page, demo),
  'code-refused': async (page) => {
    const mail = await toCodePage(page, demo);
    await submitCode(page, wrongCode(mail.code));
  },
  'new-password': (page) => toResetPage(page, demo),
  'new-password-refused': async (page) => {
    await toResetPage(page, demo);
    await submitPasswords(page, 'short');
  },
  'new-password-differs': async (page) => {
    await toResetPage(page, demo);
    await submitPasswords(page, 'Brass-Kettle-77-north', 'something else');
  },
  'home-after-recovery': async (page) => {
    await toResetPage(page, demo);
    await submitPasswords(page, 'Brass-Kettle-77-north');
    await assertSignedIn(page, demo.app);
  },
  'home-signed-in': async (page) => {
    await signIn(page, demo.app, DEMO.password);
    await assertSignedIn(page, demo.app);
    await page.reload();
  },
  'expired-transaction': async (page) => {
    const mail = await toCodePage(page, demo);
    await demo.advance(61 * 60);
    await submitCode(page, mail.code);
    await page.locator('h1').waitFor();
  },
  'not-found': (page) => page.goto(`${demo.app}/no-such-page`),
  mailbox: async (page) => {
    await toCodePage(page, demo);
    await page.goto(`${demo.engine}/dev/mailbox`);
    await page.getByText(DEMO.user).first().waitFor();
  },
};

describe('pages', () => {
  for (const [name, reach] of Object.entries(PAGES)) {
    it(`the page ${name} is accessible in every scheme and size`, async (t) => {
      const person = await Person.arrive(t, browser);
      const page = await person.tab();
      await reach(page);
      await portrait(page, name);
      person.assertNoComplaints();
    });
  }

  it('the page of an engine that is down is accessible too', async (t) => {
    const appPort = await freePort();
    const app = await App.start(t, { issuer: `http://localhost:${await freePort()}/oauth2/default`, port: appPort });
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    const response = await page.goto(`${app.app}/login`);
    assert.equal(response.status(), 502);
    await portrait(page, 'engine-down');
    person.assertNoComplaints();
  });

  it('an engine that does not sign in after a reset ends on a page that says so and leads on', async (t) => {
    const appPort = await freePort();
    const engine = await Served.start(t, { appPort, sections: { recovery: '[recovery]\nauto_sign_in = false' } });
    const app = await App.start(t, { issuer: engine.issuer, port: appPort });
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toResetPage(page, { app: app.app, mailbox: engine.mailbox });
    await submitPasswords(page, 'Brass-Kettle-77-north');
    assert.match(await page.locator('main').innerText(), /password/i);
    assert.equal(await page.locator('#profile-table').count(), 0);
    await portrait(page, 'terminal');
    await page.locator('#next-action').click();
    await page.locator('#password').waitFor();
    await signIn(page, app.app, 'Brass-Kettle-77-north');
    await assertSignedIn(page, app.app);
    person.assertNoComplaints();
  });

  it('an identifier-first engine gets two pages, and recovery starts from the second', async (t) => {
    const appPort = await freePort();
    const org = `[org]\nname = "Example"\nsign_in_mode = "identifier_first"\nuser_enumeration_prevention = true\ntrusted_origins = []`;
    const engine = await Served.start(t, { appPort, sections: { org } });
    const app = await App.start(t, { issuer: engine.issuer, port: appPort });
    const person = await Person.arrive(t, browser);
    const page = await person.tab(`${app.app}/login`);
    assert.equal(await page.locator('#password').count(), 0);
    await page.locator('#username').fill(DEMO.user);
    await submit(page);
    await page.locator('#password').waitFor();
    assert.equal(await heading(page), 'Enter your password');
    await portrait(page, 'enter-password');
    await page.locator('#password').fill(DEMO.password);
    await submit(page);
    await assertSignedIn(page, app.app);

    const other = await Person.arrive(t, browser);
    const tab = await other.tab(`${app.app}/login`);
    await tab.locator('#username').fill(DEMO.user);
    await submit(tab);
    await tab.locator('a[name=forgotPassword], button[name=forgotPassword]').first().click();
    await tab.waitForLoadState();
    if (await tab.locator('#password-recover-form').count()) await submitName(tab);
    await chooseEmail(tab);
    const { code } = await engine.mailbox.code();
    await submitCode(tab, code);
    await submitPasswords(tab, 'Brass-Kettle-77-north');
    await assertSignedIn(tab, app.app);
    person.assertNoComplaints();
    other.assertNoComplaints();
  });
});

describe('headers and weight', () => {
  it('flow pages are not stored, framed or scripted from elsewhere', async () => {
    for (const path of ['/', '/login', '/recover-password']) {
      const { headers, text } = await call(`${demo.app}${path}`);
      const policy = headers.get('content-security-policy');
      assert.ok(policy, path);
      assert.equal(/unsafe-inline|unsafe-eval/.test(policy), false, policy);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.match(headers.get('cache-control'), /no-store/, path);
      assert.equal(headers.get('referrer-policy'), 'no-referrer', path);
      assert.equal(headers.get('x-frame-options'), 'DENY', path);
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
      assert.equal(/<script(?![^>]*\bsrc=)/i.test(text), false, `${path}: inline script`);
      assert.equal(/\son[a-z]+=/i.test(text), false, `${path}: inline handler`);
      assert.ok(Buffer.byteLength(text) < 60_000, `${path}: ${Buffer.byteLength(text)} bytes`);
    }
  });

  it('a browser finds the page to change the password', async () => {
    const { status, headers } = await call(`${demo.app}/.well-known/change-password`);
    assert.ok([302, 303, 307].includes(status), `${status}`);
    assert.ok(headers.get('location'));
  });

  it('a form without its token is refused', async () => {
    const answer = await call(`${demo.app}/recover-password`, {
      method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'http://evil.example' }, body: `username=${DEMO.user}`,
    });
    assert.ok([400, 403].includes(answer.status), `${answer.status}`);
  });
});

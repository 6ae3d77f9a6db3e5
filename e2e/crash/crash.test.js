// kill -9 of the engine after any step of the flow; afterwards the same browser and the same SDK state go on.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { CLIENTS, Session } from '../rig/auth-js.js';
import { Person, startBrowser } from '../rig/browser.js';
import { Demo, DEMO, freePort } from '../rig/engine.js';
import { Flow } from '../rig/idx.js';
import { assertSignedIn, chooseEmail, signIn as signInOnPage, submitCode, submitName, submitPasswords, toRecoverPage } from '../rig/journey.js';
import { lifetime } from '../rig/lifetime.js';
import { Recovery, signIn } from '../rig/recovery.js';
import { App, Served } from '../rig/serve.js';
import { verifiedIdToken } from '../rig/tokens.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';

/** A mail that the dead process had taken belongs to it for so long; then the next one sends it. */
const LEASE_SECONDS = 30;

/** The steps of the flow with auth-js; each gets what the steps before it left. */
const STEPS = [
  ['the name is given', async (recovery) => void (await recovery.begin(DEMO.user))],
  ['e-mail is chosen', async (recovery) => void (await recovery.selectEmail())],
  ['the mail has come', async (recovery, memory) => void (memory.mail = await recovery.demo.mailbox.code())],
  ['the code is answered', async (recovery, memory) => {
    assert.equal((await recovery.code((memory.mail ?? (await recovery.demo.mailbox.code())).code)).nextStep.name, 'reset-authenticator');
  }],
  ['the password is set', async (recovery) => {
    const transaction = await recovery.password(NEW_PASSWORD);
    assert.equal(transaction.status, 'SUCCESS');
    assert.ok(transaction.tokens.idToken);
  }],
];

for (const kind of CLIENTS) {
  describe(`kill -9 under ${kind.name}`, () => {
    STEPS.forEach(([name], last) => {
      it(`${kind.name}: kill -9 after ${name}, and the flow goes on to the end`, async (t) => {
        const demo = await Demo.start(t);
        const memory = {};
        let recovery = new Recovery(demo, kind);
        for (const [index, [, step]] of STEPS.entries()) {
          await step(recovery, memory);
          if (index !== last) continue;
          const saved = JSON.stringify(recovery.session);
          await demo.crash();
          await demo.advance(LEASE_SECONDS + 1);
          recovery = new Recovery(demo, kind, { session: new Session(saved) });
        }
        const accepted = await signIn(demo, kind, { username: DEMO.user, password: NEW_PASSWORD });
        assert.equal(accepted.status, 'SUCCESS');
        const refused = await signIn(demo, kind, { username: DEMO.user, password: DEMO.password });
        assert.equal(refused.status, 'PENDING');
      });
    });
  });
}

describe('kill -9 between the password and the tokens', () => {
  it('the interaction code is still good, and the tokens verify against the same keys', async (t) => {
    const demo = await Demo.start(t);
    const flow = await Flow.atReset(demo);
    await flow.answer({ passcode: NEW_PASSWORD });
    const code = flow.interactionCode;
    assert.ok(code);
    await demo.crash();
    const { status, json } = await flow.redeem({ interaction_code: code });
    assert.equal(status, 200);
    await verifiedIdToken(demo, { idToken: json.id_token, accessToken: json.access_token, nonce: flow.nonce, clientId: DEMO.spa.clientId });
    await demo.crash();
    assert.notEqual((await flow.redeem({ interaction_code: code })).status, 200, 'redeemed once, for ever');
  });

  it('an attempt that was answered stays counted', async (t) => {
    const demo = await Demo.start(t);
    const flow = await Flow.atCode(demo);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      assert.equal((await flow.answer({ passcode: 'abcdef' })).status, 401);
      await demo.crash();
    }
    assert.equal((await flow.answer({ passcode: flow.mail.code })).status, 429);
  });
});

describe('kill -9 under a browser', () => {
  let browser;
  const life = lifetime();
  before(async () => (browser = await startBrowser(life)));

  const PAGE_STEPS = [
    ['the recover page', (page, demo) => toRecoverPage(page, demo.app)],
    ['the choice of an authenticator', (page) => submitName(page)],
    ['the form of the code', async (page, demo, memory) => {
      await chooseEmail(page);
      memory.mail = await demo.mailbox.code();
    }],
    ['the form of the password', async (page, demo, memory) => {
      await submitCode(page, memory.mail.code);
      await page.locator('#confirm-password').waitFor();
    }],
    ['home', (page, demo) => submitPasswords(page, NEW_PASSWORD).then(() => assertSignedIn(page, demo.app))],
  ];

  PAGE_STEPS.forEach(([name], last) => {
    it(`kill -9 of engine and web app at ${name}, and the same browser goes on`, async (t) => {
      const demo = await Demo.start(t);
      const person = await Person.arrive(t, browser);
      const page = await person.tab();
      const memory = {};
      for (const [index, [, step]] of PAGE_STEPS.entries()) {
        await step(page, demo, memory);
        if (index === last) await demo.crash();
      }
      await page.reload();
      await assertSignedIn(page, demo.app);
      person.assertNoComplaints();
    });
  });

  it('the web app alone is restarted at every step, and the same browser goes on', async (t) => {
    const appPort = await freePort();
    const engine = await Served.start(t, { appPort });
    const app = await App.start(t, { issuer: engine.issuer, port: appPort });
    const both = { app: app.app, mailbox: engine.mailbox };
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    const memory = {};
    for (const [, step] of PAGE_STEPS) {
      await step(page, both, memory);
      await app.crash();
    }
    await page.reload();
    await assertSignedIn(page, app.app);
    person.assertNoComplaints();
  });

  it('the engine is down: a clear page with status 502, and everything works again after', async (t) => {
    const appPort = await freePort();
    const engine = await Served.start(t, { appPort });
    const app = await App.start(t, { issuer: engine.issuer, port: appPort });
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toRecoverPage(page, app.app);
    await submitName(page);
    await chooseEmail(page);
    const mail = await engine.mailbox.code();
    await engine.process.kill();
    await page.locator('input[name=verificationCode]').fill(mail.code);
    const [response] = await Promise.all([
      page.waitForResponse((candidate) => candidate.request().isNavigationRequest() && candidate.status() !== 303 && candidate.status() !== 302),
      page.locator('button[type=submit]').first().click(),
    ]);
    assert.equal(response.status(), 502);
    await page.waitForLoadState();
    assert.match(await page.locator('main').innerText(), /try again/i);
    await page.goto(`${app.app}/login`);
    assert.match(await page.locator('main').innerText(), /try again/i);
    await engine.restart();
    await signInOnPage(page, app.app, DEMO.password);
    await assertSignedIn(page, app.app);
    person.assertNoComplaints();
  });
});

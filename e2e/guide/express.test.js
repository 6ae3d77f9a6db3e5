// The Express app of the guide, as it stands there, in a browser.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { assertAccessible, heading, Person, startBrowser, submit } from '../rig/browser.js';
import { Demo, DEMO, freePort, wrongCode } from '../rig/engine.js';
import { lifetime } from '../rig/lifetime.js';
import { until } from '../rig/waiting.js';

const APP = fileURLToPath(new URL('../guide-express/app.js', import.meta.url));
const PICTURES = fileURLToPath(new URL('../out/guide/', import.meta.url));
const NEW_PASSWORD = 'Brass-Kettle-77-north';

const life = lifetime();
let demo;
let browser;
let app;
before(async () => {
  demo = await Demo.start(life);
  browser = await startBrowser(life);
  app = await startApp();
  await mkdir(PICTURES, { recursive: true });
});
beforeEach(() => demo.reset());

/** The app of the guide with nothing changed but where it finds the engine and where it listens. */
async function startApp() {
  const port = await freePort();
  const child = spawn(process.execPath, [APP], {
    env: { ...process.env, PORT: String(port), ISSUER: demo.issuer },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  life.after(() => child.kill('SIGKILL'));
  const url = `http://localhost:${port}`;
  await until(`the app of the guide\n${output}`, () => output.includes(url));
  return { url, output: () => output };
}

const messagesOn = (page) => page.locator('#messages li').allInnerTexts();

async function toCode(page, { pictures = false } = {}) {
  const picture = async (name) => {
    await assertAccessible(page);
    if (pictures) await page.screenshot({ path: `${PICTURES}${name}.png` });
  };
  await page.goto(`${app.url}/login`);
  await picture('sign-in');
  await page.getByText('Forgot password?').click();
  await page.locator('#username').fill(DEMO.user);
  await picture('recover-password');
  await submit(page);
  assert.equal(new URL(page.url()).pathname, '/select-authenticator');
  await page.locator('input[name=authenticator][value=okta_email]').check();
  await picture('select-authenticator');
  await submit(page);
  assert.equal(new URL(page.url()).pathname, '/challenge-authenticator/email');
  await picture('challenge-authenticator-email');
  return { mail: await demo.mailbox.code(), picture };
}

describe('the Express app of the guide', () => {
  it('the Express app recovers the password and signs in', async (t) => {
    const person = await Person.arrive(t, browser, { viewport: { width: 640, height: 480 } });
    const page = await person.tab();
    const { mail, picture } = await toCode(page, { pictures: true });
    await page.locator('#code').fill(mail.code);
    await submit(page);
    assert.equal(new URL(page.url()).pathname, '/reset-password');
    await page.locator('#password').fill(NEW_PASSWORD);
    await page.locator('#confirm').fill(NEW_PASSWORD);
    await picture('reset-password');
    await submit(page);
    assert.equal(await page.locator('#claim-email').innerText(), DEMO.user);
    await picture('home');
    assert.equal(app.output().includes('Error'), false, app.output());
    person.assertNoComplaints();
  });

  it('the Express app says what is wrong and goes on', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await page.goto(`${app.url}/login`);
    await page.locator('#username').fill(DEMO.user);
    await page.locator('#password').fill('not-this-one');
    await submit(page);
    assert.deepEqual(await messagesOn(page), ['Authentication failed']);

    const { mail } = await toCode(page);
    await page.locator('#code').fill(wrongCode(mail.code));
    await submit(page);
    assert.deepEqual(await messagesOn(page), ['Invalid code. Try again.']);
    await page.getByText('Send another code').click();
    assert.match((await messagesOn(page)).join(), /too many requests/i);
    await page.locator('#code').fill(mail.code);
    await submit(page);

    await page.locator('#password').fill(NEW_PASSWORD);
    await page.locator('#confirm').fill('something else');
    await submit(page);
    assert.deepEqual(await messagesOn(page), ['The two passwords do not match.']);
    await page.locator('#password').fill('short');
    await page.locator('#confirm').fill('short');
    await submit(page);
    assert.match((await messagesOn(page)).join(), /at least 8 characters/);
    await page.locator('#password').fill(NEW_PASSWORD);
    await page.locator('#confirm').fill(NEW_PASSWORD);
    await submit(page);
    assert.equal(await page.locator('#claim-email').innerText(), DEMO.user);
    person.assertNoComplaints();
  });

  it('the Express app lets an expired transaction begin again', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    const { mail } = await toCode(page);
    await demo.advance(61 * 60);
    await page.locator('#code').fill(mail.code);
    await submit(page);
    assert.equal(await heading(page), 'Sign in');
    assert.match((await messagesOn(page)).join(), /logged out due to inactivity/);
    person.assertNoComplaints();
  });

  it('the Express app takes no form from another site', async () => {
    const response = await fetch(`${app.url}/recover-password`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'http://evil.example' },
      body: `username=${DEMO.user}`,
    });
    assert.equal(response.status, 403);
  });
});

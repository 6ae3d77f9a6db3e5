// A person's way through the web app, page by page.

import assert from 'node:assert/strict';

import { heading, submit } from './browser.js';
import { DEMO } from './engine.js';

/** From the home page to the form of the name. */
export async function toRecoverPage(page, app) {
  await page.goto(app);
  await page.locator('[name=signin], [name=login]').first().click();
  await page.locator('#username').waitFor();
  await page.locator('a[name=forgotPassword]').click();
  await page.locator('#password-recover-form').waitFor();
  assert.equal(await heading(page), 'Recover password');
}

/** Types the name and goes on to the choice of an authenticator. */
export async function submitName(page, name = DEMO.user) {
  await page.locator('#username').fill(name);
  await submit(page);
  await page.locator('#select-authenticator-page-title-header').waitFor();
}

/** Chooses e-mail and goes on to the form of the code. */
export async function chooseEmail(page) {
  await page.locator('input[name=authenticator][value=okta_email]').check();
  await submit(page);
  await page.locator('input[name=verificationCode]').waitFor();
}

export async function submitCode(page, code) {
  await page.locator('input[name=verificationCode]').fill(code);
  await submit(page);
}

export async function submitPasswords(page, password, confirmation = password) {
  await page.locator('#password').fill(password);
  await page.locator('#confirm-password').fill(confirmation);
  await submit(page);
}

/** The form of the code, with the mail that belongs to it. */
export async function toCodePage(page, demo, { app = demo.app, name = DEMO.user } = {}) {
  await toRecoverPage(page, app);
  await submitName(page, name);
  const [last] = await demo.mailbox.list({ to: name });
  await chooseEmail(page);
  return name === DEMO.user ? demo.mailbox.code({ after: last?.id }) : undefined;
}

/** The form of the new password. */
export async function toResetPage(page, demo, options) {
  const mail = await toCodePage(page, demo, options);
  await submitCode(page, mail.code);
  await page.locator('#confirm-password').waitFor();
}

/** Signed in on the home page. */
export async function assertSignedIn(page, app, name = DEMO.user) {
  await page.locator('#profile-table').waitFor();
  assert.equal(new URL(page.url()).origin, app);
  assert.equal(await page.locator('#claim-email').innerText(), name);
}

/** Signs in with the given password; the page afterwards is for the caller to judge. */
export async function signIn(page, app, password, name = DEMO.user) {
  await page.goto(`${app}/login`);
  await page.locator('#username').fill(name);
  await page.locator('#password').fill(password);
  await submit(page);
}

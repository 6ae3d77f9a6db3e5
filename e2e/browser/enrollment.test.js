// What people set up when they sign in. T2 is a scenario of the web app.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import jsQR from 'jsqr';

import { heading, Person, portrait, startBrowser, submit } from '../rig/browser.js';
import { DEMO, freePort } from '../rig/engine.js';
import { assertSignedIn, signIn, submitCode } from '../rig/journey.js';
import { lifetime } from '../rig/lifetime.js';
import { App, Served } from '../rig/serve.js';
import { totp, wrongTotp } from '../rig/totp.js';

const life = lifetime();
let browser;
before(async () => {
  browser = await startBrowser(life);
});

async function start(t, enrollment) {
  const appPort = await freePort();
  const engine = await Served.start(t, { appPort, sections: { enrollment: `[enrollment]\n${enrollment} = ["google_otp"]` } });
  const { app } = await App.start(t, { issuer: engine.issuer, port: appPort });
  const person = await Person.arrive(t, browser);
  return { engine, app, person, page: await person.tab() };
}

/** What a phone reads from the picture on the page. */
async function scanned(page) {
  const picture = await page.locator('#authenticator-qr-code').evaluate(async (image) => {
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
    return { data: [...data], width, height };
  });
  return jsQR(Uint8ClampedArray.from(picture.data), picture.width, picture.height).data;
}

async function toPicture(page, app) {
  await signIn(page, app, DEMO.password);
  await page.locator('#select-authenticator-page-title-header').waitFor();
  await page.locator('input[name=authenticator][value=google_otp]').check();
  await submit(page);
  await page.locator('#authenticator-qr-code').waitFor();
}

describe('an authenticator app at the sign-in', () => {
  it('T2: is set up where everybody must have one, past a wrong code', async (t) => {
    const { app, person, page, engine } = await start(t, 'required');
    await signIn(page, app, DEMO.password);
    await page.locator('#select-authenticator-page-title-header').waitFor();
    assert.equal(await page.locator('#skip-button').count(), 0);
    await portrait(page, 'enroll-select');
    await page.locator('input[name=authenticator][value=google_otp]').check();
    await submit(page);
    await page.locator('#authenticator-qr-code').waitFor();
    assert.equal(new URL(page.url()).pathname, '/enroll-authenticator/google_otp');
    assert.equal(await heading(page), 'Enroll Google Authenticator');
    const secret = await page.locator('#authenticator-shared-secret').textContent();
    assert.ok((await scanned(page)).includes(`?secret=${secret}&`));
    assert.match(await page.locator('#open-app').getAttribute('href'), new RegExp(`^otpauth://totp/.*secret=${secret}&`));
    await portrait(page, 'enroll-app');
    await submitCode(page, wrongTotp(secret));
    await page.getByText('Invalid code. Try again.').first().waitFor();
    assert.equal(await page.locator('#authenticator-shared-secret').textContent(), secret);
    await portrait(page, 'enroll-app-refused');
    await submitCode(page, totp(secret));
    await assertSignedIn(page, app);
    const notice = await engine.mailbox.newest();
    assert.match(notice.subject, /A new way to sign in/);
    person.assertNoComplaints();
  });

  it('is offered and skipped, on either page', async (t) => {
    const { app, person, page } = await start(t, 'optional');
    await signIn(page, app, DEMO.password);
    await page.locator('#skip-button').waitFor();
    await portrait(page, 'enroll-optional');
    await page.locator('#skip-button').click();
    await assertSignedIn(page, app);

    const other = await Person.arrive(t, browser);
    const tab = await other.tab();
    await toPicture(tab, app);
    await tab.locator('#skip-button').click();
    await assertSignedIn(tab, app);
    person.assertNoComplaints();
    other.assertNoComplaints();
  });

  it('is set up without a script, and with a phone of 320 pixels', async (t) => {
    const { app } = await start(t, 'required');
    const person = await Person.arrive(t, browser, { javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
    const page = await person.tab();
    await toPicture(page, app);
    const secret = await page.locator('#authenticator-shared-secret').textContent();
    const { width } = await page.locator('#authenticator-qr-code').boundingBox();
    assert.ok(width > 150 && width <= 320, `the picture is ${width} pixels wide`);
    await submitCode(page, totp(secret));
    await assertSignedIn(page, app);
    person.assertNoComplaints();
  });
});

// A person recovers a password in Chromium.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';

import { heading, messagesOn, Person, startBrowser, submit } from '../rig/browser.js';
import { Demo, DEMO, wrongCode } from '../rig/engine.js';
import {
  assertSignedIn, chooseEmail, signIn, submitCode, submitName, submitPasswords, toCodePage, toRecoverPage, toResetPage,
} from '../rig/journey.js';
import { lifetime } from '../rig/lifetime.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';

let demo;
let browser;
const life = lifetime();
before(async () => {
  demo = await Demo.start(life);
  browser = await startBrowser(life);
});
beforeEach(() => demo.reset());

describe('a person', () => {
  it('recovers the password with the code from the mailbox page and lands on home, signed in', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toRecoverPage(page, demo.app);
    await submitName(page);
    await chooseEmail(page);

    const mailbox = await person.tab(`${demo.engine}/dev/mailbox`);
    const { code } = await demo.mailbox.code();
    await mailbox.getByText(code).first().waitFor();
    person.assertNoComplaints();

    await submitCode(page, code);
    assert.equal(await heading(page), 'Reset password');
    await submitPasswords(page, NEW_PASSWORD);
    await assertSignedIn(page, demo.app);
    assert.match((await messagesOn(page)).join(' '), /password was changed/i);
    person.assertNoComplaints();

    const other = await Person.arrive(t, browser);
    const tab = await other.tab();
    await signIn(tab, demo.app, DEMO.password);
    assert.deepEqual(await messagesOn(tab), ['Authentication failed']);
    await signIn(tab, demo.app, NEW_PASSWORD);
    await assertSignedIn(tab, demo.app);
    other.assertNoComplaints();
  });

  it('does all of it with the keyboard alone', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab(`${demo.app}/login`);
    const reach = async (selector) => {
      for (let presses = 0; presses < 40; presses += 1) {
        const there = await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector);
        if (there) return;
        await page.keyboard.press('Tab');
      }
      assert.fail(`the keyboard does not reach ${selector} on ${page.url()}`);
    };
    const press = async (key) => {
      await Promise.all([page.waitForEvent('load'), page.keyboard.press(key)]);
    };
    await reach('a[name=forgotPassword]');
    await press('Enter');
    await reach('#username');
    await page.keyboard.type(DEMO.user);
    await press('Enter');
    await reach('input[name=authenticator]');
    await page.keyboard.press('Space');
    await press('Enter');
    await reach('input[name=verificationCode]');
    await page.keyboard.type((await demo.mailbox.code()).code);
    await press('Enter');
    await reach('#password');
    await page.keyboard.type(NEW_PASSWORD);
    await reach('#confirm-password');
    await page.keyboard.type(NEW_PASSWORD);
    await press('Enter');
    await assertSignedIn(page, demo.app);
    await reach('button[name=signout]');
    await press('Enter');
    await page.locator('[name=signin]').waitFor();
    person.assertNoComplaints();
  });

  it('does all of it without JavaScript, resend included', async (t) => {
    const person = await Person.arrive(t, browser, { javaScriptEnabled: false });
    const page = await person.tab();
    const mail = await toCodePage(page, demo);
    await page.locator('button[name=resend]').click();
    assert.match((await messagesOn(page)).join(' '), /wait|too many/i);
    await submitCode(page, wrongCode(mail.code));
    assert.deepEqual(await messagesOn(page), ['Invalid code. Try again.']);
    await submitCode(page, mail.code);
    await submitPasswords(page, NEW_PASSWORD, 'something else');
    assert.deepEqual(await messagesOn(page), ['The two passwords do not match.']);
    await submitPasswords(page, NEW_PASSWORD);
    await assertSignedIn(page, demo.app);
    await page.locator('button[name=signout]').click();
    await page.locator('[name=signin]').waitFor();
    person.assertNoComplaints();
  });

  it('may use either address of the code page', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    const mail = await toCodePage(page, demo);
    const url = new URL(page.url());
    const state = url.searchParams.get('state');
    assert.ok(state, 'the transaction is in the address');
    for (const key of ['email', 'okta_email']) {
      await page.goto(`${demo.app}/challenge-authenticator/${key}?state=${state}`);
      assert.equal(await heading(page), 'Challenge email authenticator');
    }
    await page.goto(`${demo.app}/challenge-authenticator/email?state=${state}`);
    await submitCode(page, mail.code);
    assert.equal(await heading(page), 'Reset password');
    person.assertNoComplaints();
  });

  it('recovers in two tabs at once, each with its own code', async (t) => {
    const person = await Person.arrive(t, browser);
    const [first, second] = [await person.tab(), await person.tab()];
    const firstMail = await toCodePage(first, demo);
    const secondMail = await toCodePage(second, demo);
    assert.notEqual(new URL(first.url()).searchParams.get('state'), new URL(second.url()).searchParams.get('state'));
    await submitCode(first, firstMail.code);
    assert.equal(await heading(first), 'Reset password');
    await submitCode(second, secondMail.code);
    assert.equal(await heading(second), 'Reset password');
    await submitPasswords(first, NEW_PASSWORD);
    await assertSignedIn(first, demo.app);
    person.assertNoComplaints();
  });

  it('who opened the same transaction in a second tab is led to the current step', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    const mail = await toCodePage(page, demo);
    const copy = await person.tab(page.url());
    await submitCode(page, mail.code);
    await submitPasswords(page, NEW_PASSWORD);
    await assertSignedIn(page, demo.app);
    await copy.reload();
    assert.equal(new URL(copy.url()).pathname, '/', 'finished in another tab: home');
    await assertSignedIn(copy, demo.app);
    person.assertNoComplaints();
  });

  it('goes back, corrects the address, and gets the mail of the right one', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toRecoverPage(page, demo.app);
    await submitName(page, 'alcie@example.com');
    await chooseEmail(page);
    while (await page.locator('#password-recover-form').count() === 0) await page.goBack();
    await submitName(page, DEMO.user);
    await chooseEmail(page);
    const mail = await demo.mailbox.code();
    await submitCode(page, mail.code);
    assert.equal(await heading(page), 'Reset password');
    await submitPasswords(page, NEW_PASSWORD);
    await assertSignedIn(page, demo.app);
    person.assertNoComplaints();
  });

  it('cancels and finds the home page, signed out', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toCodePage(page, demo);
    await page.locator('button[name=cancel]').click();
    await page.locator('[name=signin]').waitFor();
    assert.equal(new URL(page.url()).pathname, '/');
    person.assertNoComplaints();
  });

  it('whose transaction id comes from another browser starts again', async (t) => {
    const owner = await Person.arrive(t, browser);
    const page = await owner.tab();
    await toCodePage(page, demo);
    const thief = await Person.arrive(t, browser);
    const tab = await thief.tab(page.url());
    assert.equal(await tab.locator('input[name=verificationCode]').count(), 0);
    assert.match(await tab.locator('main').innerText(), /start again/i);
  });
});

describe('wrong input', () => {
  it('a wrong code is told at the field, five end the code, a resend helps', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    const mail = await toCodePage(page, demo);
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await submitCode(page, wrongCode(mail.code));
      assert.deepEqual(await messagesOn(page), ['Invalid code. Try again.'], `attempt ${attempt}`);
      assert.equal(await page.locator('input[name=verificationCode]').inputValue(), '');
      assert.match(await page.title(), /^Error: /);
    }
    await submitCode(page, mail.code);
    assert.match((await messagesOn(page)).join(' '), /too many/i);
    await demo.advance(31);
    await page.reload();
    await page.locator('button[name=resend]:not([disabled])').waitFor({ timeout: 45_000 });
    await Promise.all([page.waitForEvent('load'), page.locator('button[name=resend]').click()]);
    const next = await demo.mailbox.code({ after: mail.id });
    await submitCode(page, next.code);
    assert.equal(await heading(page), 'Reset password');
    person.assertNoComplaints();
  });

  it('the resend button counts down', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toCodePage(page, demo);
    const button = page.locator('button[name=resend]');
    assert.equal(await button.isDisabled(), true);
    assert.match(await button.innerText(), /\d+/);
    const shown = await button.innerText();
    await page.waitForFunction((old) => document.querySelector('button[name=resend]').innerText !== old, shown);
    person.assertNoComplaints();
  });

  it('a code that is pasted with spaces or typed with a dash is taken', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    const { code } = await toCodePage(page, demo);
    const field = page.locator('input[name=verificationCode]');
    await field.focus();
    await page.evaluate((text) => {
      const data = new DataTransfer();
      data.setData('text/plain', text);
      const event = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
      if (document.activeElement.dispatchEvent(event)) document.execCommand('insertText', false, text);
    }, ` ${code.slice(0, 3)} ${code.slice(3)}\n`);
    assert.equal((await field.inputValue()).replaceAll(/[\s-]/g, ''), code);
    await submit(page);
    assert.equal(await heading(page), 'Reset password');
    person.assertNoComplaints();
  });

  it('differing passwords are told, nothing is sent, and both fields stay marked', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toResetPage(page, demo);
    await submitPasswords(page, NEW_PASSWORD, 'something else');
    assert.deepEqual(await messagesOn(page), ['The two passwords do not match.']);
    for (const id of ['#password', '#confirm-password']) {
      assert.equal(await page.locator(id).getAttribute('aria-invalid'), 'true', id);
    }
    await submitPasswords(page, NEW_PASSWORD);
    await assertSignedIn(page, demo.app);
    person.assertNoComplaints();
  });

  it('a weak password names what is missing, live and from the server', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    await toResetPage(page, demo);
    const rule = page.locator('#password-rules [data-rule=minLength], #password-rules li').first();
    const before = await rule.innerText();
    await page.locator('#password').fill('long-enough-to-tick');
    await page.waitForFunction((old) => document.querySelector('#password-rules li').innerText !== old, before);
    await submitPasswords(page, 'short');
    assert.match((await messagesOn(page)).join(' '), /8 characters/);
    await submitPasswords(page, 'password1');
    assert.match((await messagesOn(page)).join(' '), /common/i);
    await submitPasswords(page, DEMO.password);
    assert.match((await messagesOn(page)).join(' '), /last 4 passwords|already used|used before/i);
    await submitPasswords(page, NEW_PASSWORD);
    await assertSignedIn(page, demo.app);
    person.assertNoComplaints();
  });

  it('an unknown address sees the same pages', async (t) => {
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    const texts = async (name) => {
      await toRecoverPage(page, demo.app);
      await submitName(page, name);
      const select = await page.locator('main').innerText();
      await chooseEmail(page);
      const code = await page.locator('main').innerText();
      await page.locator('button[name=cancel]').click();
      await page.locator('[name=signin]').waitFor();
      return [select, code].map((text) => text.replaceAll(name, 'NAME').replaceAll(/\d+/g, 'N').replaceAll(/\b\S*\*\*\*\S*/g, 'MASK'));
    };
    assert.deepEqual(await texts('alicf@example.com'), await texts(DEMO.user));
    person.assertNoComplaints();
  });
});

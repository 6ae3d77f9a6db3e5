// The system's Chromium, watched: anything it complains about fails the test that caused it.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const OUT = fileURLToPath(new URL('../out/', import.meta.url));
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const FLAGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-dev-shm-usage',
  '--disable-sync',
  '--no-first-run',
];

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };

/** Chromium with a fresh profile, closed when the tests are over. */
export async function startBrowser(t) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM?.startsWith('/') ? process.env.CHROMIUM : await findChromium(),
    args: FLAGS,
    headless: true,
  });
  t.after(() => browser.close());
  return browser;
}

async function findChromium() {
  const { access } = await import('node:fs/promises');
  const names = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome'].filter(Boolean);
  for (const directory of process.env.PATH.split(path.delimiter)) {
    for (const name of names) {
      const candidate = path.join(directory, name);
      if (await access(candidate).then(() => true, () => false)) return candidate;
    }
  }
  throw new Error('no Chromium found; `cargo xtask test` installs it');
}

/** One person with one browser profile, and any number of tabs. */
export class Person {
  static async arrive(t, browser, options = {}) {
    const person = new Person();
    person.complaints = [];
    person.context = await browser.newContext({ viewport: DESKTOP, locale: 'en-US', ...options });
    person.context.setDefaultTimeout(20_000);
    t.after(() => person.context.close());
    return person;
  }

  async tab(url) {
    const page = await this.context.newPage();
    const documents = new Set();
    page.on('request', (request) => request.isNavigationRequest() && documents.add(request.url()));
    page.on('pageerror', (error) => this.complaints.push(`script error: ${error.message}`));
    page.on('console', (message) => {
      if (!['error', 'warning'].includes(message.type())) return;
      // Chromium reports the status of a page such as 502 here; the tests check statuses themselves.
      const aboutStatus = message.text().startsWith('Failed to load resource') && documents.has(message.location().url);
      if (!aboutStatus) this.complaints.push(`console ${message.type()}: ${message.text()}`);
    });
    page.on('requestfailed', (request) => {
      const reason = request.failure()?.errorText;
      if (reason !== 'net::ERR_ABORTED') this.complaints.push(`request failed: ${request.url()} ${reason}`);
    });
    if (url) await page.goto(url);
    return page;
  }

  /** Fails when the browser has complained about anything since the last look. */
  assertNoComplaints() {
    assert.deepEqual(this.complaints.splice(0), []);
  }
}

/** axe on the page as it stands; names each rule with the elements that break it. */
export async function assertAccessible(page) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const result = await window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return result.violations.map((rule) => `${rule.id}: ${rule.help} at ${rule.nodes.map((node) => node.target.join(' ')).join(', ')}`);
  });
  assert.deepEqual(violations, [], `axe at ${page.url()}`);
}

/** Pictures of the page in light and dark on a desktop and on a phone, and axe on each of them. */
export async function portrait(page, name) {
  await mkdir(path.join(OUT, 'pages'), { recursive: true });
  for (const colorScheme of ['light', 'dark']) {
    for (const [size, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      await assertAccessible(page);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `${name} is ${overflow} px too wide on a ${size}`);
      await page.screenshot({ path: path.join(OUT, 'pages', `${name}-${colorScheme}-${size}.png`), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(DESKTOP);
}

/** Presses the main button of the page and waits for the next one. */
export async function submit(page) {
  await Promise.all([
    page.waitForEvent('load'),
    page.locator('button[type=submit]').first().click(),
  ]);
}

/** The heading of the page. */
export async function heading(page) {
  return (await page.locator('h1').first().innerText()).trim();
}

/** Texts in the message box of the page. */
export async function messagesOn(page) {
  return (await page.locator('#form-messages li').allInnerTexts()).map((text) => text.trim());
}

// The unmodified Sign-In Widget on somebody's own page, on another origin than the engine.

import { createReadStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { Person } from './browser.js';
import { DEMO } from './engine.js';
import { until } from './waiting.js';

const PICTURES = fileURLToPath(new URL('../out/widget/', import.meta.url));
const DIST = path.join(path.dirname(createRequire(import.meta.url).resolve('@okta/okta-signin-widget/package.json')), 'dist');

/** Registered as redirect URI and trusted origin by the demo: the widget's page must be exactly here. */
const DEMO_ORIGIN = new URL(DEMO.redirectUri).origin;

const PORT_MS = 240_000;

const TYPES = {
  '.css': 'text/css', '.js': 'text/javascript', '.json': 'application/json',
  '.png': 'image/png', '.svg': 'image/svg+xml', '.woff': 'font/woff', '.woff2': 'font/woff2',
};

/** The two generations, each with the bundle that its documentation names first. */
export const GENERATIONS = [
  { name: 'gen2', script: 'okta-sign-in.min.js', style: 'okta-sign-in.min.css' },
  { name: 'gen3', script: 'okta-sign-in.next.js', style: 'okta-sign-in.next.css' },
];

/** Serves the page and the package's files until the tests are over; gives the origin. */
export async function serveWidget(t, origin = DEMO_ORIGIN) {
  const server = createServer((request, response) => answer(new URL(request.url, origin), response));
  t.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = new URL(origin);
  await until(`port ${port}, which somebody else holds`, () => new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(port), 'localhost', () => resolve(true));
  }), PORT_MS);
  return origin;
}

async function answer(url, response) {
  if (url.pathname === '/favicon.ico') {
    response.writeHead(204).end();
  } else if (url.pathname === '/login') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page(url));
  } else {
    await file(url.pathname, response);
  }
}

async function file(pathname, response) {
  const name = path.join(DIST, path.normalize(pathname.replace(/^\/widget\//, '/')));
  const found = await stat(name).catch(() => undefined);
  if (!pathname.startsWith('/widget/') || !found?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': TYPES[path.extname(name)] ?? 'application/octet-stream' });
  createReadStream(name).pipe(response);
}

/** The page as the widget's documentation shows it; its files come from the package, so no network is needed. */
function page({ origin, searchParams: query }) {
  const generation = GENERATIONS.find(({ name }) => name === query.get('generation'));
  const options = {
    issuer: query.get('issuer'),
    clientId: DEMO.spa.clientId,
    redirectUri: `${origin}/login/callback`,
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    language: query.get('language') ?? 'en',
    assets: { baseUrl: '/widget' },
    // The third generation takes no default for it, and without it never redeems its interaction code.
    authScheme: 'OAUTH2',
    ...JSON.parse(query.get('options') ?? '{}'),
  };
  return `<!doctype html>
<html lang="${options.language}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Shop</title>
  <link rel="stylesheet" href="/widget/css/${generation.style}">
  <script src="/widget/js/${generation.script}"></script>
</head>
<body>
  <div id="widget"></div>
  <script>
    const widget = new OktaSignIn(${JSON.stringify(options)});
    widget.showSignInToGetTokens({ el: '#widget' }).then((tokens) => {
      window.tokens = tokens;
      widget.remove();
      document.querySelector('#widget').innerHTML = '<h1>Signed in</h1><p id="email"></p>';
      document.querySelector('#email').textContent = tokens.idToken.claims.email;
    });
  </script>
</body>
</html>`;
}

/** A person at that page. */
export class WidgetPage {
  /** The handle of the newest document. */
  #handle;

  /** Opens the page in a browser of its own; time in the page can be moved. */
  static async open(t, browser, { generation, engine, origin = DEMO_ORIGIN, language, options, person }) {
    const widget = new WidgetPage();
    widget.generation = generation;
    widget.engine = engine;
    widget.person = person ?? await Person.arrive(t, browser);
    widget.page = await widget.person.tab();
    await widget.page.clock.install();
    widget.page.on('request', (request) => {
      const url = new URL(request.url());
      const isOurs = [origin, engine.engine].includes(url.origin) || ['data:', 'blob:'].includes(url.protocol);
      if (!isOurs) widget.person.complaints.push(`asks somebody else: ${url}`);
    });
    widget.page.on('response', async (response) => {
      if (!new URL(response.url()).pathname.startsWith('/idp/idx/') || response.request().method() !== 'POST') return;
      const document = await response.json().catch(() => undefined);
      widget.#handle = document?.stateHandle ?? widget.#handle;
    });
    const query = new URLSearchParams({ generation: generation.name, issuer: engine.issuer });
    if (language) query.set('language', language);
    if (options) query.set('options', JSON.stringify(options));
    await widget.page.goto(`${origin}/login?${query}`);
    return widget;
  }

  /** Waits for the page with this heading. */
  async heading(name) {
    await this.page.getByRole('heading', { name, exact: true }).waitFor();
  }

  /** Waits until these words are to be seen. */
  async says(words) {
    await this.page.locator('#widget').getByText(words).filter({ visible: true }).first().waitFor();
  }

  /** The second generation moves the focus a moment after a page is shown, and ignores a press within 200 ms after another: people are slower. */
  async #hesitate() {
    await this.page.clock.fastForward(500);
  }

  /** Types into the field with this label. */
  async fill(label, text) {
    await this.#hesitate();
    await this.page.locator('input').and(this.page.getByLabel(label, { exact: true })).fill(text);
  }

  /** Presses what looks like a button; in the second generation some of them are links. */
  async press(name) {
    await this.#hesitate();
    await this.page.getByRole('button', { name, exact: true }).or(this.page.getByRole('link', { name, exact: true }))
      .filter({ visible: true }).click();
  }

  async follow(link) {
    await this.page.getByRole('link', { name: link, exact: true }).click();
  }

  /** Does something and waits for the engine's answer to the request that it causes. */
  async answerTo(pathname, act) {
    const answered = this.page.waitForResponse((response) => new URL(response.url()).pathname === pathname
      && response.request().method() === 'POST');
    const [response] = await Promise.all([answered, act()]);
    return response;
  }

  /** What can be read on the page, without the name of the person. */
  async text() {
    const text = await this.page.locator('#widget').innerText();
    return text.replaceAll(/\s*\n\s*/g, '\n').trim();
  }

  async picture(name) {
    await mkdir(PICTURES, { recursive: true });
    await this.page.screenshot({ path: path.join(PICTURES, `${this.generation.name}-${name}.png`), fullPage: true, animations: 'disabled' });
  }

  /** Fails when the page or its scripts complained; Chromium's word about a refused request is none. */
  assertNoComplaints() {
    const refused = /^console error: Failed to load resource: the server responded with a status of (400|401|429) /;
    this.person.complaints = this.person.complaints.filter((complaint) => !refused.test(complaint));
    this.person.assertNoComplaints();
  }

  async signIn(password, name = DEMO.user) {
    await this.heading('Sign In');
    await this.fill('Username', name);
    await this.fill('Password', password);
    await this.press('Sign in');
  }

  /** The tokens that the page was given, after they were shown. */
  async tokens() {
    await this.heading('Signed in');
    return this.page.evaluate(() => window.tokens);
  }

  async toRecoverPage() {
    await this.heading('Sign In');
    await this.follow('Forgot password?');
    await this.heading('Reset your password');
  }

  async submitName(name = DEMO.user) {
    await this.fill('Email or Username', name);
    await this.press('Next');
    await this.says('Verify with one of the following security methods');
  }

  async chooseEmail() {
    await this.page.getByRole('link', { name: /^Select Email/ }).or(this.page.getByRole('button', { name: /^(Select )?Email/ })).click();
    await this.heading('Verify with your email');
  }

  /** From the first page to the field of the code; gives the mail, where there is one. */
  async toCodePage(name = DEMO.user) {
    await this.toRecoverPage();
    await this.submitName(name);
    const [last] = await this.engine.mailbox.list({ to: name });
    await this.chooseEmail();
    return name === DEMO.user ? this.engine.mailbox.code({ after: last?.id }) : undefined;
  }

  async submitCode(code) {
    await this.fill('Enter Code', code);
    return this.answerTo('/idp/idx/challenge/answer', () => this.press('Verify'));
  }

  /** Presses "Set up" beside an authenticator. */
  async setUp(name) {
    await this.#hesitate();
    await this.page.getByRole('link', { name: new RegExp(`^Set up\\b.*${name}`) })
      .or(this.page.getByRole('button', { name: new RegExp(`^Set up\\b.*${name}|${name}`) })).first().click();
  }

  /** Leaves a new password for later. */
  async skipForNow() {
    const words = /^(Remind me later|Skip|Not now)/;
    await this.#hesitate();
    await this.page.getByRole('link', { name: words }).or(this.page.getByRole('button', { name: words })).first().click();
  }

  /** Where a mail has a link, the field of the code comes when it is asked for. */
  async enterCodeInstead() {
    await this.#hesitate();
    const words = /^Enter a (verification )?code( from the email)? instead/;
    await this.page.getByRole('link', { name: words }).or(this.page.getByRole('button', { name: words })).click();
  }

  /** The right code for the same flow, from another page that has its handle. */
  async answerElsewhere(engine, code) {
    const handle = await this.page.evaluate(() => sessionStorage.getItem('osw-oie-state-handle')) ?? this.#handle;
    const answer = await fetch(`${engine.engine}/idp/idx/challenge/answer`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ stateHandle: handle, credentials: { passcode: code } }),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  }

  /** Lets so much time pass that the page asks the engine again. */
  async waitForPoll() {
    await this.answerTo('/idp/idx/challenge/poll', () => this.page.clock.fastForward(5_000));
  }

  /** From the picture of an authenticator app to its code. */
  async toAppCode() {
    await this.press('Next');
    // The second generation slides the one away and the other in.
    await this.page.locator('input').and(this.page.getByLabel('Enter code', { exact: true })).waitFor();
    await this.page.clock.runFor(1_000);
  }

  /** Leaves what is optional for another time; the generations call it differently. */
  async skip() {
    await this.#hesitate();
    await this.page.getByRole('link', { name: /^(Set up later|Skip|Continue)$/ })
      .or(this.page.getByRole('button', { name: /^(Set up later|Skip|Continue|Finish)$/ })).first().click();
  }

  /** The code of an authenticator app. */
  async submitAppCode(code) {
    await this.fill('Enter code', code);
    return this.answerTo('/idp/idx/challenge/answer', () => this.press('Verify'));
  }

  async submitPasswords(password, confirmation = password) {
    await this.fill('New password', password);
    await this.fill('Re-enter password', confirmation);
    await this.press('Reset Password');
  }

  /** Lets the time pass after which the widget offers another mail, on both sides, and asks for it. */
  async resend() {
    await this.engine.advance(31);
    await this.page.clock.fastForward(31_000);
    await this.says("Haven't received an email?");
    await this.picture('resend-offered');
    // An element without a role in the second generation.
    const again = this.page.getByText('Send again', { exact: true }).filter({ visible: true });
    return this.answerTo('/idp/idx/challenge/resend', () => again.click());
  }
}

// The link in a mail with unmodified auth-js: what the app does with `state` and `otp`.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { client, CLIENTS, Session, stepOf } from '../rig/auth-js.js';
import { DEMO } from '../rig/engine.js';
import { Recovery } from '../rig/recovery.js';
import { Served } from '../rig/serve.js';

const CLIENT = [
  '[[clients]]', `id = "${DEMO.web.clientId}"`, 'label = "Example app"', `secret = "${DEMO.web.clientSecret}"`, `redirect_uris = ["${DEMO.redirectUri}"]`,
  `email_verification_uri = "${DEMO.redirectUri}"`,
].join('\n');

/** The page that the link leads to, and where its button goes. */
async function open(link) {
  const page = await fetch(link);
  const html = await page.text();
  const href = /id="continue" href="([^"]*)"/.exec(html)?.[1];
  return { status: page.status, html, search: href && new URL(href.replaceAll('&amp;', '&').replaceAll('&#38;', '&')).search };
}

async function atCode(t, kind) {
  const engine = await Served.start(t, { sections: { clients: CLIENT } });
  const recovery = new Recovery(engine, kind);
  const { mail } = await recovery.toCode(DEMO.user);
  return { engine, recovery, mail };
}

describe('the link in a mail', () => {
  for (const kind of CLIENTS) {
    it(`${kind.name}: goes on with the recovery of the same browser, to tokens`, async (t) => {
      const { recovery, mail } = await atCode(t, kind);
      const { status, search } = await open(mail.link);
      assert.equal(status, 200);
      // In step mode auth-js asks the app to name the step.
      const went = kind.mode === 'step'
        ? await recovery.code(new URLSearchParams(search).get('otp'))
        : await recovery.idx.handleEmailVerifyCallback(search);
      assert.equal(went.status, 'PENDING');
      assert.equal(stepOf(went).name, 'reset-authenticator');
      const done = await recovery.password('Brass-Kettle-77-north');
      assert.equal(done.status, 'SUCCESS');
      assert.equal((await open(mail.link)).status, 410);
    });

    it(`${kind.name}: shows the code where the recovery did not begin, which goes on with it`, async (t) => {
      const { engine, recovery, mail } = await atCode(t, kind);
      const { search, html } = await open(mail.link);
      assert.ok(html.includes(`>${mail.code}<`));
      const other = client(engine, new Session(), kind);
      await assert.rejects(other.idx.handleEmailVerifyCallback(search), (error) => {
        assert.equal(error.name, 'EmailVerifyCallbackError');
        assert.equal(error.otp, mail.code);
        return true;
      });
      const went = await recovery.code(mail.code);
      assert.equal(stepOf(went).name, 'reset-authenticator');
    });
  }
});

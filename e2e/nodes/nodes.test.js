// Three engines on one PostgreSQL, each request at another one: nobody notices.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { CLIENTS } from '../rig/auth-js.js';
import { Person, startBrowser } from '../rig/browser.js';
import { DEMO, freePort, wrongCode } from '../rig/engine.js';
import { Flow } from '../rig/idx.js';
import { assertSignedIn, chooseEmail, signIn as signInOnPage, submitCode, submitName, submitPasswords, toRecoverPage } from '../rig/journey.js';
import { lifetime } from '../rig/lifetime.js';
import { Nodes } from '../rig/nodes.js';
import { freshDatabase, query } from '../rig/postgres.js';
import { Recovery, signIn } from '../rig/recovery.js';
import { App } from '../rig/serve.js';

const PASSWORDS = ['Brass-Kettle-77-north', 'Slate-Harbour-18-west', 'Maple-Anvil-53-south', 'Cobalt-Ferry-29-east', 'Linen-Compass-64-lake', 'Walnut-Signal-35-moor'];
const THREE = new Set([0, 1, 2]);

let nodes;
let database;
let appPort;
let password = DEMO.password;
const life = lifetime();
before(async () => {
  database = await freshDatabase();
  appPort = await freePort();
  nodes = await Nodes.start(life, { database, appPort });
});

const count = async (sql) => Number(await query(database, sql));
const verified = (outcome, flow) => count(
  `SELECT count(*) FROM audit WHERE name = 'user.authentication.verify' AND outcome = '${outcome}'
   AND flow_id = (SELECT id FROM flows ORDER BY created_at DESC LIMIT 1)`,
  flow,
);

/** The same request from many at once, over all nodes. */
function many(times, flow, send) {
  return Promise.all(Array.from({ length: times }, () => {
    const { state, handle, demo } = flow;
    return send(Object.assign(new Flow(), { demo, state, handle }));
  }));
}

describe('three nodes behind a round-robin proxy', () => {
  for (const kind of CLIENTS) {
    it(`${kind.name}: recovers and signs in, each step on another node`, async () => {
      nodes.requests.length = 0;
      const fresh = PASSWORDS.pop();
      const recovery = new Recovery(nodes, kind);
      await recovery.begin(DEMO.user);
      await recovery.selectEmail();
      await recovery.code((await nodes.mailbox.code()).code);
      const transaction = await recovery.password(fresh);
      assert.equal(transaction.status, 'SUCCESS');
      assert.ok(transaction.tokens.idToken);
      const accepted = await signIn(nodes, kind, { username: DEMO.user, password: fresh });
      assert.equal(accepted.status, 'SUCCESS');
      const refused = await signIn(nodes, kind, { username: DEMO.user, password });
      assert.equal(refused.status, 'PENDING');
      password = fresh;
      assert.deepEqual(nodes.whoAnswered('/idp/idx/'), THREE);
    });
  }

  it('the web app recovers and signs in, in Chromium', async (t) => {
    const app = await App.start(t, { issuer: nodes.issuer, port: appPort });
    const browser = await startBrowser(t);
    const person = await Person.arrive(t, browser);
    const page = await person.tab();
    nodes.requests.length = 0;
    const fresh = PASSWORDS.pop();
    await toRecoverPage(page, app.app);
    await submitName(page);
    await chooseEmail(page);
    await submitCode(page, (await nodes.mailbox.code()).code);
    await submitPasswords(page, fresh);
    await assertSignedIn(page, app.app);
    const other = await Person.arrive(t, browser);
    const tab = await other.tab();
    await signInOnPage(tab, app.app, fresh);
    await assertSignedIn(tab, app.app);
    assert.deepEqual(nodes.whoAnswered('/idp/idx/'), THREE);
    password = fresh;
  });

  it('T-C3: of a hundred wrong codes at once exactly five are compared, and the right one is too late', async () => {
    const flow = await Flow.atCode(nodes);
    const wrong = { passcode: wrongCode(flow.mail.code) };
    const answers = await many(100, flow, (twin) => twin.answer(wrong));
    assert.ok(answers.filter(({ status }) => status === 401).length <= 5);
    // Whoever met too many others was told to try again; in the end all tries are spent.
    while ((await flow.answer(wrong)).status === 401);
    assert.equal(await verified('FAILURE'), 5);
    const right = await flow.answer({ passcode: flow.mail.code });
    assert.equal(right.status, 429);
    assert.equal(await verified('SUCCESS'), 0);
    await nodes.advance(3600);
  });

  it('T-C4: of a hundred right codes at once exactly one is a proof', async () => {
    const flow = await Flow.atCode(nodes);
    const answers = await many(100, flow, (twin) => twin.answer({ passcode: flow.mail.code }));
    assert.ok(answers.some(({ status }) => status === 200));
    assert.equal(await verified('SUCCESS'), 1);
    await nodes.advance(3600);
  });

  it('T-S7: of 64 new passwords at once one is set, with one interaction code', async () => {
    const flow = await Flow.atReset(nodes);
    const codes = await count('SELECT count(*) FROM interaction_codes');
    const earlier = await count('SELECT json_array_length(password_history::json) FROM users');
    const fresh = PASSWORDS.pop();
    const answers = await many(64, flow, (twin) => twin.answer({ passcode: fresh }));
    assert.ok(answers.some(({ status }) => status === 200));
    assert.equal(await count('SELECT count(*) FROM interaction_codes'), codes + 1);
    assert.ok(await count('SELECT json_array_length(password_history::json) FROM users') <= earlier + 1);
    password = fresh;
  });

  it('a session that ends on one node has ended on all', async () => {
    const flow = await Flow.start(nodes);
    await flow.identify(DEMO.user, password);
    const tokens = (await flow.redeem()).json;
    assert.ok(tokens.access_token);
    const ask = (member) => fetch(`${member.engine}/oauth2/default/v1/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    for (const member of nodes.members) assert.equal((await ask(member)).status, 200);
    const revoked = await fetch(`${nodes.members[0].engine}/oauth2/default/v1/revoke`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token: tokens.access_token, client_id: DEMO.spa.clientId }).toString(),
    });
    assert.equal(revoked.status, 200);
    for (const member of nodes.members) assert.equal((await ask(member)).status, 401);
  });

  it('all nodes show the same keys, though they started at once', async () => {
    const sets = await Promise.all(nodes.members.map(async ({ engine }) => (await fetch(`${engine}/oauth2/default/v1/keys`)).text()));
    assert.equal(new Set(sets).size, 1);
    assert.equal(await count('SELECT count(*) FROM signing_keys'), 1);
  });
});

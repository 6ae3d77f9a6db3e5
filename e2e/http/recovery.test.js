// The recovery document by document, and everything that must not get through.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';

import { Demo, DEMO, wrongCode } from '../rig/engine.js';
import { documentFaults, fieldMessages, Flow, globalKeys } from '../rig/idx.js';
import { lifetime } from '../rig/lifetime.js';

const NEW_PASSWORD = 'Brass-Kettle-77-north';

let demo;
const life = lifetime();
before(async () => (demo = await Demo.start(life)));
beforeEach(() => demo.reset());

/** The parts of a document that may differ between two flows, replaced by their names. */
function canonical(document, identifier) {
  let text = JSON.stringify(document);
  for (const [value, name] of [
    [document.stateHandle, 'STATE'],
    [identifier, 'IDENTIFIER'],
  ]) {
    if (value) text = text.replaceAll(value, name);
  }
  return text
    .replaceAll(/"expiresAt":"[^"]+"/g, '"expiresAt":"TIME"')
    .replaceAll(/"eae[0-9A-Za-z]{17}"/g, '"EMAIL_ENROLLMENT"')
    .replaceAll(/"lae[0-9A-Za-z]{17}"/g, '"PASSWORD_ENROLLMENT"');
}

describe('the reference flow', () => {
  it('every document is sound, and the flow ends with tokens', async () => {
    const flow = await Flow.start(demo, { client: DEMO.web });
    const seen = [flow.last];
    assert.equal(flow.offers[0], 'identify');
    assert.ok(flow.last.json.currentAuthenticator.value.recover.href.endsWith('/idp/idx/recover'));
    const state = flow.state;

    seen.push(await flow.recover());
    assert.deepEqual(flow.offers, ['identify-recovery']);
    seen.push(await flow.identify(DEMO.user));
    assert.deepEqual(flow.offers, ['select-authenticator-authenticate']);
    assert.equal(flow.last.json.recoveryAuthenticator.value.type, 'password');
    assert.deepEqual(flow.last.json.user.value, { identifier: DEMO.user });
    assert.ok(flow.last.json.currentAuthenticatorEnrollment.value.recover, 'the Go client finds its way back');
    seen.push(await flow.selectEmail());
    assert.deepEqual(flow.offers, ['challenge-authenticator', 'select-authenticator-authenticate']);
    const enrollment = flow.last.json.currentAuthenticatorEnrollment.value;
    assert.equal(enrollment.key, 'okta_email');
    assert.equal(enrollment.contextualData.useEmailMagicLink, true, 'this app takes links');
    assert.equal(enrollment.poll.refresh, 4000);
    assert.ok(enrollment.resend.href.endsWith('/idp/idx/challenge/resend'));
    assert.deepEqual(flow.form('challenge-authenticator').relatesTo, ['$.currentAuthenticatorEnrollment']);

    const mail = await demo.mailbox.code();
    seen.push(await flow.answer({ passcode: mail.code }));
    assert.deepEqual(flow.offers, ['reset-authenticator']);
    assert.deepEqual(flow.form('reset-authenticator').relatesTo, ['$.currentAuthenticator']);
    const [passcode] = flow.form('reset-authenticator').value[0].form.value;
    assert.equal(passcode.label, 'New password');
    assert.equal(passcode.secret, true);
    assert.equal(flow.state, state, 'the state handle stays');
    seen.push(await flow.answer({ passcode: NEW_PASSWORD }));
    assert.equal('remediation' in flow.last.json, false);
    const issue = flow.last.json.successWithInteractionCode;
    assert.equal(issue.href, `${demo.issuer}/v1/token`);
    assert.deepEqual(issue.value.map(({ name }) => name), ['grant_type', 'interaction_code', 'client_id', 'client_secret', 'code_verifier']);

    for (const { status, json } of seen) {
      assert.equal(status, 200);
      assert.deepEqual(documentFaults(json), []);
      assert.equal(json.intent, 'LOGIN');
      assert.match(json.expiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.equal(json.app.value.name, 'oidc_client');
      for (const never of ['stateToken', 'headers', 'error', 'step']) assert.equal(never in json, false, never);
    }
    assert.equal((await flow.redeem()).status, 200);
  });

  it('introspect gives the current document at every step, and sends no mail', async () => {
    const flow = await Flow.start(demo);
    const steps = [() => flow.recover(), () => flow.identify(DEMO.user), () => flow.selectEmail()];
    for (const step of steps) {
      const { expiresAt: _, ...stepped } = (await step()).json;
      const { expiresAt: __, ...introspected } = (await flow.introspect()).json;
      assert.deepEqual(introspected, stepped);
    }
    const mail = await demo.mailbox.code();
    for (let times = 0; times < 3; times += 1) await flow.introspect();
    assert.equal((await demo.mailbox.list())[0].id, mail.id);
  });

  it('a poll while nothing happens gives the same document', async () => {
    const flow = await Flow.atCode(demo);
    const { expiresAt: _, ...before } = (await flow.introspect()).json;
    const { expiresAt: __, ...polled } = (await flow.post('challenge/poll')).json;
    assert.equal(flow.last.status, 200);
    assert.deepEqual(polled, before);
  });

  it('recover may be asked for again while the authenticator is not chosen', async () => {
    const flow = await Flow.start(demo);
    await flow.recover();
    const { expiresAt: _, ...first } = (await flow.identify(DEMO.user)).json;
    const { expiresAt: __, ...again } = (await flow.recover()).json;
    assert.equal(flow.last.status, 200);
    assert.deepEqual(again, first);
  });

  it('a wrong code is 401 with the message at the field, the form first and everything repeated', async () => {
    const flow = await Flow.atCode(demo);
    const { json: before } = flow.last;
    const { status, json } = await flow.answer({ passcode: wrongCode(flow.mail.code) });
    assert.equal(status, 401);
    assert.equal('messages' in json, false);
    assert.equal(flow.offers[0], 'challenge-authenticator');
    assert.deepEqual(fieldMessages(json, 'passcode'), [
      { message: 'Invalid code. Try again.', i18n: { key: 'api.authn.error.PASSCODE_INVALID', params: [] }, class: 'ERROR' },
    ]);
    assert.equal(json.stateHandle, before.stateHandle);
    for (const key of Object.keys(before)) assert.ok(key in json, key);
    assert.deepEqual(documentFaults(json), []);
  });

  it('the sixth answer is 429 with the forms, resend included', async () => {
    const flow = await Flow.atCode(demo);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      assert.equal((await flow.answer({ passcode: wrongCode(flow.mail.code) })).status, 401);
    }
    const { status, json } = await flow.answer({ passcode: flow.mail.code });
    assert.equal(status, 429);
    assert.deepEqual(globalKeys(json), ['tooManyRequests']);
    assert.ok(json.currentAuthenticatorEnrollment.value.resend);
    assert.equal(flow.offers[0], 'challenge-authenticator');
  });

  it('a resend within thirty seconds is 429 with the forms', async () => {
    const flow = await Flow.atCode(demo);
    const { status, json } = await flow.resend();
    assert.equal(status, 429);
    assert.deepEqual(globalKeys(json), ['tooManyRequests']);
    assert.equal(flow.offers[0], 'challenge-authenticator');
  });

  it('the code is accepted with spaces and dashes', async () => {
    for (const typed of [(code) => ` ${code.slice(0, 3)} ${code.slice(3)} `, (code) => `${code.slice(0, 3)}-${code.slice(3)}`]) {
      const flow = await Flow.atCode(demo);
      assert.equal((await flow.answer({ passcode: typed(flow.mail.code) })).status, 200);
      await flow.cancel();
      await demo.reset();
    }
  });

  it('the mail carries the code where people and scripts look for it', async () => {
    const { mail } = await Flow.atCode(demo);
    assert.ok(mail.html.includes(`enter this code: <b>${mail.code}</b>`));
    assert.ok(mail.text.split(/\r?\n/).some((line) => line.trim() === mail.code), 'alone on its line');
    assert.equal(mail.subject.includes(mail.code), false);
  });
});

describe('what must not get through', () => {
  const STEPS = {
    'the first page': (flow) => flow.introspect(),
    'the recover page': (flow) => flow.recover(),
    'the choice of an authenticator': async (flow) => {
      await flow.recover();
      await flow.identify(DEMO.user);
    },
    'the form of the code': async (flow) => {
      await flow.recover();
      await flow.identify(DEMO.user);
      await flow.selectEmail();
    },
  };
  const bodies = (password) => ({
    'as an answer': ['challenge/answer', { credentials: { passcode: password } }],
    'as an answer with revokeSessions': ['challenge/answer', { credentials: { passcode: password, revokeSessions: true } }],
    'as a new password': ['challenge/answer', { credentials: { newPassword: password, password } }],
    'with the identifier': ['identify', { identifier: DEMO.user, credentials: { passcode: password } }],
    'with the choice': ['challenge', { authenticator: { id: 'autPassword' }, credentials: { passcode: password } }],
  });

  for (const [step, reach] of Object.entries(STEPS)) {
    it(`no password is set at ${step} without the code`, async () => {
      for (const [how, [path, body]] of Object.entries(bodies(NEW_PASSWORD))) {
        const flow = await Flow.start(demo);
        await reach(flow);
        const answer = await flow.post(path, body);
        assert.equal(flow.interactionCode, undefined, `${how}: ${answer.text}`);
        const offers = flow.offers;
        assert.equal(offers.includes('reset-authenticator'), false, how);
      }
      const check = await Flow.start(demo);
      await check.identify(DEMO.user, DEMO.password);
      assert.ok(check.interactionCode, 'the old password still signs in');
    });
  }

  it('a step that is not offered is 400 with the current document', async () => {
    const flow = await Flow.start(demo);
    const { status, json } = await flow.answer({ passcode: '123456' });
    assert.equal(status, 400);
    assert.deepEqual(globalKeys(json), ['E0000020']);
    assert.equal(flow.offers[0], 'identify');
  });

  it('a finished handle is dead on every path', async () => {
    const flow = await Flow.atReset(demo);
    await flow.answer({ passcode: NEW_PASSWORD });
    assert.ok(flow.interactionCode);
    const { state } = flow;
    // The server takes a repetition right after the last step for one whose answer was lost.
    await demo.advance(6);
    for (const path of ['identify', 'recover', 'challenge', 'challenge/answer', 'challenge/resend', 'challenge/poll', 'credential/enroll', 'skip', 'cancel']) {
      flow.state = state;
      const { status, json } = await flow.post(path, {
        identifier: DEMO.user, authenticator: { id: 'aut00000000000000000' }, credentials: { passcode: 'Another-One-99' },
      });
      assert.equal(status, 401, `${path}: ${flow.last.text}`);
      assert.deepEqual(globalKeys(json), ['idx.session.expired'], path);
    }
    const check = await Flow.start(demo);
    await check.identify(DEMO.user, NEW_PASSWORD);
    assert.ok(check.interactionCode, 'the new password is the one that was set');
  });

  it('cancel gives the first document with a new handle, and the old one is dead', async () => {
    const flow = await Flow.atCode(demo);
    const old = flow.state;
    const cancelled = await flow.cancel();
    assert.equal(cancelled.status, 200);
    assert.notEqual(flow.state, old);
    assert.equal(flow.offers[0], 'identify');
    flow.state = old;
    const { status, json } = await flow.answer({ passcode: flow.mail.code });
    assert.equal(status, 401);
    assert.deepEqual(globalKeys(json), ['idx.session.expired']);
    await flow.introspect();
    assert.equal(flow.offers[0], 'identify', 'the interaction handle goes on');
  });

  it('a handle of another flow, and an unknown one, do nothing', async () => {
    const mine = await Flow.atCode(demo);
    const other = await Flow.start(demo);
    other.state = `${mine.state.slice(0, -1)}${mine.state.at(-1) === 'a' ? 'b' : 'a'}`;
    assert.equal((await other.answer({ passcode: mine.mail.code })).status, 401);
    const stranger = await Flow.atCode(demo);
    const answer = await stranger.answer({ passcode: mine.mail.code });
    assert.equal(answer.status, 401, 'the code of another flow is a wrong code');
  });

  it('a second identifier in the same flow never takes over the first proof', async () => {
    const flow = await Flow.atReset(demo);
    const { status } = await flow.identify('mallory@example.com');
    assert.equal(status, 400);
    assert.equal(flow.last.json.user.value.identifier, DEMO.user);
    const fresh = await Flow.start(demo);
    await fresh.recover();
    await fresh.identify('mallory@example.com');
    await fresh.identify(DEMO.user);
    assert.notEqual(fresh.offers[0], 'reset-authenticator');
  });

  it('of two right codes at the same moment one wins, and one password is set', async () => {
    const flow = await Flow.atCode(demo);
    const { state } = flow;
    const answers = await Promise.all(Array.from({ length: 8 }, () => {
      const twin = Object.assign(new Flow(), { demo, state, handle: flow.handle });
      return twin.answer({ passcode: flow.mail.code });
    }));
    const won = answers.filter(({ status, json }) => status === 200 && json.remediation?.value?.[0]?.name === 'reset-authenticator');
    assert.ok(won.length >= 1);
    await flow.introspect();
    assert.equal(flow.offers[0], 'reset-authenticator');
    // Until then a repetition is taken for one whose answer was lost.
    await demo.advance(6);
    const replay = await flow.answer({ passcode: flow.mail.code });
    assert.notEqual(replay.status, 200, 'the code is no password, and no second proof');
  });

  it('a proof is worth nothing after ten minutes', async () => {
    const flow = await Flow.atReset(demo);
    await demo.advance(10 * 60 + 1);
    const { status, json } = await flow.answer({ passcode: NEW_PASSWORD });
    assert.equal(status, 401);
    assert.deepEqual(globalKeys(json), ['idx.session.expired']);
  });

  it("the subject's other flows die when the password changes", async () => {
    const other = await Flow.atCode(demo);
    const flow = await Flow.atReset(demo);
    await flow.answer({ passcode: NEW_PASSWORD });
    assert.ok(flow.interactionCode);
    const { status, json } = await other.answer({ passcode: other.mail.code });
    assert.equal(status, 401);
    assert.deepEqual(globalKeys(json), ['idx.session.expired']);
  });
});

describe('an unknown user', () => {
  it('gets the same bytes as a known one at every step', async () => {
    const walk = async (identifier) => {
      const flow = await Flow.start(demo);
      const seen = [];
      const keep = ({ status, json, headers }) => {
        const names = [...headers.keys()].sort().join();
        seen.push(`${status} ${names} ${canonical(json, identifier)}`);
      };
      keep(await flow.recover());
      keep(await flow.identify(identifier));
      keep(await flow.recover());
      keep(await flow.selectEmail());
      keep(await flow.introspect());
      keep(await flow.post('challenge/poll'));
      keep(await flow.resend());
      for (let attempt = 0; attempt < 6; attempt += 1) keep(await flow.answer({ passcode: 'abcdef' }));
      await demo.advance(31);
      keep(await flow.resend());
      keep(await flow.answer({ passcode: 'abcdef' }));
      keep(await flow.cancel());
      return seen;
    };
    const known = await walk(DEMO.user);
    const unknown = await walk('alicf@example.com');
    assert.equal(known.length, unknown.length);
    known.forEach((document, index) => assert.equal(unknown[index], document, `step ${index}`));
  });

  it('keeps its synthetic ids over flows and over a restart', async (t) => {
    const own = await Demo.start(t);
    const ids = async () => {
      const flow = await Flow.start(own);
      await flow.recover();
      await flow.identify('nobody@example.com');
      return flow.last.json.authenticatorEnrollments.value.map(({ id }) => id);
    };
    const first = await ids();
    assert.deepEqual(await ids(), first);
    await own.crash();
    assert.deepEqual(await ids(), first);
  });

  it('shows the developer in the mailbox why nothing came', async () => {
    const flow = await Flow.start(demo);
    await flow.recover();
    await flow.identify('alcie@example.com');
    await flow.selectEmail();
    const [note] = await demo.mailbox.notes({ to: 'alcie@example.com', waitMs: 5000 });
    assert.match(note.reason, /no such user/i);
    assert.deepEqual(await demo.mailbox.list({ to: 'alcie@example.com' }), []);
  });
});

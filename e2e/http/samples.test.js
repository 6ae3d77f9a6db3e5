// Recorded documents of the vendor beside our live ones of the same state: every member and form of theirs is in ours, but for
// what is listed here with its reason. The samples are those of `crates/regain-sdk/tests/samples`.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';

import { DEMO, wrongCode } from '../rig/engine.js';
import { Flow } from '../rig/idx.js';
import { lifetime } from '../rig/lifetime.js';
import { Served } from '../rig/serve.js';
import { missing } from '../rig/shape.js';
import { totp } from '../rig/totp.js';

const SAMPLES = new URL('../../crates/regain-sdk/tests/samples/', import.meta.url);
const DAY = 24 * 60 * 60;

/** What ours lack on purpose, by their paths, and why. */
const EXCEPTIONS = [
  [/^user\.value\.(id|profile)\b/, 'shown after a proof only (E-03)'],
  [/\.profile(\.|$)/, 'masked addresses are shown after a proof only (E-03)'],
  [/^recoveryAuthenticator\b/, 'while a password is recovered, and not in a sign-in'],
  [/^step$/, 'of the vendor\'s test server, and of no recording'],
  [/\[select-enroll-profile\]/, 'no registration yet'],
  [/options\[(?!Email|Password|Google Authenticator)[^\]]*\]/, 'an authenticator that this org does not have, or under a made-up name'],
  [/^authenticat(ors|orEnrollments)\.value\[[^\]]*\]$/, 'the same: which authenticators there are is the org\'s'],
  [/\[select-authenticator-enroll\]\.value\[authenticator\]\.required$/, 'some recordings have it, some have not'],
  [/\.authenticator[iI]d$/, 'of made-up samples: recordings have id'],
  [/\.complexity\.exclude(First|Last)Name$/, 'excludeAttributes says the same, and a widget that reads both would say it twice'],
  [/\.complexity\.maxConsecutiveRepeatingCharacters$/, 'a rule that there is not'],
  [/\.visible$/, 'true is what it is without'],
  [/^enrollmentAuthenticator$/, 'where nothing is set up no client reads it'],
  [/\[authenticator-verification-data\].*|^currentAuthenticatorEnrollment\.value\.resend$/, 'nothing was sent yet that could be sent again'],
];

const seen = [];
const used = new Set();
after(() => {
  console.log(`${seen.length} samples compared`);
  const stale = EXCEPTIONS.filter((exception) => !used.has(exception)).map(([, why]) => why);
  assert.deepEqual(stale, [], 'exceptions that no sample needs any more');
});

async function compare(name, flow, besides = []) {
  const sample = JSON.parse(await readFile(new URL(name, SAMPLES), 'utf8'));
  const reasons = [...EXCEPTIONS, ...besides];
  const isExcepted = (path) => {
    const reason = reasons.find(([pattern]) => pattern.test(path));
    used.add(reason);
    return reason !== undefined;
  };
  const lacks = missing(sample, flow.last.json).filter((path) => !isExcepted(path));
  assert.deepEqual(lacks, [], `${name}: the live document lacks what the recorded one has`);
  seen.push(name);
}

const appId = (flow) => flow.optionId('Google Authenticator', 'select-authenticator-enroll');

describe('documents have what recorded ones have', () => {
  const life = lifetime();
  let engine;
  before(async () => {
    engine = await Served.start(life, { sections: { recovery: '[recovery]\nrevoke_sessions = "ask"' } });
  });

  it('of the first pages', async () => {
    const flow = await Flow.start(engine);
    await compare('identify-with-password.json', flow);
    await flow.recover();
    await compare('identify-recovery.json', flow);
  });

  it('of a recovery', async () => {
    const flow = await Flow.start(engine);
    await flow.recover();
    await flow.identify(DEMO.user);
    await compare('authenticator-verification-select-authenticator-for-recovery.json', flow);
    await flow.selectEmail();
    await compare('authenticator-verification-email.json', flow);
    const { code } = await engine.mailbox.code();
    await flow.answer({ passcode: wrongCode(code) });
    await compare('error-401-invalid-email-otp-passcode.json', flow);
    await flow.answer({ passcode: code });
    await compare('authenticator-reset-password.json', flow);
    await flow.answer({ passcode: 'short' });
    await compare('error-authenticator-reset-password-requirement.json', flow);
    await flow.answer({ passcode: DEMO.password.replace('42', '43') });
    await compare('success-with-interaction-code.json', flow, [
      [/^(user\.value\.identifier|cancel)$/, 'the flow is over: nothing to cancel, and clients read the tokens (idx-wire 4.7)'],
    ]);
  });

  it('of a session that is over', async () => {
    const flow = await Flow.start(engine);
    flow.state = 'made-up';
    await flow.post('cancel');
    await compare('error-401-session-expired.json', flow, [[/^(stateHandle|expiresAt|intent)$/, 'nothing is left to go on with (idx-wire 6.17)']]);
  });
});

describe('documents of other settings have what recorded ones have', () => {
  const start = async (t, sections) => {
    const engine = await Served.start(t, { sections });
    return { engine, flow: await Flow.start(engine) };
  };

  it('identifier first', async (t) => {
    const { flow } = await start(t, {
      org: '[org]\nname = "Example"\nsign_in_mode = "identifier_first"',
      sign_in: '[sign_in]\nfirst_factors = ["okta_password", "okta_email"]',
    });
    await compare('identify.json', flow);
    await flow.identify(DEMO.user);
    await compare('authenticator-verification-select-authenticator-with-email.json', flow, [
      [/options\[Google Authenticator\]$/, 'nothing that a sign-in begins with here'],
    ]);
    await flow.post('challenge', { authenticator: { id: flow.optionId('Password') } });
    await compare('authenticator-verification-password.json', flow);
    await flow.answer({ passcode: 'wrong' });
    await compare('error-authenticator-verify-password.json', flow);
  });

  it('an authenticator app that is set up, and asked for', async (t) => {
    const { flow, engine } = await start(t, { enrollment: '[enrollment]\nrequired = ["google_otp"]' });
    await flow.identify(DEMO.user, DEMO.password);
    await compare('authenticator-enroll-select-authenticator.json', flow);
    await flow.post('credential/enroll', { authenticator: { id: appId(flow) } });
    await compare('authenticator-enroll-google-authenticator.json', flow);
    const { sharedSecret } = flow.last.json.currentAuthenticator.value.contextualData;
    await flow.answer({ passcode: totp(sharedSecret) });
    const next = await Flow.start(engine);
    await next.identify(DEMO.user, DEMO.password);
    const alone = [
      [/\[select-authenticator-authenticate\]$/, 'one way is no choice'],
      [/^currentAuthenticator(\.|$)/, 'clients read currentAuthenticatorEnrollment here, as in the recordings of other authenticators'],
    ];
    await compare('authenticator-verification-google-authenticator.json', next, alone);
    await next.answer({ passcode: totp(sharedSecret) });
    await compare('error-authenticator-verification-on-google-otp-used-passcode.json', next, alone);
  });

  it('an authenticator app that is offered', async (t) => {
    const { flow } = await start(t, { enrollment: '[enrollment]\noptional = ["google_otp"]' });
    await flow.identify(DEMO.user, DEMO.password);
    await compare('authenticator-enroll-select-authenticator-with-skip.json', flow);
  });

  it('a password that is too old, or soon is', async (t) => {
    const old = { password: '[password]\nmax_age_days = 90\nwarn_days = 7' };
    const { engine } = await start(t, old);
    await engine.advance(86 * DAY);
    const soon = await Flow.start(engine);
    await soon.identify(DEMO.user, DEMO.password);
    await compare('authenticator-expiry-warning-password.json', soon);
    await engine.advance(5 * DAY);
    const late = await Flow.start(engine);
    await late.identify(DEMO.user, DEMO.password);
    await compare('authenticator-expired-password.json', late);
  });

  it('the confirmation of a mail, and a recovery that does not sign in', async (t) => {
    const { flow, engine } = await start(t, { recovery: '[recovery]\nsingle_authenticator = "verify"\nauto_sign_in = false' });
    await flow.recover();
    await flow.identify(DEMO.user);
    await compare('authenticator-verification-data-email.json', flow);
    const { authenticator } = Object.fromEntries(flow.form('authenticator-verification-data').value.map((field) => [field.name, field]));
    const id = authenticator.form.value.find(({ name }) => name === 'id').value;
    await flow.post('challenge', { authenticator: { id, methodType: 'email' } });
    await flow.answer({ passcode: (await engine.mailbox.code()).code });
    await flow.answer({ passcode: 'Brass-Kettle-77-north' });
    await compare('terminal-reset-password-success.json', flow, [[/^(stateHandle|expiresAt|intent|user)$/, 'nothing is left to go on with: clients clear what they keep (idx-wire 6.17)']]);
  });

  it('a name that nobody has, where that is told', async (t) => {
    const { flow } = await start(t, { org: '[org]\nname = "Example"\nuser_enumeration_prevention = false' });
    await flow.recover();
    await flow.identify('nobody@example.com');
    await compare('identify-unknown-user.json', flow, [[/\[identify\]$/, 'the recording is of the page of a sign-in, this one of a recovery']]);
  });
});

// What goes over the wire beside the documents: media types, headers, CORS, and bodies nobody should send.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { Demo, DEMO } from '../rig/engine.js';
import { call, Flow, ION, postForm, postJson } from '../rig/idx.js';
import { lifetime } from '../rig/lifetime.js';

const SUCCESS_TYPE = 'application/ion+json; okta-version=1.0.0';
const ERROR_TYPE = /^application\/json/;

describe('media types and headers', () => {
  let demo;
  const life = lifetime();
  before(async () => (demo = await Demo.start(life)));

  const headersOf = (answer) => ({
    requestId: answer.headers.get('x-okta-request-id'),
    cache: answer.headers.get('cache-control'),
    pragma: answer.headers.get('pragma'),
    expires: answer.headers.get('expires'),
  });

  const assertEveryAnswerHeaders = (answer, what) => {
    const headers = headersOf(answer);
    assert.ok(headers.requestId, `${what}: x-okta-request-id`);
    assert.match(headers.cache ?? '', /no-store/, `${what}: cache-control`);
    assert.match(headers.cache ?? '', /no-cache/, `${what}: cache-control`);
    assert.equal(headers.pragma, 'no-cache', what);
    assert.equal(headers.expires, '0', what);
    assert.equal(answer.headers.get('www-authenticate'), null, `${what}: no www-authenticate`);
    assert.ok(Math.abs(Date.parse(answer.headers.get('date')) - Date.now()) < 300_000, `${what}: date`);
  };

  it('a successful IDX answer is ion+json, an IDX error is json, both with all headers', async () => {
    const flow = await Flow.start(demo);
    assert.equal(flow.last.status, 200);
    assert.equal(flow.last.headers.get('content-type'), SUCCESS_TYPE);
    assertEveryAnswerHeaders(flow.last, 'introspect');
    const refused = await flow.identify(DEMO.user, 'not-this-one');
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get('content-type'), ERROR_TYPE);
    assert.equal(refused.json.version, '1.0.0');
    assertEveryAnswerHeaders(refused, 'identify');
  });

  it('every answer names the rate limit and what is left of it', async () => {
    const flow = await Flow.start(demo);
    const keys = await call(`${demo.issuer}/v1/keys`);
    const refused = await flow.identify(DEMO.user, 'not-this-one');
    for (const { headers } of [flow.last, keys, refused]) {
      assert.match(headers.get('x-rate-limit-limit') ?? '', /^\d+$/);
      assert.match(headers.get('x-rate-limit-remaining') ?? '', /^\d+$/);
      assert.match(headers.get('x-rate-limit-reset') ?? '', /^\d{10}$/);
    }
  });

  it('an introspect of an unknown handle is a json document that clients recognise', async () => {
    const answer = await postJson(`${demo.engine}/idp/idx/introspect`, { interactionHandle: 'nothing' }, { 'content-type': ION });
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('content-type'), ERROR_TYPE);
    assert.equal(answer.json.version, '1.0.0');
    assert.equal(answer.json.messages.type, 'array');
    assert.equal(answer.json.messages.value[0].i18n.key, 'idx.session.expired');
    for (const absent of ['stateHandle', 'cancel', 'remediation']) assert.equal(absent in answer.json, false, absent);
    assertEveryAnswerHeaders(answer, 'introspect');
  });

  for (const type of [
    'application/json',
    'application/json;charset=utf-8',
    'application/json; okta-version=1.0.0',
    'application/json;okta-version=1.0.0',
    'application/ion+json',
    'application/ion+json; okta-version=1.0.0',
    'application/ion+json;okta-version=1.0.0',
    'application/vnd.okta.v1+json',
    'application/vnd.okta.v1+json; okta-version=1.0.0',
  ]) {
    it(`accepts a body of type ${type}`, async () => {
      const flow = await Flow.start(demo);
      const answer = await postJson(`${demo.engine}/idp/idx/recover`, { stateHandle: flow.state }, { 'content-type': type });
      assert.equal(answer.status, 200, answer.text);
    });
  }

  for (const accept of [undefined, '*/*', 'text/html', 'application/json; okta-version=1.0.0', 'nonsense']) {
    it(`never refuses the Accept header ${accept}`, async () => {
      const flow = await Flow.start(demo);
      const headers = { 'content-type': 'application/json', ...(accept ? { accept } : {}) };
      const answer = await call(`${demo.engine}/idp/idx/recover`, {
        method: 'POST', headers, body: JSON.stringify({ stateHandle: flow.state }),
      });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers.get('content-type'), SUCCESS_TYPE);
    });
  }

  it('refuses another okta-version with 400', async () => {
    const flow = await Flow.start(demo);
    const answer = await postJson(`${demo.engine}/idp/idx/recover`, { stateHandle: flow.state }, {
      'content-type': 'application/ion+json; okta-version=2.0.0',
    });
    assert.equal(answer.status, 400);
  });

  it('answers a wrong verb and an unknown path in JSON', async () => {
    const verb = await call(`${demo.engine}/idp/idx/introspect`);
    assert.equal(verb.status, 405);
    assert.equal(verb.json.errorCode, 'E0000022');
    const path = await call(`${demo.engine}/idp/idx/nothing`, { method: 'POST' });
    assert.equal(path.status, 404);
    assert.equal(path.json.errorCode, 'E0000008');
    for (const answer of [verb, path]) {
      assert.ok(answer.json.errorSummary);
      assert.ok(answer.json.errorId);
      assert.deepEqual(answer.json.errorCauses, []);
      assert.ok(answer.headers.get('x-okta-request-id'));
    }
  });
});

describe('CORS', () => {
  let demo;
  const life = lifetime();
  before(async () => (demo = await Demo.start(life)));

  const ASKED = 'content-type,x-okta-user-agent-extended,accept,authorization,x-device-fingerprint,x-device-token,x-requested-with,accept-language,dpop';
  const preflight = (url, origin, method = 'POST') =>
    call(url, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': ASKED },
    });
  const IDX_PATHS = ['introspect', 'identify', 'recover', 'challenge', 'challenge/answer', 'challenge/resend', 'challenge/poll', 'credential/enroll', 'skip', 'cancel'];

  it('a preflight from a trusted origin allows what auth-js sends, with credentials', async () => {
    const urls = [...IDX_PATHS.map((path) => `${demo.engine}/idp/idx/${path}`), `${demo.issuer}/v1/interact`];
    for (const url of urls) {
      const answer = await preflight(url, DEMO.trustedOrigin);
      assert.ok(answer.status === 200 || answer.status === 204, `${url}: ${answer.status}`);
      assert.equal(answer.headers.get('access-control-allow-origin'), DEMO.trustedOrigin, url);
      assert.equal(answer.headers.get('access-control-allow-credentials'), 'true', url);
      assert.match(answer.headers.get('vary') ?? '', /origin/i, url);
      const allowed = answer.headers.get('access-control-allow-headers').toLowerCase().split(/,\s*/);
      for (const name of ASKED.split(',')) assert.ok(allowed.includes(name), `${url}: ${name}`);
      assert.match(answer.headers.get('access-control-allow-methods'), /POST/);
      assert.equal(answer.headers.get('access-control-max-age'), '3600');
    }
  });

  it('an answer to a trusted origin exposes the headers that clients read', async () => {
    const answer = await postJson(`${demo.engine}/idp/idx/introspect`, { interactionHandle: 'nothing' }, { origin: DEMO.trustedOrigin });
    assert.equal(answer.headers.get('access-control-allow-origin'), DEMO.trustedOrigin);
    assert.equal(answer.headers.get('access-control-allow-credentials'), 'true');
    const exposed = answer.headers.get('access-control-expose-headers').toLowerCase();
    for (const name of ['x-okta-request-id', 'x-rate-limit-limit', 'x-rate-limit-remaining', 'x-rate-limit-reset', 'www-authenticate']) {
      assert.ok(exposed.includes(name), name);
    }
  });

  for (const origin of ['http://evil.example', 'null', 'http://localhost:3000.evil.example', 'http://localhost:30000', 'https://localhost:3000', 'http://sub.localhost:3000']) {
    it(`gives nothing to the origin ${origin}`, async () => {
      for (const url of [`${demo.engine}/idp/idx/introspect`, `${demo.issuer}/v1/interact`]) {
        const asked = await preflight(url, origin);
        assert.equal(asked.headers.get('access-control-allow-origin'), null, url);
        assert.equal(asked.headers.get('access-control-allow-credentials'), null, url);
      }
      const answer = await postJson(`${demo.engine}/idp/idx/introspect`, { interactionHandle: 'nothing' }, { origin });
      assert.equal(answer.headers.get('access-control-allow-origin'), null);
    });
  }

  it('public endpoints never allow credentials to an origin that is not trusted', async () => {
    for (const url of [`${demo.issuer}/.well-known/openid-configuration`, `${demo.issuer}/v1/keys`]) {
      const answer = await call(url, { headers: { origin: 'http://evil.example' } });
      assert.ok([null, '*'].includes(answer.headers.get('access-control-allow-origin')), url);
      assert.equal(answer.headers.get('access-control-allow-credentials'), null, url);
    }
  });
});

describe('bodies nobody should send', () => {
  let demo;
  const life = lifetime();
  before(async () => (demo = await Demo.start(life)));

  const deep = (depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  const BODIES = {
    'nothing at all': () => '',
    'half of an object': (state) => `{"stateHandle":"${state}"`,
    'no JSON': () => 'identifier=alice',
    'an array': () => '[]',
    'a bare string': (state) => JSON.stringify(state),
    'a number beyond every float': (state) => `{"stateHandle":"${state}","identifier":1e400}`,
    'a lone surrogate': (state) => `{"stateHandle":"${state}","identifier":"\\ud800"}`,
    'a member of the wrong type': (state) => `{"stateHandle":"${state}","identifier":{"a":1}}`,
    'the same key twice': (state) => `{"stateHandle":"${state}","identifier":"a@example.com","identifier":"b@example.com"}`,
    'the same key twice deep inside': (state) => `{"stateHandle":"${state}","identifier":"a@example.com","credentials":{"passcode":"a","passcode":"b"}}`,
    'a thousand levels': (state) => `{"stateHandle":"${state}","identifier":"a@example.com","x":${deep(1000)}}`,
    'forty levels': (state) => `{"stateHandle":"${state}","identifier":"a@example.com","x":${deep(40)}}`,
    'two thousand members': (state) =>
      JSON.stringify({ stateHandle: state, identifier: 'a@example.com', x: Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, 1])) }),
    'a hundred KiB': (state) => JSON.stringify({ stateHandle: state, identifier: 'a'.repeat(100 * 1024) }),
    'bytes that are no UTF-8': (state) => Buffer.concat([Buffer.from(`{"stateHandle":"${state}","identifier":"`), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
  };

  for (const [name, body] of Object.entries(BODIES)) {
    it(`refuses ${name} and changes nothing`, async () => {
      const flow = await Flow.start(demo);
      await flow.recover();
      const before = (await flow.introspect()).json;
      const answer = await call(`${demo.engine}/idp/idx/identify`, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: body(flow.state),
      });
      assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${answer.text.slice(0, 200)}`);
      assert.match(answer.headers.get('content-type'), ERROR_TYPE);
      assert.ok(answer.json.errorSummary || answer.json.messages?.value?.length, answer.text.slice(0, 200));
      const { expiresAt: _, ...after } = (await flow.introspect()).json;
      const { expiresAt: __, ...unchanged } = before;
      assert.deepEqual(after, unchanged);
    });
  }

  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml']) {
    it(`refuses JSON that is sent as ${type}`, async () => {
      const flow = await Flow.start(demo);
      const answer = await postJson(`${demo.engine}/idp/idx/recover`, { stateHandle: flow.state }, { 'content-type': type });
      assert.ok([400, 415].includes(answer.status), `${answer.status}`);
      await flow.introspect();
      assert.equal(flow.offers[0], 'identify');
    });
  }

  it('ignores members that it does not know', async () => {
    const flow = await Flow.start(demo);
    await flow.recover();
    const answer = await flow.post('identify', { identifier: DEMO.user, rememberMe: false, captchaVerify: undefined, shoe: { size: 42 } });
    assert.equal(answer.status, 200, answer.text);
  });

  it('answers a form that is too large or no form at all with an OAuth error', async () => {
    const large = await postForm(`${demo.issuer}/v1/token`, `grant_type=interaction_code&x=${'a'.repeat(100 * 1024)}`);
    assert.ok([400, 413].includes(large.status), `${large.status}`);
    const json = await postJson(`${demo.issuer}/v1/token`, { grant_type: 'interaction_code' });
    assert.ok([400, 415].includes(json.status), `${json.status}`);
    for (const answer of [large, json]) {
      assert.ok(answer.json.error);
      assert.ok(answer.json.error_description);
    }
  });
});

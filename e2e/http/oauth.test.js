// OAuth 2.0 and OpenID Connect by hand, with the habits of the other clients.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';

import { Demo, DEMO } from '../rig/engine.js';
import { call, Flow, pkce, postForm } from '../rig/idx.js';
import { lifetime } from '../rig/lifetime.js';
import { keyId, verifiedAccessToken, verifiedIdToken } from '../rig/tokens.js';

const SCOPE = 'openid profile email offline_access';

let demo;
const life = lifetime();
before(async () => (demo = await Demo.start(life)));
beforeEach(() => demo.reset());

/** A flow that has just signed in, with its interaction code not yet redeemed. */
async function signedIn(options = {}) {
  const flow = await Flow.start(demo, { scope: SCOPE, ...options });
  await flow.identify(DEMO.user, DEMO.password);
  assert.ok(flow.interactionCode, flow.last.text);
  return flow;
}

const isActive = async (token) =>
  (await postForm(`${demo.issuer}/v1/introspect`, { token, client_id: DEMO.spa.clientId })).json.active;

describe('discovery and keys', () => {
  it('says what it is, for the custom and the org server', async () => {
    for (const [url, issuer, prefix] of [
      [`${demo.issuer}/.well-known/openid-configuration`, demo.issuer, `${demo.issuer}/v1`],
      [`${demo.engine}/.well-known/openid-configuration`, demo.engine, `${demo.engine}/oauth2/v1`],
    ]) {
      const { status, json } = await call(url);
      assert.equal(status, 200);
      assert.equal(json.issuer, issuer);
      assert.equal(json.token_endpoint, `${prefix}/token`);
      assert.equal(json.jwks_uri, `${prefix}/keys`);
      assert.equal(json.userinfo_endpoint, `${prefix}/userinfo`);
      assert.equal(json.introspection_endpoint, `${prefix}/introspect`);
      assert.equal(json.revocation_endpoint, `${prefix}/revoke`);
      assert.equal(json.end_session_endpoint, `${prefix}/logout`);
      assert.ok(json.code_challenge_methods_supported.includes('S256'));
      assert.deepEqual(json.id_token_signing_alg_values_supported, ['RS256']);
      assert.equal(json.grant_types_supported.includes('implicit'), false);
      assert.equal(json.grant_types_supported.includes('password'), false);
    }
  });

  it('keys stay the same over a restart', async (t) => {
    const own = await Demo.start(t);
    const before = await call(`${own.issuer}/v1/keys`);
    assert.equal(before.json.keys[0].kty, 'RSA');
    assert.equal(before.json.keys[0].use, 'sig');
    assert.equal('d' in before.json.keys[0], false);
    await own.crash();
    assert.deepEqual((await call(`${own.issuer}/v1/keys`)).json, before.json);
  });
});

describe('interact', () => {
  const fields = (overrides = {}) => ({
    client_id: DEMO.spa.clientId,
    scope: 'openid',
    redirect_uri: DEMO.redirectUri,
    code_challenge: pkce().challenge,
    code_challenge_method: 'S256',
    state: 's',
    ...overrides,
  });
  const interact = (overrides, headers) => postForm(`${demo.issuer}/v1/interact`, fields(overrides), headers);

  const REFUSALS = [
    ['an unknown client', { client_id: 'nobody' }, 401, 'invalid_client'],
    ['a wrong secret', { ...{ client_id: DEMO.web.clientId, client_secret: 'wrong' } }, 401, 'invalid_client'],
    ['an address that is not registered', { redirect_uri: 'http://evil.example/cb' }, 400, 'invalid_request'],
    ['an address with something appended', { redirect_uri: `${DEMO.redirectUri}/x` }, 400, 'invalid_request'],
    ['an unknown scope', { scope: 'openid world_domination' }, 400, 'invalid_scope'],
    ['a plain challenge', { code_challenge_method: 'plain' }, 400, 'invalid_request'],
    ['no challenge', { code_challenge: '', code_challenge_method: '' }, 400, 'invalid_request'],
  ];
  for (const [name, overrides, status, error] of REFUSALS) {
    it(`interact refuses ${name}`, async () => {
      const answer = await interact(overrides);
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.json.error, error);
      assert.ok(answer.json.error_description);
      assert.match(answer.headers.get('content-type'), /^application\/json/);
    });
  }

  it('interact names the missing challenge as clients expect', async () => {
    const answer = await interact({ code_challenge: '', code_challenge_method: '' });
    assert.equal(answer.json.error_description, "PKCE code challenge is required when the token endpoint authentication method is 'NONE'.");
  });

  it('interact does not ask a confidential client for its secret, as the Go client never sends one', async () => {
    const answer = await interact({ client_id: DEMO.web.clientId });
    assert.equal(answer.status, 200, answer.text);
    assert.ok(answer.json.interaction_handle);
  });

  it('interact takes a body that is not percent-encoded, as the Java client sends it', async () => {
    const { challenge } = pkce();
    const body = `client_id=${DEMO.spa.clientId}&client_secret=null&scope=openid profile email&code_challenge=${challenge}`
      + `&code_challenge_method=S256&redirect_uri=${DEMO.redirectUri}&state=a-b-c`;
    const answer = await postForm(`${demo.issuer}/v1/interact`, body);
    assert.equal(answer.status, 200, answer.text);
    assert.ok(answer.json.interaction_handle);
  });

  it('interact refuses a parameter that comes twice', async () => {
    const answer = await postForm(`${demo.issuer}/v1/interact`, `${new URLSearchParams(fields())}&scope=profile`);
    assert.equal(answer.status, 400);
    assert.equal(answer.json.error, 'invalid_request');
  });
});

describe('token', () => {
  it('a public client redeems its code with the verifier', async () => {
    const flow = await signedIn();
    const { status, json, headers } = await flow.redeem();
    assert.equal(status, 200);
    assert.match(headers.get('content-type'), /^application\/json/);
    assert.match(headers.get('cache-control'), /no-store/);
    assert.equal(json.token_type, 'Bearer');
    assert.equal(typeof json.expires_in, 'number');
    assert.equal('state' in json, false);
    await verifiedIdToken(demo, { idToken: json.id_token, accessToken: json.access_token, nonce: flow.nonce, clientId: DEMO.spa.clientId });
    await verifiedAccessToken(demo, json.access_token, DEMO.spa.clientId);
    assert.equal(keyId(json.id_token), (await call(`${demo.issuer}/v1/keys`)).json.keys[0].kid);
  });

  it('the Go client redeems with everything in the query string and no body', async () => {
    const flow = await signedIn();
    const query = new URLSearchParams({
      grant_type: 'interaction_code',
      interaction_code: flow.interactionCode,
      client_id: DEMO.spa.clientId,
      code_verifier: flow.pkce.verifier,
    });
    const answer = await call(`${demo.issuer}/v1/token?${query}`, {
      method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    });
    assert.equal(answer.status, 200, answer.text);
    assert.ok(answer.json.access_token);
  });

  it('a confidential client authenticates in the body or with Basic', async () => {
    const inBody = await (await signedIn({ client: DEMO.web })).redeem();
    assert.equal(inBody.status, 200, inBody.text);
    const flow = await signedIn({ client: DEMO.web });
    const basic = Buffer.from(`${DEMO.web.clientId}:${DEMO.web.clientSecret}`).toString('base64');
    const answer = await postForm(`${demo.issuer}/v1/token`, {
      grant_type: 'interaction_code', interaction_code: flow.interactionCode, code_verifier: flow.pkce.verifier,
    }, { authorization: `Basic ${basic}` });
    assert.equal(answer.status, 200, answer.text);
  });

  it('a wrong verifier is refused with the recorded text, and the code is spent', async () => {
    const flow = await signedIn();
    const wrong = await flow.redeem({ code_verifier: pkce().verifier });
    assert.equal(wrong.status, 400);
    assert.deepEqual(wrong.json, { error: 'invalid_grant', error_description: 'PKCE verification failed.' });
    assert.notEqual((await flow.redeem()).status, 200);
  });

  it('a confidential client without its secret, or with a wrong one, gets nothing', async () => {
    for (const client_secret of [undefined, '', 'wrong']) {
      const flow = await signedIn({ client: DEMO.web });
      const fields = {
        grant_type: 'interaction_code', interaction_code: flow.interactionCode, client_id: DEMO.web.clientId,
        code_verifier: flow.pkce.verifier, ...(client_secret === undefined ? {} : { client_secret }),
      };
      const answer = await postForm(`${demo.issuer}/v1/token`, fields);
      assert.equal(answer.status, 401, `${client_secret}`);
      assert.equal(answer.json.error, 'invalid_client');
    }
  });

  it("another client cannot redeem a code, and the code's owner still can", async () => {
    const flow = await signedIn();
    const foreign = await flow.redeem({ client_id: DEMO.web.clientId, client_secret: DEMO.web.clientSecret });
    assert.equal(foreign.status, 400);
    assert.equal(foreign.json.error, 'invalid_grant');
    const again = await flow.redeem();
    assert.ok(again.status === 200 || again.json.error === 'invalid_grant', again.text);
  });

  it('a code that is redeemed twice revokes what the first redemption gave', async () => {
    const flow = await signedIn();
    const first = await flow.redeem();
    assert.equal(first.status, 200);
    assert.equal(await isActive(first.json.access_token), true);
    const second = await flow.redeem();
    assert.equal(second.status, 400);
    assert.equal(second.json.error, 'invalid_grant');
    assert.equal(await isActive(first.json.access_token), false);
    assert.equal(await isActive(first.json.refresh_token), false);
  });

  it('of ten redemptions at the same moment at most one succeeds', async () => {
    const flow = await signedIn();
    const answers = await Promise.all(Array.from({ length: 10 }, () => flow.redeem()));
    assert.ok(answers.filter(({ status }) => status === 200).length <= 1);
    for (const { status, json } of answers) assert.ok(status === 200 || json.error === 'invalid_grant');
  });

  it('a code is dead after sixty seconds', async () => {
    const flow = await signedIn();
    await demo.advance(61);
    const answer = await flow.redeem();
    assert.equal(answer.status, 400);
    assert.equal(answer.json.error, 'invalid_grant');
  });

  it('another redirect address than the one at the start is refused', async () => {
    const flow = await signedIn();
    const answer = await flow.redeem({ redirect_uri: 'http://localhost:3000/login/callback' });
    assert.equal(answer.status, 400);
    assert.equal(answer.json.error, 'invalid_grant');
  });

  for (const grant_type of ['password', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code', 'nonsense', '']) {
    it(`refuses the grant type "${grant_type}"`, async () => {
      const answer = await postForm(`${demo.issuer}/v1/token`, { grant_type, client_id: DEMO.spa.clientId });
      assert.equal(answer.status, 400, answer.text);
      assert.ok(['unsupported_grant_type', 'unauthorized_client', 'invalid_request'].includes(answer.json.error), answer.text);
    });
  }

  it('tokens without openid and offline_access carry neither ID token nor refresh token', async () => {
    const flow = await signedIn({ scope: 'profile' });
    const { json } = await flow.redeem();
    assert.ok(json.access_token);
    assert.equal('id_token' in json, false);
    assert.equal('refresh_token' in json, false);
  });
});

describe('refresh, introspect, revoke, userinfo, logout', () => {
  const refresh = (refresh_token) =>
    postForm(`${demo.issuer}/v1/token`, { grant_type: 'refresh_token', refresh_token, client_id: DEMO.spa.clientId, scope: SCOPE });

  it('a refresh token rotates, and reuse after the grace period ends the family', async () => {
    const { json: first } = await (await signedIn()).redeem();
    const second = await refresh(first.refresh_token);
    assert.equal(second.status, 200, second.text);
    assert.notEqual(second.json.refresh_token, first.refresh_token);
    await demo.advance(61);
    const reuse = await refresh(first.refresh_token);
    assert.equal(reuse.status, 400);
    assert.deepEqual(reuse.json, { error: 'invalid_grant', error_description: 'The refresh token is invalid or expired.' });
    assert.equal((await refresh(second.json.refresh_token)).status, 400);
  });

  it('a refresh cannot widen the scope', async () => {
    const flow = await signedIn({ scope: 'openid offline_access' });
    const { json } = await flow.redeem();
    const answer = await postForm(`${demo.issuer}/v1/token`, {
      grant_type: 'refresh_token', refresh_token: json.refresh_token, client_id: DEMO.spa.clientId, scope: 'openid email offline_access',
    });
    assert.equal(answer.status, 400);
    assert.equal(answer.json.error, 'invalid_scope');
  });

  it('Basic credentials without a colon name a public client on revoke and introspect', async () => {
    const { json } = await (await signedIn()).redeem();
    const authorization = `Basic ${Buffer.from(DEMO.spa.clientId).toString('base64')}`;
    const active = await postForm(`${demo.issuer}/v1/introspect`, { token: json.access_token, token_type_hint: 'access_token' }, { authorization });
    assert.equal(active.json.active, true, active.text);
    assert.equal(active.json.client_id, DEMO.spa.clientId);
    assert.equal(active.json.username, DEMO.user);
    const revoked = await postForm(`${demo.issuer}/v1/revoke`, { token: json.refresh_token, token_type_hint: 'refresh_token' }, { authorization });
    assert.equal(revoked.status, 200);
    assert.equal(revoked.text, '');
    assert.equal(await isActive(json.refresh_token), false);
    assert.equal(await isActive(json.access_token), false, 'its access tokens go with the refresh token');
  });

  it('revoking the access token leaves the refresh token alone', async () => {
    const { json } = await (await signedIn()).redeem();
    await postForm(`${demo.issuer}/v1/revoke`, { token: json.access_token, client_id: DEMO.spa.clientId });
    assert.equal(await isActive(json.access_token), false);
    assert.equal(await isActive(json.refresh_token), true);
  });

  it('revoke of nonsense is fine, and another client cannot revoke', async () => {
    const nonsense = await postForm(`${demo.issuer}/v1/revoke`, { token: 'nonsense', client_id: DEMO.spa.clientId });
    assert.equal(nonsense.status, 200);
    const { json } = await (await signedIn()).redeem();
    await postForm(`${demo.issuer}/v1/revoke`, { token: json.access_token, client_id: DEMO.web.clientId, client_secret: DEMO.web.clientSecret });
    assert.equal(await isActive(json.access_token), true);
  });

  it('userinfo answers a bearer, and tells others what is wrong', async () => {
    const { json } = await (await signedIn()).redeem();
    for (const method of ['GET', 'POST']) {
      const answer = await call(`${demo.issuer}/v1/userinfo`, { method, headers: { authorization: `Bearer ${json.access_token}` } });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.email, DEMO.user);
      assert.equal(answer.json.email_verified, true);
    }
    for (const headers of [{}, { authorization: 'Bearer nonsense' }, { authorization: `Bearer ${json.id_token}` }]) {
      const answer = await call(`${demo.issuer}/v1/userinfo`, { headers });
      assert.equal(answer.status, 401);
      assert.match(answer.headers.get('www-authenticate'), /^Bearer /);
    }
    const narrow = await (await signedIn({ scope: 'profile' })).redeem();
    const answer = await call(`${demo.issuer}/v1/userinfo`, { headers: { authorization: `Bearer ${narrow.json.access_token}` } });
    assert.equal(answer.status, 403);
    assert.match(answer.headers.get('www-authenticate'), /insufficient_scope/);
  });

  it('logout goes to a registered address only', async () => {
    const { json } = await (await signedIn()).redeem();
    const evil = await call(`${demo.issuer}/v1/logout?${new URLSearchParams({ id_token_hint: json.id_token, post_logout_redirect_uri: 'http://evil.example/' })}`);
    assert.ok(!(evil.headers.get('location') ?? '').startsWith('http://evil.example'));
  });
});

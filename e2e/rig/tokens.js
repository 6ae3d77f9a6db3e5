// Verifies tokens with an implementation that has nothing to do with the engine or with auth-js.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';

import { DEMO } from './engine.js';

/** Claims of the ID token after every check that an OpenID client must make. */
export async function verifiedIdToken(demo, { idToken, accessToken, nonce, clientId = DEMO.web.clientId }) {
  const keys = createRemoteJWKSet(new URL(`${demo.issuer}/v1/keys`));
  const { payload, protectedHeader } = await jwtVerify(idToken, keys, {
    issuer: demo.issuer,
    audience: clientId,
    algorithms: ['RS256'],
    requiredClaims: ['sub', 'iat', 'exp', 'auth_time', 'amr', 'at_hash', 'jti'],
  });
  assert.equal(protectedHeader.alg, 'RS256');
  assert.equal(payload.aud, clientId);
  assert.equal(payload.ver, 1);
  assert.match(payload.sub, /^00u[0-9A-Za-z]{17}$/);
  assert.match(payload.jti, /^ID\./);
  assert.equal(payload.at_hash, halfHash(accessToken));
  assert.equal(payload.nonce, nonce);
  return payload;
}

/** Claims of the access token of a custom server, verified against the same keys. */
export async function verifiedAccessToken(demo, accessToken, clientId = DEMO.web.clientId) {
  const keys = createRemoteJWKSet(new URL(`${demo.issuer}/v1/keys`));
  const { payload } = await jwtVerify(accessToken, keys, {
    issuer: demo.issuer,
    audience: 'api://default',
    algorithms: ['RS256'],
  });
  assert.equal(payload.cid, clientId);
  assert.match(payload.jti, /^AT\./);
  assert.ok(Array.isArray(payload.scp));
  return payload;
}

/** The `kid` in a token's header. */
export function keyId(token) {
  return decodeProtectedHeader(token).kid;
}

/** OpenID Connect Core §3.1.3.6: the left half of the hash, base64url. */
function halfHash(accessToken) {
  return createHash('sha256').update(accessToken, 'ascii').digest().subarray(0, 16).toString('base64url');
}

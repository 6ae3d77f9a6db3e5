// T-E10: however a client speaks HTTP, what comes back about a person and about nobody has one size, and is never compressed:
// the size of compressed bytes depends on what else is in the document.

import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import { before, beforeEach, describe, it } from 'node:test';

import { Demo, DEMO } from '../rig/engine.js';
import { Flow, ION } from '../rig/idx.js';
import { lifetime } from '../rig/lifetime.js';

/** Of the length of the demo user's name. */
const NOBODY = 'zelda@example.com';

const HEADERS = { 'content-type': 'application/json', accept: ION, 'accept-encoding': 'gzip, deflate, br, zstd' };

let demo;
const life = lifetime();
before(async () => (demo = await Demo.start(life)));
beforeEach(() => demo.reset());

/** Collects an answer: status, header names and values, and the size of the body as it came over the wire. */
function collect(stream, status, headers) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => resolve({ status, headers, bytes: Buffer.concat(chunks) }));
    stream.on('error', reject);
  });
}

function overHttp1(agent) {
  return (path, body) =>
    new Promise((resolve, reject) => {
      const request = http.request(`${demo.engine}${path}`, { method: 'POST', headers: HEADERS, agent }, (answer) =>
        resolve(collect(answer, answer.statusCode, answer.headers)),
      );
      request.on('error', reject);
      request.end(JSON.stringify(body));
    });
}

function overHttp2(session) {
  return (path, body) =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': path, ...HEADERS });
      stream.on('response', (headers) => resolve(collect(stream, headers[':status'], headers)));
      stream.on('error', reject);
      stream.end(JSON.stringify(body));
    });
}

/** The steps of a recovery before the proof, each as it came over the wire. */
async function steps(post, identifier) {
  const flow = await Flow.start(demo);
  const seen = [];
  let id;
  for (const [path, body] of [
    ['recover', () => ({})],
    ['identify', () => ({ identifier })],
    ['challenge', () => ({ authenticator: { id } })],
    ['challenge/poll', () => ({})],
    ['challenge/answer', () => ({ credentials: { passcode: '000000' } })],
    ['identify', () => ({ identifier: 'other@example.com' })],
  ]) {
    const answer = await post(`/idp/idx/${path}`, { ...body(), stateHandle: flow.state });
    const document = JSON.parse(answer.bytes.toString('utf8'));
    id ??= document.authenticators?.value.find(({ key }) => key === 'okta_email')?.id;
    seen.push({
      path,
      status: answer.status,
      size: answer.bytes.length,
      encoding: answer.headers['content-encoding'],
      headers: Object.keys(answer.headers).filter((name) => !name.startsWith(':')).sort(),
    });
  }
  return seen;
}

async function assertEqualFor(post) {
  const [known, nobody] = [await steps(post, DEMO.user), await steps(post, NOBODY)];
  assert.deepEqual(known, nobody);
  assert.deepEqual(known.map(({ status }) => status), [200, 200, 200, 200, 401, 400]);
  for (const { path, encoding, size } of known) {
    assert.equal(encoding, undefined, `${path} is compressed`);
    assert.ok(size > 500, `${path}: ${size}`);
  }
}

describe('sizes of answers (T-E10)', () => {
  it('HTTP/1.1, a connection for each request', () => assertEqualFor(overHttp1(new http.Agent({ keepAlive: false }))));

  it('HTTP/1.1, one connection for all', async (t) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    await assertEqualFor(overHttp1(agent));
  });

  it('HTTP/2', async (t) => {
    const session = http2.connect(demo.engine);
    t.after(() => session.close());
    await assertEqualFor(overHttp2(session));
  });
});

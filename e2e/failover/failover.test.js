// The primary dies under load, the standby takes over: the engine goes on without a restart (R-08, T-R8).

import assert from 'node:assert/strict';
import { it } from 'node:test';

import { Demo, DEMO } from '../rig/engine.js';
import { Flow, postForm } from '../rig/idx.js';
import { startPair } from '../rig/replication.js';
import { until } from '../rig/waiting.js';

const WORKERS = 4;
/** How long after the promotion everything must work again. */
const BACK_WITHIN_MS = 5_000;

/** What clients were told, and must stay true. */
class Facts {
  live = [];
  revoked = [];
  used = [];
  refused = 0;
}

/** Somebody signs in, and out again every other time; keeps what was acknowledged. */
async function visit(demo, facts, turn) {
  const flow = await Flow.start(demo);
  await flow.identify(DEMO.user, DEMO.password);
  const code = flow.interactionCode;
  if (!code) throw new Error('no interaction code');
  const redeemed = await flow.redeem();
  if (redeemed.status !== 200) throw new Error(`token: ${redeemed.status}`);
  facts.used.push(flow);
  const token = redeemed.json.access_token;
  if (turn % 2 === 0) {
    facts.live.push(token);
    return;
  }
  const answer = await postForm(`${demo.issuer}/v1/revoke`, { token, client_id: DEMO.spa.clientId });
  if (answer.status === 200) facts.revoked.push(token);
}

const asks = (demo, token) => fetch(`${demo.issuer}/v1/userinfo`, { headers: { authorization: `Bearer ${token}` } });

it('T-R8: a primary that is killed under load loses nothing that was acknowledged, and nobody restarts anything', async (t) => {
  const pair = await startPair(t);
  const demo = await Demo.start(t, { database: pair.url });
  const facts = new Facts();
  let goOn = true;
  const work = Array.from({ length: WORKERS }, async () => {
    for (let turn = 0; goOn; turn += 1) {
      await visit(demo, facts, turn).catch(() => (facts.refused += 1));
    }
  });
  await until('work under way', () => facts.live.length >= 10 && facts.revoked.length >= 10);

  await pair.primary.kill();
  const before = facts.refused;
  await until('a request that is refused', () => facts.refused > before);
  const health = await fetch(`${demo.engine}/health/live`);
  assert.equal(health.status, 200, 'alive without a database');
  await pair.promote();
  const promoted = Date.now();
  await until('a whole visit after the promotion', () => visit(demo, facts, 0).then(() => true, () => false));
  const back = Date.now() - promoted;
  t.diagnostic(`back ${back} ms after the promotion`);
  assert.ok(back <= BACK_WITHIN_MS, `${back} ms`);
  const acknowledged = facts.live.length;
  await until('more work', () => facts.live.length >= acknowledged + 4);
  goOn = false;
  await Promise.all(work);

  for (const token of facts.live) assert.equal((await asks(demo, token)).status, 200, 'a session was lost');
  for (const token of facts.revoked) assert.equal((await asks(demo, token)).status, 401, 'a revoked session came back');
  // Last, because a second use of a code ends the session that its first use began (I-09).
  for (const flow of facts.used) assert.equal((await flow.redeem()).status, 400, 'a used code came back');
  t.diagnostic(`${facts.live.length} sessions, ${facts.revoked.length} revocations, ${facts.used.length} codes, ${facts.refused} refused`);
});

// What operators and their machines ask of a running engine.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { describe, it } from 'node:test';

import { freePort } from '../rig/engine.js';
import { call } from '../rig/idx.js';
import { Served } from '../rig/serve.js';
import { until } from '../rig/waiting.js';

async function served(t) {
  const port = await freePort();
  const metrics = await freePort();
  const engine = await Served.start(t, { dev: false, user: false });
  await engine.process.stop();
  const text = await readFile(engine.config, 'utf8');
  await writeFile(engine.config, text.replace('[server]', `[server]\nmetrics_listen = "${metrics}"`));
  const ready = await engine.restart();
  return { engine, ready, metrics: `http://127.0.0.1:${metrics}`, port };
}

describe('health and metrics', () => {
  it('are on a listener of their own, on this machine only (H-09, T-H7)', async (t) => {
    const { engine, ready, metrics } = await served(t);
    assert.equal(ready.metrics, metrics);
    const page = await call(`${metrics}/metrics`);
    assert.equal(page.status, 200);
    assert.match(page.text, /^regain_build_info\{version="[0-9.]+"\} 1$/m);
    assert.match(page.text, /^process_resident_memory_bytes [1-9]\d+$/m);
    assert.equal((await call(`${engine.engine}/metrics`)).status, 404);
    assert.equal((await call(`${metrics}/oauth2/default/v1/keys`)).status, 404);
    for (const origin of [engine.engine, metrics]) {
      assert.deepEqual((await call(`${origin}/health/live`)).json, { status: 'ok' });
      assert.deepEqual((await call(`${origin}/health/ready`)).json, { status: 'ok' });
    }
  });

  it('turn red at once on SIGTERM, while what is under way is finished (R-14)', async (t) => {
    const { engine, metrics } = await served(t);
    // A request that is half sent keeps the process from ending.
    const { port } = new URL(engine.engine);
    const socket = net.connect(Number(port), '127.0.0.1');
    t.after(() => socket.destroy());
    const body = 'client_id=x';
    socket.write(`POST /oauth2/default/v1/interact HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: ${body.length}\r\n\r\nclient`);
    await until('the request', async () => (await call(`${metrics}/health/ready`)).status === 200);
    engine.process.child.kill('SIGTERM');
    const red = await until('red', async () => {
      const answer = await call(`${metrics}/health/ready`);
      return answer.status === 503 && answer;
    });
    assert.equal(red.json.reason, 'the process is stopping');
    assert.equal((await call(`${metrics}/health/live`)).status, 200);
    const answer = new Promise((resolve) => socket.setEncoding('utf8').once('data', resolve));
    socket.write(body.slice('client'.length));
    assert.match(await answer, /^HTTP\/1\.1 4\d\d/);
    socket.end();
    assert.deepEqual(await engine.process.exit, { code: 0, signal: null });
  });
});

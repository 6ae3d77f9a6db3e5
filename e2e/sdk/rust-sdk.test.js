// The Rust SDK against a running engine: its own tests, which know only the address.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Demo } from '../rig/engine.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('regain-sdk', () => {
  it('the Rust SDK recovers, signs in, renews and revokes against a running engine', async (t) => {
    const demo = await Demo.start(t);
    const args = ['test', '--quiet', '--package', 'regain-sdk', '--test', 'it', '--', '--ignored', 'live'];
    const { error, stdout, stderr } = await new Promise((resolve) => {
      const env = { ...process.env, REGAIN_ENGINE: demo.engine };
      execFile('cargo', args, { cwd: ROOT, env, timeout: 600_000 }, (failure, out, err) => resolve({ error: failure, stdout: out, stderr: err }));
    });
    assert.equal(error, null, `${stdout}\n${stderr}`);
    assert.match(stdout, /[1-9]\d* passed; 0 failed/);
  });
});

// The Rust program of the guide, as it stands there, answered by somebody who reads mails.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { before, beforeEach, describe, it } from 'node:test';

import { Demo, DEMO, REGAIN, wrongCode } from '../rig/engine.js';
import { Flow } from '../rig/idx.js';
import { lifetime } from '../rig/lifetime.js';
import { until } from '../rig/waiting.js';

const PROGRAM = path.join(path.dirname(REGAIN), 'examples', 'recover_password');
const NEW_PASSWORD = 'Brass-Kettle-77-north';

const life = lifetime();
let demo;
before(async () => (demo = await Demo.start(life)));
beforeEach(() => demo.reset());

/** The program in a terminal; `answer` waits for a question before it types. */
class Terminal {
  constructor(t) {
    this.child = spawn(PROGRAM, [demo.issuer], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.output = '';
    this.read = 0;
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.output += text));
    }
    this.exit = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', resolve);
    });
    t.after(() => this.child.kill('SIGKILL'));
  }

  /** Waits until `words` appear after everything that was read so far, and gives what came before them. */
  async see(words) {
    await until(`"${words}" in the terminal`, () => this.output.includes(words, this.read)).catch((error) => {
      throw new Error(`${error.message}: ${this.output}`);
    });
    const end = this.output.indexOf(words, this.read);
    const before = this.output.slice(this.read, end);
    this.read = end + words.length;
    return before;
  }

  async answer(question, line) {
    const before = await this.see(`${question}`);
    this.child.stdin.write(`${line}\n`);
    return before;
  }
}

describe('the Rust program of the guide', () => {
  it('the Rust program recovers the password and signs in', async (t) => {
    const terminal = new Terminal(t);
    await terminal.answer('Username or email: ', DEMO.user);
    await terminal.see('okta_email: Email');
    await terminal.answer('Authenticator: ', 'okta_email');
    const { code } = await demo.mailbox.code();
    await terminal.answer('another one: ', wrongCode(code));
    await terminal.see('Invalid code. Try again.');
    await terminal.answer('another one: ', code);
    await terminal.see('At least 8 characters.');
    await terminal.answer('New password: ', 'short');
    await terminal.see('at least 8 characters');
    await terminal.answer('New password: ', NEW_PASSWORD);
    await terminal.see(`Signed in as ${DEMO.user}.`);
    assert.equal(await terminal.exit, 0);

    const flow = await Flow.start(demo);
    await flow.identify(DEMO.user, NEW_PASSWORD);
    assert.ok(flow.interactionCode);
  });

  it('the Rust program sends another code on demand', async (t) => {
    const terminal = new Terminal(t);
    await terminal.answer('Username or email: ', DEMO.user);
    await terminal.answer('Authenticator: ', 'okta_email');
    const first = await demo.mailbox.code();
    await demo.advance(31);
    await terminal.answer('another one: ', 'r');
    const second = await demo.mailbox.code({ after: first.id });
    await terminal.answer('another one: ', second.code);
    await terminal.see('New password: ');
  });
});

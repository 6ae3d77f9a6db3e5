// A real SMTP server with STARTTLS and AUTH, and a certificate authority made for one test.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

import { until } from './waiting.js';

const run = promisify(execFile);

export const ACCOUNT = { username: 'regain', password: 'relay-secret-4711' };

/** A CA and a certificate for `localhost`, as files in `directory`. */
export async function makeCertificate(directory, name = 'relay') {
  const file = (suffix) => path.join(directory, `${name}-${suffix}`);
  const openssl = (...args) => run('openssl', args);
  await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=${name} test CA`, '-keyout', file('ca.key'), '-out', file('ca.pem'));
  await openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-subj', '/CN=localhost', '-keyout', file('key.pem'), '-out', file('request.pem'));
  await writeFile(file('extensions'), [
    'subjectAltName=DNS:localhost,IP:127.0.0.1', 'basicConstraints=CA:FALSE', 'extendedKeyUsage=serverAuth',
  ].join('\n'));
  await openssl('x509', '-req', '-in', file('request.pem'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'),
    '-CAcreateserial', '-days', '2', '-extfile', file('extensions'), '-out', file('cert.pem'));
  return { caFile: file('ca.pem'), key: await readFile(file('key.pem')), cert: await readFile(file('cert.pem')) };
}

/** The server; keeps every message that it accepted, parsed by a parser that is not ours. */
export class Relay {
  constructor({ key, cert, ...options }) {
    this.options = { key, cert, ...options };
    this.messages = [];
    this.connections = 0;
    this.closed = 0;
    this.logins = [];
  }

  static async start(t, { port = 0, ...options }) {
    const relay = new Relay(options);
    t.after(() => relay.stop());
    await relay.listen(port);
    return relay;
  }

  async listen(port) {
    this.server = new SMTPServer({
      authMethods: ['PLAIN', 'LOGIN'],
      authOptional: false,
      allowInsecureAuth: false,
      logger: false,
      closeTimeout: 500,
      ...this.options,
      onConnect: (session, callback) => {
        this.connections += 1;
        callback();
      },
      onClose: () => (this.closed += 1),
      onAuth: (auth, session, callback) => {
        this.logins.push({ method: auth.method, username: auth.username, secure: session.secure });
        const right = auth.username === ACCOUNT.username && auth.password === ACCOUNT.password;
        callback(right ? null : new Error('535 wrong name or password'), right ? { user: auth.username } : undefined);
      },
      onData: (stream, session, callback) => {
        const chunks = [];
        stream.on('data', (chunk) => chunks.push(chunk));
        stream.on('end', () => this.#receive(Buffer.concat(chunks), session).then(() => callback(), callback));
      },
    });
    // A client that turns away from a bad certificate is part of the tests, not an accident.
    this.server.on('error', (error) => (this.lastError = error));
    await new Promise((resolve, reject) => {
      this.server.server.once('error', reject);
      this.server.listen(port, '127.0.0.1', resolve);
    });
    this.port = this.server.server.address().port;
  }

  async stop() {
    if (!this.server) return;
    await new Promise((resolve) => this.server.close(resolve));
    this.server = undefined;
  }

  async #receive(raw, session) {
    const parsed = await simpleParser(raw);
    this.messages.push({
      raw: raw.toString('utf8'),
      parsed,
      secure: session.secure,
      from: session.envelope.mailFrom.address,
      to: session.envelope.rcptTo.map(({ address }) => address),
    });
  }

  /** The first accepted message that passes `matching`. */
  async message(matching = () => true, deadlineMs = 60_000) {
    return until('a message at the relay', () => this.messages.find(matching), deadlineMs);
  }
}

/** The code in the text part: six digits alone on their line. */
export function codeIn(message) {
  return message.parsed.text.split(/\r?\n/).map((line) => line.trim()).find((line) => /^\d{6}$/.test(line));
}

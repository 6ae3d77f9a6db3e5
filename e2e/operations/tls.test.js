// TLS in the engine itself: Node's own clients against a certificate of a CA that only they trust.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http2 from 'node:http2';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';

import { DEMO, freePort, Process, temporaryDirectory } from '../rig/engine.js';
import { Flow } from '../rig/idx.js';
import { command, configuration } from '../rig/serve.js';
import { makeCertificate } from '../rig/smtp.js';
import { until } from '../rig/waiting.js';

const run = promisify(execFile);

/** A deployment with `[server.tls]`; the certificate is `cert.pem`, the key `key.pem` beside it. */
async function deployment(t, { certificate, publicUrl }) {
  const directory = path.join(await temporaryDirectory(t), 'regain');
  const made = await command(['init', directory]);
  assert.equal(made.code, 0, made.stderr);
  const port = await freePort();
  const server = [
    '[server]', `public_url = "${publicUrl ?? `https://localhost:${port}`}"`, `listen = ["127.0.0.1:${port}"]`,
    '[server.tls]', 'certificate = "cert.pem"', 'key = "key.pem"',
  ].join('\n');
  const config = path.join(directory, 'regain.toml');
  await writeFile(config, configuration({ port, sections: { server } }));
  await install(directory, certificate);
  return { directory, port, config };
}

async function install(directory, { cert, key }) {
  await writeFile(path.join(directory, 'cert.pem'), cert);
  await writeFile(path.join(directory, 'key.pem'), key, { mode: 0o600 });
  await chmod(path.join(directory, 'key.pem'), 0o600);
}

async function serving(t, options) {
  const made = await deployment(t, options);
  const password = path.join(made.directory, 'password');
  await writeFile(password, DEMO.password, { mode: 0o600 });
  await command(['users', 'create', '--config', made.config, '--password-file', password, DEMO.user]);
  const process = new Process(['serve', '--dev', '--config', made.config]);
  t.after(() => process.kill());
  const ready = await process.ready();
  return { ...made, process, engine: ready.engine, issuer: `${ready.engine}/oauth2/default` };
}

/** One request of its own connection, and the certificate that it met. */
function ask(port, ca, { agent } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.get({ port, host: 'localhost', path: '/health/ready', ca, agent: agent ?? false, family: 4 }, (response) => {
      const { fingerprint256 } = response.socket.getPeerCertificate();
      response.resume().on('end', () => resolve({ status: response.statusCode, headers: response.headers, fingerprint256 }));
    });
    request.on('error', reject);
  });
}

function assertOneLine({ code, stderr, stdout }, words) {
  assert.equal(code, 2, stderr);
  assert.equal(stderr.trim().split('\n').length, 1, stderr);
  for (const word of words) assert.ok(stderr.includes(word), `"${word}" in: ${stderr}`);
  assert.equal(stdout, '');
}

describe('[server.tls]', () => {
  let first;
  let second;
  let made;
  before(async () => {
    made = await mkdtemp(path.join(tmpdir(), 'regain-tls-'));
    first = await makeCertificate(made, 'first');
    second = await makeCertificate(made, 'second');
    for (const one of [first, second]) one.ca = await readFile(one.caFile);
  });
  after(() => rm(made, { recursive: true, force: true }));

  it('serves HTTP/1.1 and HTTP/2 to who trusts the CA, with HSTS, and nobody without TLS', async (t) => {
    const { port } = await serving(t, { certificate: first });
    const answer = await ask(port, first.ca);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['strict-transport-security'], 'max-age=31536000; includeSubDomains');

    const session = http2.connect(`https://localhost:${port}`, { ca: first.ca, family: 4 });
    t.after(() => session.close());
    const status = await new Promise((resolve, reject) => {
      session.on('error', reject);
      session.request({ ':path': '/health/live' }).on('response', (headers) => resolve(headers[':status'])).on('error', reject).resume();
    });
    assert.equal(status, 200);
    assert.equal(session.alpnProtocol, 'h2');

    await assert.rejects(ask(port, second.ca), /unable to (verify|get)|self.signed/);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/health/live`));
    const old = await new Promise((resolve) => {
      const socket = tls.connect({ port, host: '127.0.0.1', ca: first.ca, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
      socket.on('secureConnect', () => resolve('connected')).on('error', () => resolve('refused'));
    });
    assert.equal(old, 'refused');
  });

  it('carries a whole recovery, whose documents name https', async (t) => {
    const engine = await serving(t, { certificate: first });
    // `fetch` of Node takes no CA of its own; who is at the other end is the matter of the test above.
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    t.after(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED);
    const mailbox = {
      list: async () => (await fetch(`${engine.engine}/dev/mailbox/api/messages`)).json(),
      code: () => until('the code', async () => (await (await fetch(`${engine.engine}/dev/mailbox/api/messages?wait_ms=2000`)).json()).find(({ code }) => code)),
    };
    const flow = await Flow.atReset({ ...engine, mailbox });
    const done = await flow.answer({ passcode: 'Marble-Harbour-77' });
    assert.equal(done.status, 200, done.text);
    const form = done.json.successWithInteractionCode;
    assert.ok(form.href.startsWith(`https://localhost:${engine.port}/`), form.href);
  });

  it('takes a renewed certificate on SIGHUP and by itself, and open connections stay', async (t) => {
    const { port, directory, process: { child } } = await serving(t, { certificate: first });
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: first.ca });
    t.after(() => agent.destroy());
    const before = await ask(port, first.ca, { agent });

    await install(directory, second);
    child.kill('SIGHUP');
    await until('the new certificate', () => ask(port, second.ca).then(({ status }) => status === 200));
    const kept = await ask(port, first.ca, { agent });
    assert.equal(kept.fingerprint256, before.fingerprint256, 'the open connection went on');

    // A half of a pair changes nothing, and the right one is taken without being told.
    await writeFile(path.join(directory, 'key.pem'), first.key);
    child.kill('SIGHUP');
    assert.equal((await ask(port, second.ca)).status, 200);
    await install(directory, first);
    await until('the first certificate again', () => ask(port, first.ca).then(({ status }) => status === 200), 30_000);
  });

  it('refuses to start with what cannot work, in one line (R-20)', async (t) => {
    const { directory, config } = await deployment(t, { certificate: first });
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => path.join(directory, name));
    const start = () => command(['serve', '--log', 'error', '--config', config]);

    await writeFile(key, second.key);
    assertOneLine(await start(), ['server.tls.key', 'key.pem', 'not the key of that certificate']);
    await writeFile(key, 'no key');
    assertOneLine(await start(), ['server.tls.key', 'holds no private key']);
    await install(directory, first);
    await chmod(key, 0o644);
    assertOneLine(await start(), ['server.tls.key', 'chmod 600']);
    await install(directory, first);
    await writeFile(cert, first.key);
    assertOneLine(await start(), ['server.tls.certificate', 'holds no certificate']);
    await writeFile(cert, '-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n');
    assertOneLine(await start(), ['server.tls.certificate', 'holds no certificate']);
    await rm(cert);
    assertOneLine(await start(), ['server.tls.certificate', 'cert.pem', 'not there']);

    // Ended yesterday, begins tomorrow.
    for (const [from, to, words] of [
      ['20200101000000Z', '20200102000000Z', ['ended on 2020-01-02']],
      ['20400101000000Z', '20400102000000Z', ['not valid yet']],
    ]) {
      await selfSigned(made, from, to);
      await copyFile(path.join(made, 'dated.pem'), cert);
      await copyFile(path.join(made, 'dated.key'), key);
      await chmod(key, 0o600);
      assertOneLine(await start(), ['server.tls.certificate', ...words]);
      // What does not serve can do without: nobody is kept from a backup by a certificate.
      const users = await command(['migrate', '--config', config]);
      assert.equal(users.code, 0, users.stderr);
    }
  });

  it('refuses a public address without https, and warns of one that the certificate is not for', async (t) => {
    const plain = await deployment(t, { certificate: first, publicUrl: 'http://localhost:8400' });
    assertOneLine(await command(['serve', '--config', plain.config]), ['server.public_url', 'https://']);
    const other = await deployment(t, { certificate: first, publicUrl: 'https://id.example.com' });
    const checked = await command(['config', 'check', '--config', other.config]);
    assert.equal(checked.code, 0, checked.stderr);
    assert.match(checked.stderr, /cert\.pem is not for id\.example\.com/);
  });
});

/** A certificate with dates of the test's choice. */
async function selfSigned(directory, from, to) {
  const file = (name) => path.join(directory, name);
  await mkdir(file('ca'), { recursive: true });
  await run('openssl', ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
    '-keyout', file('dated.key'), '-out', file('dated.csr')]);
  await writeFile(file('ca.cnf'), [
    '[ca]', 'default_ca = x', '[x]', `new_certs_dir = ${file('ca')}`, `database = ${file('ca/index')}`, 'default_md = sha256',
    'policy = any', 'rand_serial = yes', 'unique_subject = no', 'x509_extensions = leaf', '[any]', 'commonName = supplied',
    '[leaf]', 'subjectAltName = DNS:localhost', '',
  ].join('\n'));
  await writeFile(file('ca/index'), '');
  await run('openssl', ['ca', '-batch', '-config', file('ca.cnf'), '-selfsign', '-keyfile', file('dated.key'), '-in', file('dated.csr'),
    '-startdate', from, '-enddate', to, '-out', file('dated.pem'), '-notext']);
}

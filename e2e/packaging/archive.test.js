// The release archive in an empty Debian, the way the container file puts it there: nothing but the archive and
// the libraries of the slim image, not root, and a root file system that cannot be written.
//
// `cargo xtask release-test` makes the archive and starts this; it needs root for `debootstrap` and `chroot`.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { DEMO, freePort, Mailbox } from '../rig/engine.js';
import { call, Flow } from '../rig/idx.js';

const run = promisify(execFile);
const PACKAGING = fileURLToPath(new URL('../../packaging/', import.meta.url));
/** The numbers that the container file gives to its user. */
const USER = '10001:10001';
/** How much the stripped program may weigh (P8). */
const BINARY_BYTES_MAX = 25 * 1024 * 1024;

describe('the release archive', () => {
  let directory;
  let root;
  let folder;

  before(async () => {
    assert.ok(process.env.REGAIN_ARCHIVE, 'REGAIN_ARCHIVE names the archive: start this by `cargo xtask release-test`');
    assert.equal(process.getuid(), 0, 'debootstrap and chroot need root');
    directory = await mkdtemp(path.join(tmpdir(), 'regain-root-'));
    root = path.join(directory, 'root');
    // An empty Debian that was made before saves minutes while this test is written.
    const made = process.env.REGAIN_DEBIAN_ROOT;
    if (made) await run('cp', ['--archive', made, root]);
    else await run('debootstrap', ['--variant=minbase', 'bookworm', root], { maxBuffer: 1 << 26 });
    await mkdir(path.join(root, 'opt'), { recursive: true });
    await run('tar', ['--extract', '--file', process.env.REGAIN_ARCHIVE, '--directory', path.join(root, 'opt')]);
    const [name] = await readdir(path.join(root, 'opt'));
    folder = path.join('/opt', name);
  });
  after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

  const inside = (name) => path.join(root, folder, name);

  it('holds the program and its papers, and nothing of who built it', async () => {
    const files = (await readdir(inside('.'))).sort();
    assert.deepEqual(files, [
      'CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD-PARTY-LICENSES.txt', 'docs', 'regain', 'regain.cdx.json',
      'regain.example.toml', 'regain.service', 'regain.sysusers.conf',
    ]);
    const { size } = await stat(inside('regain'));
    assert.ok(size <= BINARY_BYTES_MAX, `${size} bytes`);
    const { stdout: sections } = await run('readelf', ['--sections', '--wide', inside('regain')]);
    assert.doesNotMatch(sections, /\.debug_info|\.symtab/, 'stripped');
    const { stdout: owners } = await run('tar', ['--list', '--verbose', '--numeric-owner', '--file', process.env.REGAIN_ARCHIVE]);
    for (const line of owners.trim().split('\n')) assert.match(line, / 0\/0 /);

    const papers = await readFile(inside('THIRD-PARTY-LICENSES.txt'), 'utf8');
    const parts = JSON.parse(await readFile(inside('regain.cdx.json'), 'utf8')).components;
    assert.ok(parts.length > 100, `${parts.length} parts`);
    for (const { name, version, licenses, hashes } of parts) {
      assert.ok(papers.includes(`${name} ${version}: `), name);
      assert.ok(licenses[0].expression, name);
      assert.match(hashes[0].content, /^[0-9a-f]{64}$/, name);
    }
  });

  it('needs only libraries of the slim image', async () => {
    const { stdout } = await run('chroot', [root, 'ldd', `${folder}/regain`]);
    assert.doesNotMatch(stdout, /not found/);
    const { stdout: version } = await run('chroot', [root, `${folder}/regain`, '--version']);
    assert.match(version, /^regain \d+\.\d+\.\d+/);
  });

  it('runs the demo, and a password is recovered', async (t) => {
    const engine = await start(t, root, [`${folder}/regain`, 'demo', '--engine-port', '0', '--app-port', '0']);
    const demo = { engine: engine.ready.engine, issuer: `${engine.ready.engine}/oauth2/default`, mailbox: new Mailbox(engine.ready.engine) };
    const flow = await Flow.atReset(demo);
    const done = await flow.answer({ passcode: 'Marble-Harbour-77' });
    assert.equal(done.status, 200, done.text);
    assert.ok(done.json.successWithInteractionCode, done.text);
    assert.equal((await call(engine.ready.app)).status, 200);
    assert.equal(await engine.stop(), 0);
  });

  it('serves as the container does: not root, nothing to write to but its own directory, and healthy', async (t) => {
    const port = await freePort();
    const metrics = await freePort();
    const config = (await readFile(path.join(PACKAGING, 'container.toml'), 'utf8'))
      .replace('0.0.0.0:8400', `127.0.0.1:${port}`).replace('"9464"', `"${metrics}"`);
    await mkdir(path.join(root, 'etc/regain'), { recursive: true });
    await mkdir(path.join(root, 'var/lib/regain'), { recursive: true });
    await writeFile(path.join(root, 'etc/regain/regain.toml'), config);
    const environment = { REGAIN__KEYS__MASTER_KEY: 'A'.repeat(42) + 'E', REGAIN__SERVER__PUBLIC_URL: 'https://id.example.com' };
    // A mount namespace of its own: root read-only, the volume a file system in memory.
    const mounts = [
      `mount --bind ${root} ${root}`, `mount -o remount,bind,ro ${root}`,
      `mount -t tmpfs -o uid=10001,gid=10001,mode=0700 volume ${root}/var/lib/regain`,
      `exec chroot --userspec=${USER} ${root} "$@"`,
    ].join(' && ');
    const command = ['unshare', '--mount', 'sh', '-c', mounts, 'sh', `${folder}/regain`, 'serve', '--config', '/etc/regain/regain.toml', '--log-format', 'json'];
    const engine = await start(t, null, command, environment);
    const status = await readFile(`/proc/${engine.ready.pid}/status`, 'utf8');
    assert.match(status, /^Uid:\t10001\t10001\t/m);
    assert.equal((await call(`http://127.0.0.1:${port}/health/ready`)).status, 200);
    const discovery = await call(`http://127.0.0.1:${port}/oauth2/default/.well-known/openid-configuration`);
    assert.equal(discovery.json.issuer, 'https://id.example.com/oauth2/default');
    assert.ok(discovery.headers.get('strict-transport-security'));
    assert.equal((await call(`http://127.0.0.1:${port}/dev/mailbox`)).status, 404);

    const healthcheck = [root, `${folder}/regain`, 'healthcheck', '--url', `http://127.0.0.1:${metrics}/health/ready`];
    assert.equal((await run('chroot', healthcheck)).stdout.trim(), '{"status":"ok"}');
    assert.equal(await engine.stop(), 0);
    await assert.rejects(run('chroot', healthcheck), ({ code }) => code === 1);
    for (const line of engine.stderr.trim().split('\n')) JSON.parse(line);
  });

  it('has a systemd unit that systemd finds nothing wrong with, and that is shut tight', async () => {
    // Where the unit looks for the program.
    const copy = path.join(directory, 'regain.service');
    const unit = await readFile(inside('regain.service'), 'utf8');
    await writeFile(copy, unit.replaceAll('/usr/local/bin/regain', inside('regain')).replace('User=regain', 'User=daemon').replace('Group=regain', 'Group=daemon'));
    const verified = await run('systemd-analyze', ['verify', '--man=no', copy]);
    assert.equal(`${verified.stdout}${verified.stderr}`.split('\n').filter((line) => line.includes('regain')).join('\n'), '');
    // 0 is tight, 10 is open; the threshold is ten times the exposure level.
    const { stdout } = await run('systemd-analyze', ['security', '--offline=true', '--threshold=25', '--no-pager', copy]);
    assert.match(stdout, /Overall exposure level for regain\.service: [012]\.\d/);
  });
});

/** A program in the root, once it has said that it is ready. */
async function start(t, root, command, environment = {}) {
  const [program, ...args] = root ? ['chroot', root, ...command] : command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, ...environment } });
  const engine = { stderr: '' };
  t.after(() => child.kill('SIGKILL'));
  child.stderr.setEncoding('utf8').on('data', (text) => (engine.stderr += text));
  const exit = new Promise((resolve) => child.once('close', (code) => resolve(code)));
  const line = await new Promise((resolve) => {
    readline.createInterface({ input: child.stdout }).once('line', resolve);
    exit.then(() => resolve(undefined));
  });
  assert.ok(line, engine.stderr);
  engine.ready = JSON.parse(line);
  engine.stop = () => {
    child.kill('SIGTERM');
    return exit;
  };
  return engine;
}

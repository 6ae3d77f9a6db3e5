// A PostgreSQL primary with a synchronous standby, both on this machine, on TCP.

import { execFile, execFileSync, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { appendFile, chown, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { freePort, temporaryDirectory } from './engine.js';
import { until } from './waiting.js';

const run = promisify(execFile);
const IS_ROOT = process.getuid() === 0;

/** PostgreSQL does not run as root. */
const asServer = (program, args) => (IS_ROOT
  ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', program, ...args]]
  : [program, args]);

function binary(name) {
  const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(a) - Number(b));
  return `/usr/lib/postgresql/${versions.at(-1)}/bin/${name}`;
}

const number = (name) => Number(execFileSync('id', [name, 'postgres'], { encoding: 'utf8' }));

class Server {
  constructor(data, port) {
    Object.assign(this, { data, port });
  }

  async start() {
    const [program, args] = asServer(binary('postgres'), ['-D', this.data, '-p', String(this.port)]);
    this.child = spawn(program, args, { stdio: 'ignore', cwd: '/' });
    this.gone = new Promise((resolve) => this.child.once('exit', resolve));
    await until(`PostgreSQL at port ${this.port}`, () => run(binary('pg_isready'), ['--quiet', '--host=127.0.0.1', `--port=${this.port}`]).then(() => true, () => false));
  }

  async sql(text, database = 'postgres') {
    const { stdout } = await run('psql', [
      '--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--set=ON_ERROR_STOP=1', '--host=127.0.0.1',
      `--port=${this.port}`, '--username=regain', `--dbname=${database}`, `--command=${text}`,
    ]);
    return stdout.trim();
  }

  /** kill -9 of every process of the server, its first one included. */
  async kill() {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    const first = (await readFile(path.join(this.data, 'postmaster.pid'), 'utf8')).split('\n')[0];
    const children = (await run('ps', ['-o', 'pid=', '--ppid', first]).catch(() => ({ stdout: '' }))).stdout;
    for (const pid of [first, ...children.split('\n')].map(Number).filter(Boolean)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It went by itself when the first one did.
      }
    }
    await this.gone;
  }
}

/** Starts both, the standby in step with the primary: nothing is acknowledged that only one has. */
export async function startPair(t) {
  // Before the directory, so that the servers are gone when the directory goes.
  const servers = [];
  t.after(() => Promise.all(servers.map((server) => server.kill())));
  const directory = await temporaryDirectory(t, 'regain-pair-');
  if (IS_ROOT) await chown(directory, number('-u'), number('-g'));
  const primary = new Server(path.join(directory, 'primary'), await freePort());
  const standby = new Server(path.join(directory, 'standby'), await freePort());
  servers.push(primary, standby);
  const settings = `\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\nmax_connections = 100\n`;
  await run(...asServer(binary('initdb'), [`--pgdata=${primary.data}`, '--username=regain', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync']), { cwd: '/' });
  await appendFile(path.join(primary.data, 'postgresql.conf'), settings);
  await primary.start();
  await primary.sql('CREATE DATABASE regain');
  await run(...asServer(binary('pg_basebackup'), [
    `--pgdata=${standby.data}`, '--host=127.0.0.1', `--port=${primary.port}`, '--username=regain', '--write-recovery-conf',
    '--checkpoint=fast', '--no-sync',
  ]), { cwd: '/' });
  await standby.start();
  await primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
  await primary.sql('SELECT pg_reload_conf()');
  await until('a synchronous standby', async () => (await primary.sql('SELECT sync_state FROM pg_stat_replication')) === 'sync');
  return {
    primary,
    standby,
    url: `postgres://regain@127.0.0.1:${primary.port},127.0.0.1:${standby.port}/regain?target_session_attrs=read-write`,
    /** The standby takes over. */
    promote: () => run(...asServer(binary('pg_ctl'), ['promote', '--wait', `--pgdata=${standby.data}`]), { cwd: '/' }),
  };
}

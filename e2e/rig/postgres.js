// PostgreSQL for tests: one cluster for each test file, a fresh database for each engine.

import { execFile, spawn } from 'node:child_process';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(
  new URL('../../crates/regain-store-postgres/testing/cluster.sh', import.meta.url),
);

let shared;
let databases = 0;

/** The URL of an empty database. It goes with this process. */
export async function freshDatabase() {
  shared ??= start();
  const directory = await shared;
  const name = `test_${(databases += 1)}`;
  await sql(directory, 'postgres', `CREATE DATABASE ${name}`);
  return `postgres://regain@${encodeURIComponent(directory)}/${name}?timeout_ms=10000`;
}

/** Runs SQL in a database that `freshDatabase` made; answers what `psql` prints of it. */
export async function query(url, text) {
  const [, host, name] = /@([^/]+)\/([^?]+)/.exec(url);
  return sql(decodeURIComponent(host), name, text);
}

async function sql(directory, database, text) {
  const { stdout } = await run('psql', [
    '--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--set=ON_ERROR_STOP=1',
    `--host=${directory}`, '--username=regain', `--dbname=${database}`, `--command=${text}`,
  ]);
  return stdout.trim();
}

/** The cluster lives until its standard input is closed, so it ends with this process. */
async function start() {
  const child = spawn(SCRIPT, [], { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = await new Promise((resolve) => {
    readline.createInterface({ input: child.stdout }).once('line', resolve);
    child.once('close', () => resolve(''));
  });
  const directory = /^ready (.+)$/.exec(line)?.[1];
  if (!directory) throw new Error('PostgreSQL did not start; is the package postgresql installed?');
  // It must not keep this process from ending.
  for (const end of [child, child.stdin, child.stdout]) end.unref();
  return directory;
}

#!/usr/bin/env python3
"""Measures Regain and two other servers in one session, and writes everything to one JSON file.

  python3 bench/run.py --out bench/results.json            # needs cargo, node 20, npm, python3-venv, PostgreSQL; a quarter of an hour
  python3 bench/run.py --out /tmp/look.json --quick        # every part once, for a look

The others come from their registries at the versions of the lock files in bench/peers. All of them
hash with argon2id 19456/2/1, and all of them have every write on the disk before they answer.
Everything is started by this script and stopped by its own process id.
"""
import argparse
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench" / "peers"
FLOWS = ("recover", "sign-in")
CLIENTS = (1, 8, 64)
CLUSTER = ROOT / "crates/regain-store-postgres/testing/cluster.sh"
# The cluster of the tests is fast and forgetful; this one keeps what it says.
DURABLE = ("-c", "fsync=on", "-c", "full_page_writes=on", "-c", "synchronous_commit=on", "-c", "shared_buffers=256MB")
POSTGRES_CLIENTS = 32
STARTS = 3
IDLE_SECONDS = 3
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 20


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr, **options)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def family(first):
    """A process and everything that descends from it."""
    pids = [first]
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            children = pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text()
            pids += [int(child) for child in children.split()]
    return pids


def resident_mib(first):
    """Proportional set size: what processes share is counted once."""
    total = 0
    for pid in family(first):
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


class Server:
    """A peer that runs."""

    def __init__(self, peer, smtp_port):
        self.port = free_port()
        self.log = peer.data / "server.log"
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                peer.command(self.port), cwd=peer.folder, stdout=log, stderr=log,
                env=peer.environment(self.port, smtp_port), start_new_session=True)
        while not self.answers(peer.probe):
            if self.process.poll() is not None or time.monotonic() - began > START_TIMEOUT_SECONDS:
                self.stop()
                raise RuntimeError(f"{peer.name} did not start: {self.log.read_text()[-500:]}")
            time.sleep(0.002)
        self.ready_ms = (time.monotonic() - began) * 1000

    def answers(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class BetterAuth:
    name, label, probe = "better-auth", "better-auth (Node, 1 process)", "/hello"
    folder = PEERS / "better-auth"

    def __init__(self, data):
        self.data = data

    def install(self):
        if not (self.folder / "node_modules" / "better-sqlite3" / "build").exists():
            run("npm", "ci", "--no-audit", "--no-fund", cwd=self.folder)

    def version(self):
        return json.loads((self.folder / "node_modules/better-auth/package.json").read_text())["version"]

    def environment(self, port, smtp_port, **more):
        return {**os.environ, "PORT": str(port), "SMTP_PORT": str(smtp_port), "DB": str(self.data / "data.db"),
                "HASH": "argon2", "PRAGMAS": "journal_mode=WAL;synchronous=FULL", "NODE_ENV": "production", **more}

    def command(self, _port):
        return ["node", "server.mjs"]

    def seed(self, users):
        run("node", "server.mjs", cwd=self.folder, env=self.environment(0, 0, SEED=str(users)))


class Django:
    name, label, probe = "django", "Django + allauth (gunicorn, 2 workers)", "/hello"
    folder = PEERS / "django"

    def __init__(self, data):
        self.data = data
        self.venv = self.folder / "venv"

    def install(self):
        if not (self.venv / "bin" / "gunicorn").exists():
            run(sys.executable, "-m", "venv", self.venv)
            run(self.venv / "bin" / "pip", "install", "--quiet", "--requirement", self.folder / "requirements.txt")

    def version(self):
        lines = (self.folder / "requirements.txt").read_text().splitlines()
        wanted = dict(line.split("==") for line in lines if "==" in line)
        return f"{wanted['Django']} + {wanted['django-allauth']}"

    def environment(self, _port, smtp_port):
        return {**os.environ, "SMTP_PORT": str(smtp_port), "DB": str(self.data / "data.db"), "HASH": "argon2",
                "TUNED": "1", "PYTHONDONTWRITEBYTECODE": "1"}

    def command(self, port):
        return [str(self.venv / "bin" / "gunicorn"), "--workers", "2", "--threads", "4", "--keep-alive", "30",
                "--log-level", "warning", "--bind", f"127.0.0.1:{port}", "wsgi"]

    def seed(self, users):
        run(self.venv / "bin" / "python", "seed.py", users, cwd=self.folder, env=self.environment(0, 0))


def measure_peer(peer, load, options):
    peer.install()
    say(f"== {peer.label} {peer.version()}")
    peer.seed(options.users)
    smtp_port = free_port()
    starts = []
    for _ in range(STARTS):
        server = Server(peer, smtp_port)
        starts.append(server.ready_ms)
        server.stop()
    server = Server(peer, smtp_port)
    try:
        time.sleep(IDLE_SECONDS)
        idle = resident_mib(server.process.pid)
        rows = []
        half = options.users // 2
        for flow in FLOWS:
            for clients in CLIENTS:
                samples = []
                for _ in range(options.repetitions):
                    sample = subprocess.run(
                        [str(load), "--peer", peer.name, "--base", f"127.0.0.1:{server.port}", "--smtp", f"127.0.0.1:{smtp_port}",
                         "--flow", flow, "--conc", str(clients), "--secs", str(options.seconds), "--users", str(half),
                         "--first", str(0 if flow == "recover" else half), "--pid", str(server.process.pid)],
                        check=True, stdout=subprocess.PIPE, timeout=options.seconds + 120)
                    samples.append(json.loads(sample.stdout))
                rows.append({"name": flow, "clients": clients, "samples": samples})
                rate = statistics.median(sample["rate"] for sample in samples)
                say(f"{peer.name}: {flow} at {clients} clients: {rate:.1f}/s, {sum(s['errors'] for s in samples)} errors")
    finally:
        server.stop()
    return {"name": peer.name, "label": peer.label, "version": peer.version(), "start_ms": statistics.median(starts),
            "idle_mib": idle, "rows": rows}


class Cluster:
    """A PostgreSQL server that ends with this script."""

    def __init__(self, scratch):
        self.process = subprocess.Popen([str(CLUSTER), *DURABLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "TMPDIR": str(scratch)})
        word, _, self.directory = self.process.stdout.readline().strip().partition(" ")
        if word != "ready":
            raise RuntimeError("PostgreSQL did not start; is the package postgresql installed?")

    def database(self, name):
        run("psql", "--quiet", "--no-psqlrc", f"--host={self.directory}", "--username=regain", "--dbname=postgres",
            f"--command=CREATE DATABASE {name}")
        return f"postgres://regain@{urllib.parse.quote(self.directory, safe='')}/{name}"

    def stop(self):
        self.process.stdin.close()
        self.process.wait(STOP_TIMEOUT_SECONDS)


def measure_nodes(program, options, scratch):
    """Light steps on one PostgreSQL, by one node and by three: what the database does for each must not grow."""
    # PostgreSQL does not run as root, and its user must get at the directory.
    scratch.chmod(0o755)
    cluster = Cluster(scratch)
    try:
        reports = []
        for nodes in (1, 3):
            say(f"== Regain on PostgreSQL, {nodes} node(s)")
            out = scratch / f"postgres-{nodes}.json"
            run(program, "bench", "--json", out, "--data", scratch, "--store", cluster.database(f"nodes{nodes}"),
                "--nodes", nodes, "--users", options.users, "--flows", "light", "--clients", POSTGRES_CLIENTS,
                "--seconds", options.seconds, "--repetitions", options.repetitions)
            reports.append(json.loads(out.read_text()))
        return reports
    finally:
        cluster.stop()


def measure_regain(program, options, scratch):
    say("== Regain")
    out = scratch / "regain.json"
    clients = ",".join(str(count) for count in CLIENTS)
    run(program, "bench", "--json", out, "--data", scratch, "--users", options.users, "--clients", clients,
        "--seconds", options.seconds, "--repetitions", options.repetitions)
    return json.loads(out.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--regain", type=pathlib.Path, help="the program; built from this repository unless given")
    parser.add_argument("--scratch", type=pathlib.Path, default=ROOT / "target", help="on the disk that is to be measured")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one sample of one second: figures that say nothing")
    options = parser.parse_args()
    if options.quick:
        options.users, options.seconds, options.repetitions = 1_000, 1, 1
    program = options.regain
    if program is None:
        run("cargo", "build", "--release", "--package", "regain-cli", cwd=ROOT)
        program = ROOT / "target/release/regain"
    target = ROOT / "target/peer-load"
    run("cargo", "build", "--release", "--manifest-path", PEERS / "load/Cargo.toml", "--target-dir", target)
    options.scratch.mkdir(parents=True, exist_ok=True)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="regain-peers-", dir=options.scratch))
    try:
        results = {"format": 1, "command": "python3 " + " ".join(sys.argv), "seconds": options.seconds,
                   "repetitions": options.repetitions, "peers": []}
        # The peers before and after would be fairer to a machine that drifts; each ratio of Regain is
        # taken beside a bare rate of its own, and the peers' rates are compared with that of the run.
        results["regain"] = measure_regain(program.resolve(), options, scratch)
        results["postgres"] = measure_nodes(program.resolve(), options, scratch)
        for kind in (BetterAuth, Django):
            data = scratch / kind.name
            data.mkdir()
            results["peers"].append(measure_peer(kind(data), target / "release/peer-load", options))
        options.out.write_text(json.dumps(results, indent=1) + "\n")
        say(f"wrote {options.out}; the page: python3 bench/page.py {options.out}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()

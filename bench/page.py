#!/usr/bin/env python3
"""Writes the measured part of docs/performance.md, and its plot, from what bench/run.py wrote.

  python3 bench/page.py bench/results.json
"""
import json
import pathlib
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "images" / "performance.svg"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
OTHER_SHARE_MAX = 0.15
# Database CPU of a light flow: three nodes ÷ one.
NODES_RATIO_MAX = 1.05
PREFIX = {"met": "met", "missed": "**missed**", "not-measured": "not measured", "unsound": "unsound"}


def median(values):
    values = list(values)
    return statistics.median(values) if values else 0.0


def row_of(rows, name, clients):
    return next((row for row in rows if row["name"] == name and row["clients"] == clients and not row.get("rate")), None)


def systems(results):
    """Every server in one form: label, start, memory, and by flow and clients the rate, latencies, CPU, errors."""
    regain = results["regain"]
    bare = median(regain["bare"]["hashes_per_second"])
    yield {
        "label": f"Regain {regain['version']}",
        "start": regain["starts"]["serve_used_ms"], "idle": regain["idle_mib"],
        "rows": {(row["name"], row["clients"]): of_regain(row) for row in regain["rows"] if not row.get("rate")},
    }
    for peer in results["peers"]:
        yield {
            "label": f"{peer['label']} {peer['version']}",
            "start": peer["start_ms"], "idle": peer["idle_mib"],
            "rows": {(row["name"], row["clients"]): of_peer(row, bare) for row in peer["rows"]},
        }


def of_regain(row):
    whole = next((step for step in row["latencies"] if step["step"] == "whole flow"), {"p50_ms": 0, "p99_ms": 0})
    ratios = [s["per_second"] * row["hashes_per_operation"] / s["bare_hashes_per_second"]
              for s in row["samples"] if s["bare_hashes_per_second"]]
    return {
        "rate": median(s["per_second"] for s in row["samples"]), "ratio": median(ratios),
        "p50": whole["p50_ms"], "p99": whole["p99_ms"], "cpu": median(s["cpu_ms"]["engine"] for s in row["samples"]),
        "peak": median(s["peak_mib"] for s in row["samples"]), "errors": sum(row["errors"].values()),
        "sound": all(s["other_share"] <= OTHER_SHARE_MAX for s in row["samples"]),
    }


def of_peer(row, bare):
    samples = row["samples"]
    whole = [s["ms"].get("total", [0, 0]) for s in samples]
    rate = median(s["rate"] for s in samples)
    return {
        "rate": rate, "ratio": rate / bare if bare else 0.0,
        "p50": median(w[0] for w in whole), "p99": median(w[1] for w in whole),
        "cpu": median(s["srv_cpu_ms_per"] for s in samples), "peak": median(s["pss_mb"] for s in samples),
        "errors": sum(s["errors"] for s in samples), "sound": all(s["other_cpu_share"] <= OTHER_SHARE_MAX for s in samples),
    }


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows] + [""]


def measured(results):
    regain = results["regain"]
    machine, bare = regain["machine"], regain["bare"]
    lines = [
        f"Measured {regain['date'][:10]} on {machine['processor']}, {machine['cores']} cores, {machine['memory_mib']} MiB, "
        f"Linux {machine['kernel']}, by `{results['command']}`, store {regain['store']}, {regain['users']:,} users, "
        f"{results['repetitions']} samples of {results['seconds']:g} s per row.", "",
        "![Password recoveries per second with 64 clients](images/performance.svg)", "",
    ]
    if regain["profile"] != "release":
        lines += [f"**This was a {regain['profile']} build: its figures say nothing.**", ""]
    lines += table(["The machine alone", "per second"], [
        ["argon2id 19456/2/1, memory kept, all cores", f"{median(bare['hashes_per_second']):.1f}"],
        ["RS256 signatures, one core", f"{bare['signatures_per_second']:.0f}"],
        *[[f"durable commits of one row, {connections} connection(s)", f"{rate:.0f}"] for connections, rate in bare["commits_per_second"].items()],
        ["answers of a bare HTTP server, 64 connections", f"{bare['echoes_per_second']:.0f}"],
    ])
    for flow, title in (("recover", "Recoveries"), ("sign-in", "Sign-ins")):
        rows = []
        for system in systems(results):
            cells = [system["rows"].get((flow, clients)) for clients in (1, 8, 64)]
            if None in cells:
                continue
            many = cells[2]
            rows.append([
                system["label"], " / ".join(f"{cell['rate']:.1f}" for cell in cells), f"{many['ratio']:.2f}",
                ", ".join(f"{cell['p50']:.0f}/{cell['p99']:.0f}" for cell in cells[:2]), f"{many['cpu']:.1f} ms",
                sum(cell["errors"] for cell in cells), "" if all(cell["sound"] for cell in cells) else "unsound",
            ])
        lines += table([title, "per second at 1 / 8 / 64 clients", "÷ bare hashes at 64", "p50/p99 ms at 1, at 8", "CPU of one", "errors", ""], rows)
    lines += table(["", "start", "memory idle", "memory at 64 clients"], [
        [system["label"], f"{system['start']:.0f} ms", f"{system['idle']:.0f} MiB",
         f"{system['rows'][('recover', 64)]['peak']:.0f} MiB" if ("recover", 64) in system["rows"] else "-"] for system in systems(results)])
    lines += table(["Goal", "", "measured", "bound", ""], [
        [goal["id"], goal["measure"], "-" if goal["value"] is None else number(goal["value"], goal["unit"]),
         ("≥ " if goal["at_least"] else "≤ ") + number(goal["bound"], goal["unit"]), PREFIX[goal["verdict"]]] for goal in regain["goals"]])
    lines += nodes(results.get("postgres", []))
    return "\n".join(lines)


def nodes(reports):
    """The same load on one PostgreSQL, by one node and by several."""
    if not reports:
        return []
    rows, costs = [], []
    for report in reports:
        row = next(row for row in report["rows"] if row["name"] == "light")
        costs.append(median(s["cpu_ms"]["database"] for s in row["samples"]))
        rows.append([report["nodes"], f"{median(s['requests_per_second'] for s in row['samples']):.0f}", f"{costs[-1]:.2f} ms",
                     f"{report['bare']['commits_per_second'].get('32', 0):.0f}", sum(row["errors"].values())])
    ratio = costs[-1] / costs[0] if costs[0] else 0.0
    verdict = "met" if ratio <= NODES_RATIO_MAX else "**missed**"
    return table(["Nodes on one PostgreSQL", f"light requests per second at {row['clients']} clients", "database CPU of a flow of eight requests",
                  "bare commits of one row at 32 connections", "errors"], rows) + [
        f"P10: the database spends {ratio:.3f} times as much on a flow with {reports[-1]['nodes']} nodes as with one "
        f"(bound {NODES_RATIO_MAX}: {verdict}); round trips are counted by a test, and are the same.", ""]


def number(value, unit):
    return f"{value:.3f}" if not unit else f"{value:.0f} {unit}" if unit == "/s" else f"{value:.1f} {unit}"


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plot(results):
    """Bars of recoveries per second at 64 clients, beside the line that no server on this machine can pass."""
    bare = median(results["regain"]["bare"]["hashes_per_second"])
    bars = [(s["label"], s["rows"][("recover", 64)]["rate"]) for s in systems(results) if ("recover", 64) in s["rows"]]
    left, width, step, top = 290, 380, 46, 56
    height = top + step * len(bars) + 44
    scale = width / (max([bare, *[rate for _, rate in bars]]) * 1.12 or 1)
    limit = left + bare * scale
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" font-family="system-ui, sans-serif" font-size="13" role="img" aria-labelledby="t">',
        '<title id="t">Password recoveries per second with 64 clients</title>',
        f'<rect width="720" height="{height}" fill="#ffffff"/>',
        '<text x="16" y="26" font-size="16" font-weight="600" fill="#1b1f24">Password recoveries per second, 64 clients</text>',
    ]
    for index, (label, rate) in enumerate(bars):
        y = top + step * index
        fill = "#0b6e4f" if index == 0 else "#8a94a0"
        out += [
            f'<text x="{left - 12}" y="{y + 19}" text-anchor="end" fill="#1b1f24">{escape(label)}</text>',
            f'<rect x="{left}" y="{y}" width="{max(rate * scale, 1):.1f}" height="28" fill="{fill}"/>',
            f'<text x="{left + max(rate * scale, 1) + 6:.1f}" y="{y + 19}" fill="#1b1f24">{rate:.1f}</text>',
        ]
    out += [
        f'<line x1="{limit:.1f}" y1="{top - 12}" x2="{limit:.1f}" y2="{height - 34}" stroke="#b3261e" stroke-dasharray="5 4"/>',
        f'<text x="{limit:.1f}" y="{height - 16}" text-anchor="middle" fill="#b3261e">bare argon2id: {bare:.1f}</text>',
        "</svg>",
    ]
    return "\n".join(out) + "\n"


def main():
    results = json.loads(pathlib.Path(sys.argv[1]).read_text())
    text = PAGE.read_text()
    before, rest = text.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    PAGE.write_text(f"{before}{BEGIN}\n\n{measured(results)}\n{END}{after}")
    PLOT.write_text(plot(results))
    print(f"wrote {PAGE} and {PLOT}")


if __name__ == "__main__":
    main()

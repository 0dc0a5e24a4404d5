#!/usr/bin/env python3
"""The table of bench/compare.sh: medians over rounds, and ttt against the better build of llama.cpp.

usage: compare_table.py FOLDER   with ttt.N.json (ttt bench --json) and {clang,gcc}.N.json (llama-bench -o json)
"""
import json
import pathlib
import statistics
import sys


def ttt_rows(document):
    for row in document["rows"]:
        yield row["kind"], row["n"], row["tokens_per_second"]["median"]


def llama_rows(document):
    for row in document:
        kind, n = ("prefill", row["n_prompt"]) if row["n_prompt"] else ("decode", row["n_gen"])
        samples = row.get("samples_ts") or [row["avg_ts"]]
        yield kind, n, statistics.median(samples)


def main():
    folder = pathlib.Path(sys.argv[1])
    speeds = {}  # (kind, n) -> program -> [tokens per second, one a round]
    for path in sorted(folder.glob("*.json")):
        program = path.name.split(".")[0]
        rows = ttt_rows if program == "ttt" else llama_rows
        for kind, n, speed in rows(json.loads(path.read_text())):
            speeds.setdefault((kind, n), {}).setdefault(program, []).append(speed)

    print(f"{'tokens/s (median)':20} {'ttt':>10} {'llama clang':>12} {'llama gcc':>12} {'ratio to best':>14}")
    for (kind, n), by_program in sorted(speeds.items(), reverse=True):
        median = {program: statistics.median(values) for program, values in by_program.items()}
        peers = [median[p] for p in ("clang", "gcc") if p in median]

        def cell(program, width):
            return f"{median[program]:{width}.1f}" if program in median else f"{'-':>{width}}"

        ratio = f"{median['ttt'] / max(peers):13.2f}x" if peers and "ttt" in median else f"{'-':>14}"
        print(f"{kind + ' ' + str(n):20} {cell('ttt', 10)} {cell('clang', 12)} {cell('gcc', 12)} {ratio}")


if __name__ == "__main__":
    main()

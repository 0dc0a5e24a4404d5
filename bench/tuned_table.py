#!/usr/bin/env python3
"""The table of bench/tuned.sh: medians over turns, with the parameters that `ttt tune` chose and with the defaults.

usage: tuned_table.py FOLDER [--write PAGE]

FOLDER holds MODEL.trials (`ttt tune --json`), MODEL@default@TURN.json and MODEL@tuned@TURN.json (`ttt bench --json`), each also with
-batch before .json, and `devices` (`ttt devices --json`). --write puts the table between its markers on PAGE.
"""
import json
import pathlib
import statistics
import sys

from compare_table import aligned, machine_name, title, ttt_rows
from page import put


def speeds(folder, model, kind):
    """step -> tokens per second, the median over the turns."""
    samples = {}
    for path in folder.glob(f"{model}@{kind}@*.json"):
        for step, speed, _ in ttt_rows(json.loads(path.read_text())):
            samples.setdefault(title(*step), []).append(speed)
    return {step: statistics.median(values) for step, values in samples.items()}


def rows(folder):
    yield ("model", "step", "defaults, t/s", "tuned, t/s", "ratio", "chosen")
    for path in sorted(folder.glob("*.trials")):
        model = path.stem
        params = json.loads(path.read_text())["params"]
        chosen = ", ".join(f"{operation}.{key} {value}" for operation, values in params.items() for key, value in values.items())
        before, after = speeds(folder, model, "default"), speeds(folder, model, "tuned")
        for step in sorted(before, reverse=True):
            yield (model, step, f"{before[step]:.1f}", f"{after[step]:.1f}", f"{after[step] / before[step]:.2f}x", chosen or "the defaults")


def main(folder, *write):
    folder = pathlib.Path(folder)
    table = "\n".join([machine_name(folder), "", *aligned(list(rows(folder)), 2)])
    print(table)
    if write:
        put(write[1], "tuned", table)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])

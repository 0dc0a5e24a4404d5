#!/usr/bin/env python3
"""The table of bench/quality.sh, from what both engines printed.

usage: quality_table.py FOLDER FORMATS [--write PAGE]
"""
import json
import pathlib
import re
import sys

from page import put


def llama_figures(path):
    """(perplexity, mean divergence, share of the same best token), or nothing where llama.cpp has no such format."""
    if not path.exists():
        return None
    text = path.read_text()
    found = [re.search(pattern, text) for pattern in (r"Mean PPL\(Q\)\s*:\s*([\d.]+)", r"Mean\s+KLD:\s*(-?[\d.]+)", r"Same top p:\s*([\d.]+)")]
    if not all(found):
        sys.exit(f"quality_table.py: no figures of llama-perplexity in {path.name}: {text[-300:]}")
    perplexity, divergence, same = (float(match.group(1)) for match in found)
    return perplexity, divergence, same / 100


def row(format_name, folder):
    ours = json.loads((folder / f"{format_name}.json").read_text())
    theirs = llama_figures(folder / f"{format_name}.llama")
    cells = [format_name, f"{ours['perplexity']:.3f}", f"{ours['kl_divergence']:.5f}", f"{100 * ours['same_top']:.1f}%"]
    if theirs is None:
        return cells + ["", "", "", ""]
    return cells + [f"{theirs[0]:.3f}", f"{theirs[1]:.5f}", f"{100 * theirs[2]:.1f}%", f"{ours['perplexity'] / theirs[0] - 1:+.2%}"]


def main(folder, formats, *write):
    folder = pathlib.Path(folder)
    any_run = json.loads((folder / f"{formats.split(',')[0]}.json").read_text())
    lines = [f"Perplexity of SmolLM2 in f32: {any_run['reference_perplexity']:.3f}, over {any_run['scored_tokens']} tokens.", "",
             "| format | ttt, perplexity | divergence | same best token | llama.cpp, perplexity | divergence | same best token | ttt's perplexity to llama.cpp's |",
             "|---|---:|---:|---:|---:|---:|---:|---:|"]
    lines += ["| " + " | ".join(row(name, folder)) + " |" for name in formats.split(",")]
    table = "\n".join(lines)
    print(table)
    if write:
        put(write[1], "quality", table)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:])

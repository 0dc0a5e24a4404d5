#!/usr/bin/env python3
"""The table of bench/compare.sh: medians over turns, and ttt against the better build of llama.cpp.

usage: compare_table.py FOLDER [--write PAGE README]
       compare_table.py --quote README PAGE
       compare_table.py --check README PAGE

FOLDER holds MODEL@PROGRAM@TURN.json (`ttt bench --json`, with `--batch-invariant` too, `llama-bench -o json`),
MODEL@PROGRAM@TURN.jsonl (`llama-batched-bench --output-format jsonl`), MODEL@PROGRAM@TURN.start (process_cost.py),
`files` (MODEL BYTES), `devices` (`ttt devices --json`) and `run` (VERSION of node-llama-cpp, ROUNDS). --write puts the rows into the part of PAGE between this
processor's markers, in place of those of the same models, or into a new one at the end; and quotes it in the README,
unless that quotes another processor's. --quote does only that, with the last section on PAGE. --check fails unless what
the README quotes is what --quote makes of a section on PAGE.
"""
import json
import pathlib
import re
import statistics
import sys

HEAD = ("model", "step", "llama.cpp, t/s", "ttt, t/s", "ratio", "of the roofline", "batch-invariant, t/s", "of ttt", "llama.cpp of")
START_HEAD = ("model", "file, MB", "llama.cpp, s", "peak, MB", "ttt, s", "peak, MB", "ratio", "packed before, s", "ratio")
OURS = ("ttt", "ttt-invariant")
PEERS = {"clang": "clang", "gcc": "g++"}


def ttt_rows(document):
    for row in document["rows"]:
        yield (row["kind"], row["n"], row["depth"], row["batch"]), row["tokens_per_second"]["median"], row["roofline_share"]


def llama_rows(document):
    for row in document:
        kind, n = ("prefill", row["n_prompt"]) if row["n_prompt"] else ("decode", row["n_gen"])
        yield (kind, n, row["n_depth"], 1), statistics.median(row["samples_ts"]), None


def batched_rows(lines):
    for line in lines:
        if line.startswith("{"):
            row = json.loads(line)
            yield ("decode", row["tg"], 0, row["pl"]), row["speed_tg"], None


def title(kind, n, depth, batch):
    """Of a step."""
    return f"{kind} {n}" + (f" at depth {depth}" if depth else "") + (f", batch {batch}" if batch > 1 else "")


def rows_of(path, program):
    text = path.read_text()
    if program in OURS:
        return ttt_rows(json.loads(text))
    return batched_rows(text.splitlines()) if path.suffix == ".jsonl" else llama_rows(json.loads(text))


def table(folder):
    cells = {}  # (model, step) -> program -> [(tokens per second, share of the roofline), one a turn]
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.jsonl")]):
        model, program, _ = path.name.split("@")
        for step, speed, share in rows_of(path, program):
            cells.setdefault((model, step), {}).setdefault(program, []).append((speed, share))
    for (model, (kind, n, depth, batch)), by_program in sorted(cells.items(), key=lambda item: (item[0][0], item[0][1][3], item[0][1][2], item[0][1][0] == "decode")):
        step = title(kind, n, depth, batch)
        median = {program: statistics.median(speed for speed, _ in values) for program, values in by_program.items()}
        peer, build = max(((median[p], compiler) for p, compiler in PEERS.items() if p in median), default=(None, "-"))
        row = [model, step, f"{peer:.1f}" if peer else "-"]
        ours, invariant = (median.get(program) for program in OURS)
        shares = [share for _, share in by_program.get("ttt", [])]
        row += [f"{ours:.1f}" if ours else "-", f"{ours / peer:.2f}x" if ours and peer else "-",
                f"{100 * statistics.median(shares):.0f}%" if shares else "-",
                f"{invariant:.1f}" if invariant else "-", f"{100 * invariant / ours:.0f}%" if ours and invariant else "-", build]
        yield tuple(row)


def start_table(folder):
    """Whole processes that load a model, decode one token and end."""
    files = dict(line.split("\t") for line in (folder / "files").read_text().splitlines())
    costs = {}  # model -> program -> [(seconds, peak bytes), one a turn]
    for path in sorted(folder.glob("*.start")):
        model, program, _ = path.name.split("@")
        cost = json.loads(path.read_text())
        costs.setdefault(model, {}).setdefault(program, []).append((cost["seconds"], cost["peak_bytes"]))
    for model, by_program in sorted(costs.items()):
        median = {program: [statistics.median(column) for column in zip(*values)] for program, values in by_program.items()}
        peer = min((median[p] for p in PEERS if p in median), default=None)
        ours, kept = median["ttt"], median.get("ttt-kept")
        cells = [f"{peer[0]:.2f}", f"{peer[1] / 1e6:.0f}"] if peer else ["-", "-"]
        yield (model, f"{int(files[model]) / 1e6:.0f}", *cells, f"{ours[0]:.2f}", f"{ours[1] / 1e6:.0f}",
               f"{peer[0] / ours[0]:.2f}x" if peer else "-", f"{kept[0]:.2f}" if kept else "-",
               f"{peer[0] / kept[0]:.2f}x" if peer and kept else "-")


def aligned(rows, words):
    """A table; the first `words` columns begin at the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        lines.append("| " + " | ".join(c.ljust(w) if i < words else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))) + " |")
        if number == 0:
            lines.append("|" + "|".join("-" * (w + 2) if i < words else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|")
    return lines


def rows_under(head, section):
    """The rows of a section's table with that head, or with its first columns."""
    tables = [[tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.splitlines()]
              for table in re.findall(r"(?:^\|.*\n?)+", section, re.M)]
    return [row + ("-",) * (len(head) - len(row)) for table in tables if table[0] == head[: len(table[0])]
            for row in table[2:]]


def of_other_models(old, rows):
    models = {row[0] for row in rows}
    return [row for row in old if row[0] not in models]


def by_model(rows):
    return sorted(rows, key=lambda row: row[0])


def machine_name(folder):
    device = json.loads((folder / "devices").read_text())["devices"][0]
    found = re.search(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    name = found[1].strip() if found else "unknown processor"
    features = [feature for feature in device["features"] if feature != "intel"]  # as the name says
    return ", ".join([name, device["isa"], *features])


def machine(runs, rates):
    """A sentence on what was measured of the processor, where rows that are kept were measured at other rates, too."""
    # Models that fit in a cache read at its speed, so that only the largest say what memory does.
    largest = max(run["roofline"]["working_set_bytes"] for run in runs)
    rates = [*rates, *(run["roofline"]["bytes_per_second"] / 1e9 for run in runs if run["roofline"]["working_set_bytes"] >= largest / 4)]
    slowest, fastest = f"{min(rates):.1f}", f"{max(rates):.1f}"
    reading = fastest if slowest == fastest else f"{slowest} to {fastest}"
    peak, instruction = max((run["roofline"]["flops_per_second"], run["roofline"]["instruction"]) for run in runs)
    return f"{runs[0]['threads']} threads; reading {reading} GB/s, multiply-adds {peak / 1e12:.3f} TFLOP/s ({instruction})"


def rates_of(section):
    """What a section says of reading, in GB/s."""
    found = re.search(r"reading ([\d.]+)(?: to ([\d.]+))? GB/s", section)
    return [float(rate) for rate in found.groups() if rate] if found else []


def compared(folder, before):
    """A sentence on what was run, and how often, where rows that are kept of the section `before` may be of other runs."""
    version, rounds = (folder / "run").read_text().split()
    versions, all_rounds = {version}, {int(rounds)}
    found = re.search(r"node-llama-cpp ([^;]+); rounds: (\d+)(?: to (\d+))?$", before, re.M)
    if found:
        versions |= set(found[1].split(", "))
        all_rounds |= {int(number) for number in found.groups()[1:] if number}
    fewest, most = min(all_rounds), max(all_rounds)
    return f"llama.cpp of node-llama-cpp {', '.join(sorted(versions))}; rounds: {fewest}" + (f" to {most}" if most > fewest else "")


def section_text(folder, before):
    """A processor's section, with the rows of other models that its section `before` has for as many threads."""
    runs = [json.loads(path.read_text()) for path in sorted(folder.glob("*@ttt@*.json"))]
    if f"{runs[0]['threads']} threads;" not in before:
        before = ""
    rows, start = list(table(folder)), list(start_table(folder))
    kept, kept_start = of_other_models(rows_under(HEAD, before), rows), of_other_models(rows_under(START_HEAD, before), start)
    text = machine(runs, rates_of(before) if kept else []) + "\n\n" + compared(folder, before if kept else "") + "\n\n" + "\n".join(aligned([HEAD, *by_model(kept + rows)], 2))
    if start or kept_start:
        text += "\n\nFrom start to the first token, with the file in the page cache:\n\n"
        text += "\n".join(aligned([START_HEAD, *by_model(kept_start + start)], 1))
    return text


def write(file, name, text):
    begin, end = f"<!-- measured: {name} -->", f"<!-- end: {name} -->"
    section = f"{begin}\n## {name}\n\n{text}\n{end}"
    old = file.read_text()
    if begin in old:
        head, rest = old.split(begin, 1)
        file.write_text(head + section + rest.split(end, 1)[1])
    else:  # behind the others
        head, end, rest = old.rpartition("<!-- end: ")
        line, rest = rest.split("\n", 1) if end else ("", rest)
        file.write_text(f"{head}{end}{line}\n\n{section}\n{rest}")


QUOTED = re.compile(r"(<!-- speed: begin -->\n)(.*?)(<!-- speed: end -->)", re.S)


def sections(page):
    """{processor: its section}"""
    found = re.findall(r"^<!-- measured: [^\n]* -->\n## ([^\n]*)\n\n(.*?)\n<!-- end: ", page.read_text(), re.M | re.S)
    return dict(found)


def quotation(name, section):
    """What the README says of a section: a row for each model, of the steps that most models have."""
    rows, starts = rows_under(HEAD, section), rows_under(START_HEAD, section)
    models = list(dict.fromkeys(row[0] for row in rows))
    cells = {(row[0], row[1]): f"{row[3]} ({row[4]})" if row[4] != "-" else row[3] for row in rows}
    steps = [step for step in dict.fromkeys(row[1] for row in rows) if 2 * sum((model, step) in cells for model in models) > len(models)]
    cells |= {(row[0], "start, s"): f"{row[4]} ({row[6]})" for row in starts}
    steps += ["start, s"] if starts else []
    lines = aligned([("model", *steps), *((model, *(cells.get((model, step), "-") for step in steps)) for model in models)], 1)
    return f"{name}; {section.splitlines()[0]}\n\n" + "\n".join(lines) + "\n"


def quote(readme, page, name):
    text = quotation(name, sections(page)[name])
    readme.write_text(QUOTED.sub(lambda m: m[1] + text + m[3], readme.read_text()))


def check(readme, page):
    if QUOTED.search(readme.read_text())[2] in (quotation(*section) for section in sections(page).items()):
        return 0
    print(f"{readme} quotes what {page} does not have: run bench/compare_table.py --quote {readme} {page}")
    return 1


def main():
    if sys.argv[1] == "--check":
        sys.exit(check(*map(pathlib.Path, sys.argv[2:4])))
    if sys.argv[1] == "--quote":
        readme, page = map(pathlib.Path, sys.argv[2:4])
        return quote(readme, page, list(sections(page))[-1])
    folder = pathlib.Path(sys.argv[1])
    name = machine_name(folder)
    if sys.argv[2:3] != ["--write"]:
        print(f"{name}\n{section_text(folder, '')}")
        return
    page, readme = map(pathlib.Path, sys.argv[3:5])
    text = section_text(folder, sections(page).get(name, ""))
    print(f"{name}\n{text}")
    write(page, name, text)
    quoted = QUOTED.search(readme.read_text())[2]
    if not quoted or quoted.startswith(f"{name}; "):
        quote(readme, page, name)


if __name__ == "__main__":
    main()

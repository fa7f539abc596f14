"""The benchmark's options, its order of work and its table. Called by scripts/bench.sh, whose head tells the options.

`lab` makes data and measures, `workloads` says what is measured.
"""

import argparse
import json
import os
import platform
import subprocess
import sys

from lab import ROOT, SLOTS, Failed, Lab, say
from workloads import DISK_GB, WORKLOADS

QUICK = ["W1", "W3", "W5"]


def main():
    options = parse_options()
    chosen = choose(options)
    percent = options.scale or (10 if options.quick else 100)
    try:
        lab = Lab(options, percent / 100)
        check_disk(lab, chosen, options.keep)
        lab.build(options)
    except Failed as failure:
        say("bench.sh: %s" % failure)
        return 1
    rows = []
    for work in chosen:
        for one in rows_of(lab, work):
            rows.append(one)
            say(line_of(one))
    lab.clean()
    report = head(lab, percent, options.before) + "\n\n" + table(rows)
    print(report)
    with open(lab.path("results", "table.md"), "w", encoding="utf-8") as file:
        file.write(report + "\n")
    with open(lab.path("results", "rows.json"), "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
    return 1 if any(row["met"] is False for row in rows) else 0


def parse_options():
    parser = argparse.ArgumentParser(prog="bench.sh")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--scale", type=float)
    parser.add_argument("--before")
    parser.add_argument("--hadoop", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--folder", default=os.path.join(ROOT, "target", "bench"))
    return parser.parse_args()


def choose(options):
    """The workloads asked for, in their order."""
    names = options.only.upper().split(",") if options.only else QUICK if options.quick else list(WORKLOADS)
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        sys.exit("bench.sh: no workload %s; there are %s" % (", ".join(unknown), ", ".join(WORKLOADS)))
    return [work for work in WORKLOADS if work in names]


def check_disk(lab, chosen, keep):
    """Fails early rather than after an hour."""
    peaks, kept = zip(*(DISK_GB[work] for work in chosen))
    needed = (max(peaks) + (sum(kept) if keep else 0)) * lab.scale + 0.5
    there = lab.disk_gb()
    if there < needed:
        raise Failed("%s has room for %.1f GB and %s need up to %.1f; take a folder on another disk (--folder), "
                     "less data (--scale) or fewer workloads (--only)" % (lab.folder, there, ", ".join(chosen), needed))


def rows_of(lab, work):
    """The rows of a workload; one that says what failed, if something does."""
    try:
        yield from WORKLOADS[work](lab)
    except Failed as failure:
        yield {"work": work, "what": "FAILED: %s" % failure, "times": {}, "ratios": {}, "targets": {}, "met": False, "notes": ""}
    # The largest files go at once: the next workload needs the room.
    lab.clean(over_gb=2 * lab.scale)


def line_of(one):
    """A row of the table."""
    times, bounds = one["times"], one["targets"]
    ours = "%.3f s" % times["mr-stream"] if times else ""
    others = ", ".join("%s %.3f s" % pair for pair in times.items() if pair[0] != "mr-stream")
    shown = ["%s %.2f%s" % (way, ratio, " (at most %.2f)" % bounds[way] if way in bounds else "")
             for way, ratio in one["ratios"].items()]
    shown += [one["notes"]] if one["notes"] else []
    met = {True: "met", False: "MISSED", None: "no target"}[one["met"]]
    return "| %s | %s | %s | %s | %s | %s |" % (one["work"], one["what"], ours, others, "; ".join(shown), met)


def table(rows):
    lines = ["| | work | mr-stream | others | ratio of times, ours to theirs | |", "|---|---|---|---|---|---|"]
    return "\n".join(lines + [line_of(row) for row in rows])


def head(lab, percent, before):
    """The machine and the build, for a table says little without."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    described = subprocess.run(["git", "describe", "--always", "--dirty=, changed"], cwd=ROOT, check=False,
                               stdout=subprocess.PIPE, text=True).stdout.strip()
    lines = ["%d cores of %s, %.0f GiB, Linux %s" % (SLOTS, (models or ["?"])[0], memory, platform.release()),
             "mr-stream at commit %s%s" % (described, ", before: %s" % before if before else ""),
             "data at %g %% of the full size, medians, warm page cache, in %s" % (percent, lab.file_system())]
    return "  \n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

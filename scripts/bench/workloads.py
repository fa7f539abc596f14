"""What is measured: each workload makes its data, times its ways, compares their outputs and gives rows."""

import os

from lab import GNU_SORT, ROOT, SLOTS, Timing, remove, run

NO_REDUCE = "-D mapreduce.job.reduces=0 "


def row(work, what, times, targets, notes=(), met=True):
    """`targets` maps another way to the bound on our time divided by its time, e.g. {"GNU sort": 0.1}. `met` is
    whether what else is asked for holds; None if nothing is asked for."""
    ours = times["mr-stream"].seconds
    ratios = {way: ours / timing.seconds for way, timing in times.items() if way != "mr-stream" and timing.seconds}
    held = [ratios[way] <= bound for way, bound in targets.items()]
    return {
        "work": work, "what": what, "times": {way: timing.seconds for way, timing in times.items()}, "ratios": ratios,
        "targets": targets, "met": None if met is None else met and all(held), "notes": "; ".join(notes),
    }


def bytes_of(lab, megabytes):
    size = lab.size(megabytes)
    return "%g GB" % (size / 1000) if size >= 1000 else "%d MB" % size


def within(budget, peak):
    """Whether a peak in MB keeps to a budget in MiB: 600 MB for 512, and what is beside the records is no less for
    fewer of them. As notes and an answer."""
    bound = 600 + (budget - 512) * 1.048576
    return ["peak %d MB (below %d)" % (peak, bound)], peak < bound


def word_answer(lab, name, mapper, reducer, by):
    """GNU's word count, made once: the mapper's sorted output and the reducer's."""
    base = os.path.basename(name)
    mapped = lab.made("%s.mapped-%s" % (base, by), "%s < %s | %s -S 25%%" % (mapper, name, GNU_SORT))
    return mapped, lab.made("%s.answer-%s" % (base, by), "%s < %s" % (reducer, mapped))


def count_words(lab, work, what, name, mapper, reducer, by, targets):
    """Word count, ours, GNU's and bare."""
    mapped, answer = word_answer(lab, name, mapper, reducer, by)
    ways = lab.jobs("-mapper '%s' -reducer '%s' -input %s" % (mapper, reducer, name), hadoop=True)
    ways["GNU sort"] = lab.pipe("GNU sort", "%s < %s | %s -S 25%% | %s" % (mapper, name, GNU_SORT, reducer))
    ways["bare"] = lab.bare(name, mapper, reducer, mapped)
    times = lab.time(work, ways)
    lab.compare(ways, answer, "bytes")
    return row(work, what, times, targets)


def w1(lab):
    name = lab.data("text", 500)
    what = "word count, native, " + bytes_of(lab, 500)
    programs = (lab.wordcount + " map", lab.wordcount + " reduce", "native")
    yield count_words(lab, "W1", what, name, *programs, {"GNU sort": 1 / 10, "bare": 1.8})


def w2(lab):
    name = lab.data("text", 50)
    what = "word count in Python, " + bytes_of(lab, 50)
    programs = ["python3 %s/mappers/wordcount_%s.py" % (ROOT, part) for part in ("map", "reduce")]
    yield count_words(lab, "W2", what, name, *programs, "python", {"GNU sort": 1, "bare": 1.1})


def w3(lab):
    name = lab.data("records", 1000)
    ways = lab.jobs("-mapper cat -reducer cat -input " + name, hadoop=True)
    ways["GNU sort"] = lab.pipe("GNU sort", "cat < %s | cat | %s -S 25%% | cat" % (name, GNU_SORT))
    ways["bare"] = lab.bare(name, "cat", "cat", name)
    times = lab.time("W3", ways)
    lab.compare(ways, ways["GNU sort"].out, "bytes")
    yield row("W3", "%s of records in memory" % bytes_of(lab, 1000), times, {"GNU sort": 1 / 3, "bare": 4})


def w4(lab):
    name = lab.data("records", 8000)
    budget = lab.size(512)
    ways = lab.jobs("-D mrstream.memory.mb=%d -mapper cat -reducer cat -numReduceTasks 3 -input %s" % (budget, name))
    ways["GNU sort"] = lab.pipe("GNU sort", "cat < %s | cat | %s -S %dM | cat" % (name, GNU_SORT, budget))
    peak = lab.peak(ways["mr-stream"])
    times = lab.time("W4", ways, runs=3, warm=False)
    lab.compare(ways, ways["GNU sort"].out, "sorted")
    what = "%s, 3 reduces, budget %d MB" % (bytes_of(lab, 8000), budget)
    yield row("W4", what, times, {"GNU sort": 1 / 3}, *within(budget, peak))


def w5(lab):
    name = lab.made("line", "echo 'one\tline'")
    ways = lab.jobs("-mapper cat -reducer cat -input " + name)
    ways["pipe"] = lab.pipe("pipe", "cat %s | cat | sort | cat" % name)
    times = lab.time("W5", ways, at_once=10)
    lab.compare(ways, ways["pipe"].out, "bytes")
    more = 1000 * (times["mr-stream"].seconds - times["pipe"].seconds)
    yield row("W5", "one line", times, {}, ["%.1f ms slower than the pipe (at most 10)" % more], more <= 10)


def w6(lab):
    count = max(100, lab.size(10_000))
    folder = small_files(lab, count)
    answer = lab.made("small-%d.answer" % count, "cat %s/* | %s" % (folder, GNU_SORT))
    bare = lab.pipe("bare", "ls %s/* | xargs -P%d -n1 cat" % (folder, SLOTS))
    plain = "-mapper cat -reducer cat -input " + folder
    # Hadoop's streaming leaves out the offsets of TextInputFormat only.
    combined = "-inputformat org.apache.hadoop.mapred.lib.CombineTextInputFormat -D stream.map.input.ignoreKey=true " + plain
    rows = [("W6", "%d files of 2 KB" % count, plain, 1.3), ("W6-combine", "the same, CombineTextInputFormat", combined, 0.1)]
    for name, what, arguments, bound in rows:
        ways = lab.jobs(arguments) | {"bare": bare}
        times = lab.time(name, ways, runs=3)
        lab.compare(ways, answer, "bytes")
        yield row("W6", what, times, {"bare": bound})


def small_files(lab, count):
    folder = lab.path("data", "small-%d" % count)
    if not os.path.isdir(folder):
        os.makedirs(folder + ".part", exist_ok=True)
        for number in range(count):
            with open("%s.part/%05d" % (folder, number), "w", encoding="ascii") as file:
                file.write(("%05d\tsome text\n" % number) * 128)
        os.rename(folder + ".part", folder)
    return folder


def w7(lab):
    # Of 600 MB gzip leaves 305.
    text = lab.data("text", 600)
    mapper = "python3 %s/mappers/wordcount_map.py" % ROOT
    packed = {}
    for tool, ending in (("gzip", "gz"), ("bzip2", "bz2")):
        packed[ending] = lab.made("%s.%s" % (os.path.basename(text), ending), "%s -c %s" % (tool, text))
    pipe = {ending: "%s -dc %s | %s" % (tool, packed[ending], mapper) for tool, ending in (("gzip", "gz"), ("bzip2", "bz2"))}
    both = "{ %s && %s; }" % (pipe["gz"], pipe["bz2"])
    cut = "-D mrstream.input.compressed.splits=auto "
    target = {"pipe": 1 / 1.7}
    # Name of the raw numbers, work, options, files, what it is compared with, target.
    rows = [
        ("W7-gz", "one .gz, Python mapper: one task, as in Hadoop", "", ["gz"], pipe["gz"], None),
        ("W7-gz-cut", "the same .gz in several tasks (compressed.splits=auto)", cut, ["gz"], pipe["gz"], target),
        ("W7-bz2", "one .bz2, Python mapper", "", ["bz2"], pipe["bz2"], target),
        ("W7-both", ".gz and .bz2 in one job, against one pipe after the other", "", ["gz", "bz2"], both, target),
    ]
    for name, what, options, endings, command, bounds in rows:
        if options and not lab.knows("mrstream.input.compressed.splits"):
            continue
        inputs = " ".join("-input " + packed[ending] for ending in endings)
        ways = lab.jobs("%s%s-mapper '%s' %s" % (NO_REDUCE, options, mapper, inputs)) | {"pipe": lab.pipe("pipe", command)}
        times = lab.time(name, ways, runs=2, warm=False)
        lab.compare(ways, ways["pipe"].out, "lines")
        notes = ["%.1f cores busy, the pipe %.1f" % (times["mr-stream"].cores, times["pipe"].cores)]
        yield row("W7", what, times, bounds or {}, notes, met=bounds and True)


def w8(lab):
    words = lab.wordcount
    plain, hot = lab.data("text", 500), lab.data("text", 500, 50)
    job = "-mapper '%s map' -reducer '%s reduce' -numReduceTasks 4 -input " % (words, words)
    ways = lab.jobs(job + hot) | {"even keys": lab.job("even keys", job + plain, "mr-stream")}
    times = lab.time("W8", ways)
    for chosen, name in (([way for way in ways if way != "even keys"], hot), (["even keys"], plain)):
        _, answer = word_answer(lab, name, words + " map", words + " reduce", "native")
        lab.compare({way: ways[way] for way in chosen}, answer, "sorted")
    yield row("W8", "half of all records have one key, 4 reduces", times, {"even keys": 1.3})


def w9(lab):
    """No GNU sort here: each output is sorted and has the lines of the input."""
    budget = lab.size(512)
    per_gb = {}
    for megabytes in (250, 1000, 4000, 16000):
        lab.clean(over_gb=0.1 * lab.scale)
        name = lab.data("records", megabytes)
        ways = {"mr-stream": lab.job("mr-stream", "-D mrstream.memory.mb=%d -mapper cat -reducer cat -input %s" % (budget, name))}
        last = lab.time("W9-%d" % megabytes, ways, runs=5 if megabytes <= 1000 else 2, warm=megabytes <= 1000)
        per_gb[megabytes] = 1000 * last["mr-stream"].seconds / lab.size(megabytes)
        lab.compare(ways, name, "sorted")
    growth = max(per_gb.values()) / min(per_gb.values())
    sizes = ", ".join(bytes_of(lab, megabytes) for megabytes in per_gb)
    listed = ", ".join("%.2f" % one for one in per_gb.values())
    notes = ["s per GB at %s: %s; growth %.2f (at most 1.5)" % (sizes, listed, growth)]
    yield row("W9", "growing input, budget %d MB" % budget, last, {}, notes, growth <= 1.5)


def w10(lab):
    pieces = lab.pieces(lab.data("records", 1000), 32)
    ways = lab.jobs(NO_REDUCE + "-D stream.non.zero.exit.is.failure=false -mapper 'grep aaa' -input '%s/p??'" % pieces)
    found = lab.out("bare")
    command = "mkdir %s && ls %s/p?? | xargs -P%d -I{} sh -c 'grep aaa {} > %s/$(basename {}) || true'"
    ways["bare"] = lab.pipe("bare", "")._replace(command=command % (found, pieces, SLOTS, found))
    times = lab.time("W10", ways)
    answer = lab.out("grep")
    run("cat %s/p?? > %s" % (found, answer))
    lab.compare(ways, answer, "lines")
    yield row("W10", "map-only grep over %s, 32 splits" % bytes_of(lab, 1000), times, {"bare": 1.15})


def w11(lab):
    budget = lab.size(512)
    length = lab.size(300)
    line = lab.made("one-line-%d" % length, "head -c %d000000 /dev/zero | tr '\\0' x" % length)
    # A line without a tab is a key alone, and behind a key a tab is written.
    with_tab = lab.made("one-line-%d.answer" % length, "cat %s; printf '\\t\\n'" % line)
    values, keys = lab.data("records", 1000, 1000), lab.data("records", 500, 65, 64)
    rows = [("values of 1 MB", values, values), ("keys of 64 KB", keys, keys), ("one line of %d MB" % length, line, with_tab)]
    for number, (what, name, answer) in enumerate(rows):
        ways = lab.jobs("-D mrstream.memory.mb=%d -mapper cat -reducer cat -input %s" % (budget, name))
        peak = lab.peak(ways["mr-stream"])
        times = lab.time("W11-%d" % number, ways, runs=1, warm=False)
        # GNU sort -c of a few lines of 300 MB is no less sure than of many.
        lab.compare(ways, answer, "sorted")
        yield row("W11", what, times, {}, *within(budget, peak))


WORKLOADS = {"W1": w1, "W2": w2, "W3": w3, "W4": w4, "W5": w5, "W6": w6, "W7": w7, "W8": w8, "W9": w9, "W10": w10, "W11": w11}

# Gigabytes that a workload takes at most at full size, with what it found there, and that its data takes when kept.
DISK_GB = {
    "W1": (3, 2), "W2": (1, 1), "W3": (7, 2), "W4": (43, 8), "W5": (1, 0), "W6": (1, 1), "W7": (8, 2), "W8": (5, 3),
    "W9": (50, 21), "W10": (6, 2), "W11": (7, 2),
}

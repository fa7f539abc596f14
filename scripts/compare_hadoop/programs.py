"""Programs of the random jobs' children, as (file name, text). None of them depends on the order of equal keys."""

PROGRAMS = {
    # Groups lines by their first N fields (tabs): key, how many lines, checksum of the sorted lines.
    "count.py": r"""
import sys, zlib
fields = int(sys.argv[1]) if len(sys.argv) > 1 else 1
out, now, rows = sys.stdout.buffer, None, []
def done():
    if rows:
        out.write(b"%s\t%d\t%08x\n" % (now, len(rows), zlib.crc32(b"".join(sorted(rows)))))
for row in sys.stdin.buffer:
    key = b"\t".join(row.rstrip(b"\n").split(b"\t")[:fields])
    if key != now:
        done()
        now, rows = key, []
    rows.append(row)
done()
""",
    # Sums the values of a key; what is no number counts 1. Good as a combiner too.
    "sum.py": r"""
import sys
out, now, total = sys.stdout.buffer, None, 0
for row in sys.stdin.buffer:
    key, _, value = row.rstrip(b"\n").partition(b"\t")
    if key != now:
        if now is not None:
            out.write(b"%s\t%d\n" % (now, total))
        now, total = key, 0
    total += int(value) if value.isdigit() else 1
if now is not None:
    out.write(b"%s\t%d\n" % (now, total))
""",
    # Words with a one each, split at blanks and tabs.
    "words.py": r"""
import sys
for row in sys.stdin.buffer:
    for word in row.split():
        sys.stdout.buffer.write(word + b"\t1\n")
""",
    # Reads everything, writes a file to standard output and one to standard error; "cat" passes the input on first.
    "emit.py": r"""
import sys
out, err, mode = (sys.argv[1:] + ["", "", ""])[:3]
data = sys.stdin.buffer.read()
if mode == "cat":
    sys.stdout.buffer.write(data)
for name, stream in ((out, sys.stdout.buffer), (err, sys.stderr.buffer)):
    if name and name != "-":
        stream.write(open(name, "rb").read())
""",
    # The arguments, one line each, as hex of their bytes; input is read and thrown away.
    "args.py": r"""
import os, sys
sys.stdin.buffer.read()
for one in sys.argv[1:]:
    print(len(one), os.fsencode(one).hex())
""",
    # Variables whose names begin with a prefix, or are named outright with =; paths lose their folders.
    "env.py": r"""
import os, sys
sys.stdin.buffer.read()
want = sys.argv[1:]
for name, value in sorted(os.environb.items()):
    name = name.decode("latin-1")
    if any(name.startswith(w) for w in want if not w.endswith("=")) or name + "=" in want:
        if b"/" in value:
            value = b"..." + value[value.rindex(b"/"):]
        sys.stdout.buffer.write(b"%s=%s\n" % (name.encode("latin-1"), value.replace(b"\n", b"|")))
""",
    # Ends with a code after so many lines; "all" passes on all input first, "none" reads nothing.
    "exit.py": r"""
import sys
code, mode = int(sys.argv[1]), sys.argv[2]
if mode != "none":
    for row in sys.stdin.buffer:
        sys.stdout.buffer.write(row)
        if mode == "first":
            break
sys.stdout.flush()
sys.exit(code)
""",
    # Names of the files in the working folder that were shipped, with what is in them.
    "ls.py": r"""
import os, sys, zlib
sys.stdin.buffer.read()
def show(path, depth):
    if os.path.isdir(path):
        if depth < 4:
            for name in sorted(os.listdir(path)):
                if not name.startswith("."):
                    show(os.path.join(path, name), depth + 1)
    elif os.path.exists(path):
        print(path, zlib.crc32(open(path, "rb").read()))
for name in sys.argv[1:]:
    if not os.path.exists(name):
        print(name, "missing")
    show(name, 0)
""",
}

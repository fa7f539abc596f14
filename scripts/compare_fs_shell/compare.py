"""Runs commands of `hadoop fs` on a real HDFS and on the folder that stands for one, and says where they differ.

Called by scripts/compare_fs_shell.sh. Times, ports and what the machine's disk holds are evened out; everything else,
the exit code included, must be the same. Commands are those of `commands.txt`, and random ones with --random N.
"""

import argparse
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


class Hadoop:
    """FsShell in one Java process with an HDFS of its own."""

    def __init__(self, classpath, work, local, group):
        command = ["java", "-cp", classpath, "-Djava.awt.headless=true", "ShellDriver", str(work), group]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=local)

    def run(self, words):
        self.process.stdin.write(("\x1f".join(words) + "\n").encode())
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            sys.exit("FsShell did not answer; are the jars complete?")
        code, out, err = map(int, answer)
        return code, self.process.stdout.read(out), self.process.stdout.read(err)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Ours:
    """The shim in a folder of its own."""

    def __init__(self, binary, work, local):
        self.hadoop = work / "bin" / "hadoop"
        self.hadoop.parent.mkdir()
        self.hadoop.symlink_to(binary)
        self.environment = {**os.environ, "MRSTREAM_HDFS_ROOT": str(work / "dfs")}
        self.local = local

    def run(self, words):
        done = subprocess.run([self.hadoop, "fs", *words], cwd=self.local, env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True)
        return done.returncode, done.stdout, done.stderr


def even(text):
    """Text without what may differ from machine to machine and from minute to minute."""
    text = text.decode(errors="replace")
    text = re.sub(r"hdfs://localhost:\d+", "hdfs://", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "TIME", text)
    text = re.sub(r"^TIME,\d+ INFO .*\n", "", text, flags=re.M)
    # Our addresses have no host, so they are no news where they were given.
    text = re.sub(r"`(.*?)': No such file or directory: `\1/?'", r"`\1': No such file or directory", text)
    text = re.sub(r"^\d{13}$", "MILLISECONDS", text, flags=re.M)
    # The list of all verbs is longer in Hadoop.
    text = re.sub(r"Usage: hadoop fs \[generic options\]\n(\t.*\n)*\n?(Generic options.*\n(.+\n)*\n.*\n.*\n\n?)?", "", text)
    # Two more options that say how many threads copy.
    text = re.sub(r" \[-t <thread count>\]( \[-q <thread pool queue size>\])?", "", text)
    return text


NAMES = ["a", "b", "c.txt", "d"]
VERBS = [
    "-mkdir P", "-mkdir -p P", "-touchz P", "-rm P", "-rm -r P", "-rm -f P", "-rm -r -f P", "-rmdir P", "-mv P P",
    "-cp P P", "-cp -f P P", "-put one.txt P", "-put -f two.txt P", "-put one.txt two.txt P", "-put dir P",
    "-appendToFile one.txt P", "-cat P", "-test -e P", "-test -d P", "-test -f P", "-test -s P", "-test -z P",
    "-ls P", "-ls -d P", "-ls -R P", "-ls -C P", "-du P", "-du -s P", "-count P", "-stat %F:%b:%n:%a P", "-find P",
    "-find P -name c*", "-chmod 700 P", "-chmod -R g+w P", "-getmerge P merged", "-head P", "-tail P", "-text P",
    "-ls -S -r P", "-ls -h P", "-lsr P", "-dus P", "-du -s -h P", "-du -v P", "-count -q P", "-count -h -v P P",
    "-find P -iname C* -print0", "-find P P -name ? -a -name [a-c]", "-copyFromLocal two.txt empty P",
    "-copyToLocal P got2", "-get P got", "-get -f P P got", "-moveFromLocal gone.txt P", "-appendToFile one.txt two.txt P",
    "-rmr P", "-rm -r -skipTrash P P", "-rmdir --ignore-fail-on-non-empty P", "-mv P P P", "-cp P P P", "-cp -p P P",
    "-touch -c P", "-touch P", "-test -r P", "-test -w P", "-test -e P P", "-setrep 1 P",
    "-getmerge -nl P P merged", "-getmerge -skip-empty-file P merged", "-stat %r:%o:%A P P", "-cat P P", "-chmod u=rwx,go-w P",
    "-chmod 0644 P P", "-mkdir P P", "-mkdir -p P P", "-ls P P", "-expunge", "-usage ls", "-head", "-mv P",
]


def random_command(chance):
    def path(_):
        start = chance.choice(["/", "/", "/", "", "hdfs:///"])
        names = [chance.choice(NAMES) for _ in range(chance.randint(1, 3))]
        # What a relative pattern does not find in HDFS is looked for on the local disk here.
        if start and chance.random() < 0.1:
            names[-1] = chance.choice(["*", "?", "{a,b}", "[ab]", "*.txt"])
        return start + "/".join(names) + chance.choice(["", "", "", "/"])
    return re.sub(r"\bP\b", path, chance.choice(VERBS)).split()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--classpath", required=True)
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    commands = [shlex.split(line) for line in (Path(__file__).parent / "commands.txt").read_text().splitlines()
                if line and not line.startswith("#")]
    chance = random.Random(args.seed)
    commands += [random_command(chance) for _ in range(args.random)]
    group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()
    work = Path(tempfile.mkdtemp(prefix="compare-fs-"))
    differ = 0
    sides = []
    for name in ["hadoop", "ours"]:
        local = work / name / "local"
        (local / "dir/sub").mkdir(parents=True)
        for file, text in [("one.txt", "one\n"), ("two.txt", "two\n" * 600), ("empty", ""), ("dir/x", "x\n"),
                           ("dir/sub/y", "y\n")]:
            (local / file).write_text(text)
        sides.append(local)
    hadoop = Hadoop(args.classpath, work / "cluster", sides[0], group)
    ours = Ours(args.bin, work, sides[1])
    # What our folder is made with.
    user = os.environ.get("USER") or subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
    for side in [hadoop, ours]:
        side.run(["-mkdir", "-p", "/tmp", f"/user/{user}"])
        side.run(["-chmod", "755", "/tmp", "/user", f"/user/{user}"])
    for words in commands:
        (code, out, err), (our_code, our_out, our_err) = hadoop.run(words), ours.run(words)
        # Our folder has these again by itself, but not always at once.
        if words[0].startswith(("-rm", "-mv")):
            for side in [hadoop, ours]:
                side.run(["-mkdir", "-p", "/tmp", f"/user/{user}"])
        theirs, mine = (code, even(out), even(err)), (our_code, even(our_out), even(our_err))
        # A local folder is copied in the disk's order.
        if words[0] in ("-put", "-copyFromLocal", "-moveFromLocal"):
            theirs, mine = [(code, out, sorted(err.splitlines())) for code, out, err in (theirs, mine)]
        if theirs != mine:
            differ += 1
            print("DIFFERS", shlex.join(words))
            for side, (code, out, err) in [("hadoop", theirs), ("ours", mine)]:
                print(f"  {side}: {code}")
                for kind, text in [("out", out), ("err", err)]:
                    lines = text.splitlines() if isinstance(text, str) else text
                    print("".join(f"    {kind}| {line}\n" for line in lines[:20]), end="")
    hadoop.close()
    local = [sorted((str(p.relative_to(s)), p.read_bytes() if p.is_file() else None) for p in s.rglob("*")
                    if not p.name.endswith(".crc")) for s in sides]
    if local[0] != local[1]:
        differ += 1
        print("DIFFERS what was copied to the local disk")
    print(f"{len(commands)} commands, {differ} differ")
    if differ == 0:
        shutil.rmtree(work)
    sys.exit(1 if differ else 0)


main()

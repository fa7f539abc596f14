"""Runs programs that drive Hadoop on our commands. Called by scripts/try_clients.sh with the command and names of cases.

A case is a function; what it asserts is what the program needs. Programs that cannot be installed are in LEFT_OUT; of
three of them the calls are repeated as their source has them, with what they make of the answers.
"""

import getpass
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent

LEFT_OUT = [
    ("dumbo 0.21", "is not on the index, and is Python 2; its calls are the case dumbo"),
    ("hadoopy 0.5.0", "its setup.py stops on Python 3; its calls are the case hadoopy"),
    ("rmr2 3.3", "is a package of R; its calls are the case rmr2"),
    ("pydoop 2.0.0", "builds against a JVM and Hadoop's native library; it speaks to them, not to commands"),
    ("snakebite 2.11.0", "is Python 2, and speaks the RPC of a namenode, not to commands"),
    ("hdfs 2.7.3, hdfs3, hdfs-native, pyarrow", "speak WebHDFS or the RPC of a namenode; there are no daemons here"),
    ("hadoop-manager 0.0.4, hadoop-util 0.2", "import modules of Python 2 (cPickle, commands)"),
    ("data-eng-utils 0.11.1", "wants pandas 1.1.5, which no Python from 3.10 on installs"),
    ("mrjob 0.7.4", "has a script of its own, scripts/try_mrjob.sh"),
]


class Place:
    """A folder with an installation of our commands and an HDFS of its own."""

    def __init__(self, binary):
        self.work = Path(tempfile.mkdtemp(prefix="try-clients-"))
        self.environment = {**os.environ, "MRSTREAM_HDFS_ROOT": str(self.work / "dfs"), "HOME": str(self.work)}
        subprocess.run([binary, "install-commands", self.work / "hadoop"], check=True, stdout=subprocess.DEVNULL)
        self.hadoop = str(self.work / "hadoop" / "bin" / "hadoop")
        self.hdfs = str(self.work / "hadoop" / "bin" / "hdfs")
        self.jar = str(next((self.work / "hadoop").glob("share/hadoop/tools/lib/hadoop-streaming-*.jar")))
        (self.work / "in.txt").write_text("b a\na c\n" * 50)
        self.sh("$HADOOP fs -mkdir -p /data && $HADOOP fs -put in.txt /data")

    def sh(self, script, code=0, stdin=b""):
        """Runs a shell command; returns its standard output."""
        names = {"HADOOP": self.hadoop, "HDFS": self.hdfs, "JAR": self.jar}
        ended = subprocess.run(["sh", "-c", script], cwd=self.work, env={**self.environment, **names}, input=stdin,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert ended.returncode == code, (script, ended.returncode, ended.stdout[-2000:], ended.stderr[-2000:])
        return ended.stdout


def typed(value):
    """A value as typed bytes."""
    if isinstance(value, int):
        return b"\x03" + struct.pack(">i", value)
    value = value.encode()
    return b"\x07" + struct.pack(">i", len(value)) + value


def values(data):
    """Typed bytes as values, as the module typedbytes reads them."""
    at, found = 0, []
    while at < len(data):
        code = data[at]
        at += 1
        if code in (3, 4):
            size = 4 if code == 3 else 8
            found.append(int.from_bytes(data[at:at + size], "big", signed=True))
        else:
            assert code in (0, 7), (code, at)
            size = struct.unpack(">i", data[at:at + 4])[0]
            at += 4
            found.append(data[at:at + size].decode())
        at += size
    return found


def luigi_hdfs(place):
    """luigi.contrib.hdfs with its three clients: cdh4, cdh3, apache1."""
    import luigi
    from luigi.contrib.hdfs import HdfsTarget, hadoopcli_clients as clients
    from luigi.contrib.hdfs.error import HDFSCliError
    os.environ.update(place.environment)
    luigi.configuration.get_config().set("hadoop", "command", place.hadoop)
    for client in [clients.HdfsClient(), clients.HdfsClientCdh3(), clients.HdfsClientApache1()]:
        root = "/luigi/" + type(client).__name__
        assert not client.exists(root)
        place.sh("$HADOOP fs -mkdir -p " + root)
        client.mkdir(root)
        client.put(str(place.work / "in.txt"), root + "/a")
        client.touchz(root + "/empty")
        client.move(root + "/a", root + "/b")
        client.copy(root + "/b", root + "/c")
        assert client.exists(root + "/b") and not client.exists(root + "/a")
        listed = list(client.listdir(root, include_size=True, include_type=True, include_time=True))
        assert [entry[:3] for entry in listed] == [
            (root + "/b", 400, "-"), (root + "/c", 400, "-"), (root + "/empty", 0, "-")], listed
        below = sorted(client.listdir("/luigi", recursive=True, ignore_directories=True))
        assert below == [root + "/b", root + "/c", root + "/empty"], below
        counted = client.count(root)
        assert counted == {"content_size": "800", "dir_count": "1", "file_count": "3"}, counted
        client.chmod(root + "/b", "600")
        client.chown(root, "luigi", "hadoop", recursive=True)
        client.getmerge(root, str(place.work / "merged"))
        assert (place.work / "merged").stat().st_size == 800
        client.get(root + "/b", str(place.work / "got"))
        os.remove(place.work / "got")
        client.remove(root + "/b")
        client.remove(root, recursive=True, skip_trash=True)
        assert not client.exists(root)
        try:
            client.remove(root)
            raise AssertionError("removed twice")
        except HDFSCliError as error:
            assert "No such file or directory" in error.stderr, error.stderr
    target = HdfsTarget("/luigi/out.txt")
    with target.open("w") as out:
        out.write("written through a pipe\n")
    with target.open("r") as text:
        assert list(text) == ["written through a pipe\n"]


def luigi_hadoop(place):
    """luigi.contrib.hadoop: a job by its runner, with its own package, pickled task and atomic output."""
    (place.work / "luigi.cfg").write_text(
        "[hadoop]\ncommand: %s\npython-executable: python3\n" % place.hadoop)
    names = {"PYTHONPATH": str(HERE), "STREAMING_JAR": place.jar, "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", "luigi", "--module", "word_count", "WordCount", "--local-scheduler", "--text",
         "/data/in.txt", "--out", "/luigi-words"],
        cwd=place.work, env={**place.environment, **names}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert ended.returncode == 0 and b"progress looks :)" in ended.stdout, ended.stdout.decode()[-4000:]
    words = place.sh("$HADOOP fs -cat '/luigi-words/part-*' | sort").decode()
    assert words == "a\t100\nb\t50\nc\t50\n", words


def dumbo(place):
    """dumbo.backends.streaming: a job on typed bytes, `dumbo cat`, `exists`, `rm`."""
    place.sh("$HADOOP jar $JAR -io typedbytes -inputformat org.apache.hadoop.streaming.AutoInputFormat -outputformat "
             "org.apache.hadoop.mapred.SequenceFileOutputFormat -jobconf mapred.job.name=dumbo -jobconf "
             "stream.map.input=typedbytes -input /data/in.txt -output /dumbo -mapper cat -numReduceTasks 0")
    paths = [line.split()[-1] for line in place.sh("$HADOOP fs -ls /dumbo").decode().splitlines() if ":" in line]
    found = []
    for path in paths:
        if not path.split("/")[-1].startswith("_"):
            found += values(place.sh("$HADOOP jar $JAR dumptb %s 2>/dev/null" % path))
    assert len(found) == 200 and sorted(found[1::2]) == ["a c"] * 50 + ["b a"] * 50, found[:6]
    place.sh("$HADOOP fs -stat '/dumbo' >/dev/null 2>&1")
    place.sh("$HADOOP fs -rmr '/dumbo'")
    place.sh("$HADOOP fs -stat '/dumbo' >/dev/null 2>&1", code=1)


def hadoopy(place):
    """hadoopy: writetb, readtb, ls, and a job on typed bytes."""
    pairs = b"".join(typed(number) + typed("value %d" % number) for number in range(1000))
    place.sh("$HADOOP jar $JAR loadtb /hadoopy/in.tb", stdin=pairs)
    assert place.sh("$HADOOP jar $JAR dumptb /hadoopy/in.tb") == pairs
    place.sh("$HADOOP jar $JAR -output /hadoopy/out -input /hadoopy/in.tb -mapper cat -reducer cat -io typedbytes "
             "-inputformat org.apache.hadoop.streaming.AutoInputFormat -outputformat "
             "org.apache.hadoop.mapred.SequenceFileOutputFormat -jobconf mapred.reduce.tasks=2")
    found = values(place.sh("$HADOOP jar $JAR dumptb '/hadoopy/out'"))
    assert sorted(zip(found[::2], found[1::2])) == [(number, "value %d" % number) for number in range(1000)]
    lines = place.sh("$HADOOP fs -ls '/hadoopy/out'").decode().splitlines()
    assert [line.split()[-1].split("/")[-1] for line in lines[1:]] == ["_SUCCESS", "part-00000", "part-00001"]


def rmr2(place):
    """rmr2: to.dfs, mapreduce, from.dfs, and how it tests for files."""
    assert b"rmr" not in place.sh("$HDFS dfs -- 2>&1 | grep rmr || true")
    pairs = b"".join(typed("k%d" % (number % 3)) + typed(number) for number in range(30))
    (place.work / "pairs").write_bytes(pairs)
    place.sh("$HADOOP jar $JAR loadtb /rmr/in < pairs")
    place.sh("$HDFS dfs -test -e /rmr/in && ! $HDFS dfs -test -d /rmr/in")
    place.sh("$HADOOP jar $JAR -D 'stream.map.input=typedbytes' -D 'stream.map.output=typedbytes' -D "
             "'stream.reduce.input=typedbytes' -D 'stream.reduce.output=typedbytes' -input /rmr/in -output /rmr/out "
             "-mapper cat -reducer cat -inputformat org.apache.hadoop.streaming.AutoInputFormat -outputformat "
             "org.apache.hadoop.mapred.SequenceFileOutputFormat 2>&1")
    rows = [line.split() for line in place.sh("$HDFS dfs -ls /rmr/out").decode().splitlines()[1:]]
    assert all(len(row) == 8 for row in rows), rows
    place.sh("rm -f got")
    for row in rows:
        if "part" in row[7]:
            place.sh("$HADOOP jar $JAR dumptb %s >> got" % row[7])
    found = values((place.work / "got").read_bytes())
    assert sorted(zip(found[::2], found[1::2])) == sorted(("k%d" % (number % 3), number) for number in range(30))
    place.sh("$HDFS dfs -rm -r /rmr")


def shell_scripts(place):
    """What scripts take from the output of hdfs dfs, hadoop fs and mapred job."""
    owner = getpass.getuser()

    def check(script, expect):
        said = place.sh(script).decode()
        assert said == expect, (script, said, expect)

    check("$HDFS dfs -du -s /data | awk '{print $1}'", "400\n")
    check("$HDFS dfs -count /data | awk '{print $1, $2, $3, $4}'", "1 1 400 /data\n")
    check("$HDFS dfs -ls /data | grep '^-' | awk '{print $3, $5, $8}'", owner + " 400 /data/in.txt\n")
    check("$HDFS dfs -df / | tail -1 | awk '{print NF}'", "5\n")
    check("$HDFS dfsadmin -report | awk '/^DFS Used%/ {print NF}'", "3\n")
    check("$HDFS fsck / | tail -1", "The filesystem under path '/' is HEALTHY\n")
    place.sh("$HADOOP jar $JAR -input /data/in.txt -output /scripted -mapper cat -reducer cat 2>log")
    check("sed -n 's/.*Running job: //p' log | wc -l | tr -d ' '", "1\n")
    job = place.sh("sed -n 's/.*Running job: //p' log").decode().strip()
    history = "bin/mapred job -history %s | awk -F'|' '$3 ~ /Map input records/ {print $6}' | tr -d ' ,'" % job
    check("hadoop/" + history, "100\n")
    check("hadoop/bin/mapred job -counter %s org.apache.hadoop.mapreduce.TaskCounter MAP_INPUT_RECORDS" % job, "100\n")
    check("hadoop/bin/mapred job -status %s | sed -n 's/^Job state: //p'" % job, "SUCCEEDED\n")


CASES = [luigi_hdfs, luigi_hadoop, dumbo, hadoopy, rmr2, shell_scripts]


def main():
    binary, names = sys.argv[1], sys.argv[2:]
    failed = 0
    for case in CASES:
        if names and case.__name__ not in names:
            continue
        place = Place(binary)
        try:
            case(place)
            print("ok      %s: %s" % (case.__name__, case.__doc__))
        except BaseException:
            failed += 1
            print("FAILED  %s: %s" % (case.__name__, case.__doc__))
            traceback.print_exc()
        shutil.rmtree(place.work, ignore_errors=True)
    for name, why in LEFT_OUT:
        print("left out  %s: %s" % (name, why))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

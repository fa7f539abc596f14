"""Runs mrjob's own tests of its hadoop runner on our command in place of their mock, and holds failures to a list.

Called by scripts/try_mrjob.sh with the command and mrjob's source folder. `suite_failures.txt` says for each test that
cannot pass with a real command why that is; any other failure, and a listed test that passes, fails the run.
"""

import os
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
BINARY, SOURCE = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
TESTS = ["tests.test_hadoop", "tests.fs.test_hadoop", "tests.test_bin.PySparkPythonTestCase",
         "tests.test_bin.SparkUploadArgsTestCase", "tests.test_bin.SparkPythonSetupWrapperTestCase"]
# Classes that exist nowhere, which the mock takes, and what the job gets in their place.
CLASSES = {"FooFormat": "org.apache.hadoop.mapred.TextInputFormat",
           "BarFormat": "org.apache.hadoop.mapred.TextOutputFormat"}


def hadoop(arguments, environ):
    """What our command does with a call that was meant for the mock, which also keeps a list of its calls."""
    mock = Path(environ["MOCK_HADOOP_TMP"])
    (mock / "hdfs").mkdir(exist_ok=True)
    with open(mock / "cmd.log", "a") as log:
        log.write(" ".join(map(shlex.quote, arguments)) + "\n")
    return dict(args=[str(mock.parent / "hadoop")] + [CLASSES.get(word, word) for word in arguments],
                env={**os.environ, **environ, "MRSTREAM_HDFS_ROOT": str(mock / "hdfs")})


def prepare(environ):
    """Our command by the name hadoop, which it must have."""
    mock = Path(environ["MOCK_HADOOP_TMP"])
    command = mock.parent / "hadoop"
    if not command.is_symlink():
        command.symlink_to(BINARY)


def main(stdin, stdout, stderr, argv, environ):
    """Stands for the mock where the tests call it as a function."""
    prepare(environ)
    done = subprocess.run(**hadoop(argv[1:], environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    getattr(stdout, "buffer", stdout).write(done.stdout)
    getattr(stderr, "buffer", stderr).write(done.stderr)
    return done.returncode


def create_script(path):
    """Stands for the mock where the tests call it as a program.

    A test puts a file into /data, which the mock makes and Hadoop refuses (CommandWithDestination).
    """
    prepare(os.environ)
    os.makedirs(os.path.join(os.environ["MOCK_HADOOP_TMP"], "hdfs", "data"), exist_ok=True)
    words = map(shlex.quote, [sys.executable, "-B", __file__, str(BINARY), str(SOURCE), "--as-hadoop"])
    Path(path).write_text("#!/bin/sh\nexec %s \"$@\"\n" % " ".join(words))
    os.chmod(path, 0o700)


def listed():
    """Test to (text that its failure holds, reason)."""
    lines = (HERE / "suite_failures.txt").read_text().splitlines()
    rows = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    return {test: (text, reason) for test, text, reason in rows}


def run_suite():
    sys.path.insert(0, str(SOURCE))
    os.chdir(SOURCE)
    Path("containsJars.jar").touch()  # A test names it with -libjars.
    import tests.mockhadoop as mock
    mock.create_mock_hadoop_script, mock.main = create_script, main
    suite = unittest.defaultTestLoader.loadTestsFromNames(TESTS)
    result = unittest.TestResult()
    # Some of the tests leave folders behind.
    with open(os.devnull, "w") as nowhere, tempfile.TemporaryDirectory(prefix="try-mrjob-") as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        sys.stderr, stderr = nowhere, sys.stderr
        suite.run(result)
        sys.stderr = stderr
    expected, bad = listed(), 0
    for case, text in result.failures + result.errors:
        name = case.id()
        known = expected.pop(name, None)
        if known is None or known[0] not in text:
            bad += 1
            print("FAILS   %s\n%s" % (name, text))
        else:
            print("listed  %s: %s" % (name, known[1]))
    for name in expected:
        bad += 1
        print("PASSES  %s, but is listed in suite_failures.txt" % name)
    failed = len(result.failures) + len(result.errors)
    print("mrjob's own tests: %d run, %d pass, %d skipped, %d fail, %d of them unexplained"
          % (result.testsRun, result.testsRun - failed - len(result.skipped), len(result.skipped), failed, bad))
    return 1 if bad else 0


if sys.argv[3:4] == ["--as-hadoop"]:
    call = hadoop(sys.argv[4:], {"MOCK_HADOOP_TMP": os.environ["MOCK_HADOOP_TMP"]})
    os.execvpe(call["args"][0], call["args"], call["env"])
sys.exit(run_suite())

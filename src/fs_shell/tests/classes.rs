//! Each verb against the class of Hadoop that does it: what it prints, its exit code, what it says of errors.
//!
//! The expectations are the words of the classes' sources; `scripts/compare_fs_shell.sh` asks the classes themselves.

use super::*;

/// A verb, its class in `org.apache.hadoop.fs.shell` or beside it, and command lines in order, each with its exit code,
/// output and messages. After code 255 the usage of the verb must follow.
type Verb = (&'static str, &'static str, &'static [(&'static str, u8, &'static str, &'static str)]);

/// `LOCAL` is the folder of the local files.
const VERBS: &[Verb] = &[
    (
        "appendToFile",
        "CopyCommands.AppendToFile",
        &[
            ("-appendToFile one.txt two.txt /d/one.txt", 0, "", ""),
            ("-cat /d/one.txt", 0, "one\none\ntwo\n", ""),
            (
                "-appendToFile one.txt /d",
                1,
                "",
                "appendToFile: Cannot append to directory /d; already exists as a directory.\n",
            ),
            ("-appendToFile nope /d/one.txt", 1, "", "appendToFile: `nope': No such file or directory\n"),
            ("-appendToFile one.txt", 1, "", "appendToFile: missing destination argument\n"),
        ],
    ),
    (
        "cat",
        "Display.Cat",
        &[
            ("-cat /d/one.txt /d/two.txt", 0, "one\ntwo\n", ""),
            ("-cat -ignoreCrc /d/t*", 0, "two\n", ""),
            (
                "-cat /nope /d/one.txt /d",
                1,
                "one\n",
                "cat: `/nope': No such file or directory\ncat: `/d': Is a directory\n",
            ),
            ("-cat /d/q*", 1, "", "cat: `/d/q*': No such file or directory\n"),
            ("-cat", 255, "", "-cat: Not enough arguments: expected 1 but got 0\n"),
            ("-cat -x /d/one.txt", 255, "", "-cat: Illegal option -x\n"),
        ],
    ),
    (
        "checksum",
        "Display.Checksum",
        &[
            ("-checksum /d", 1, "", "checksum: `/d': Is a directory\n"),
            ("-checksum /nope", 1, "", "checksum: `/nope': No such file or directory\n"),
            ("-checksum", 255, "", "-checksum: Not enough arguments: expected 1 but got 0\n"),
        ],
    ),
    (
        "chgrp",
        "FsShellPermissions.Chgrp",
        &[
            ("-chgrp a:b /d", 255, "", "-chgrp: 'a:b' does not match expected pattern for group\n"),
            (
                "-chgrp no.such@account /d",
                1,
                "",
                "chgrp: no account of this machine has the name 'no.such@account'\n",
            ),
            ("-chgrp staff", 255, "", "-chgrp: Not enough arguments: expected 2 but got 1\n"),
        ],
    ),
    (
        "chmod",
        "FsShellPermissions.Chmod",
        &[
            ("-chmod 640 /d/one.txt", 0, "", ""),
            ("-stat %a:%A /d/one.txt", 0, "640:rw-r-----\n", ""),
            ("-chmod u=rwx,g-r,o+X /d/one.txt", 0, "", ""),
            ("-stat %a /d/one.txt", 0, "700\n", ""),
            ("-chmod -R 700 /d", 0, "", ""),
            ("-stat %a /d /d/dir/sub/y", 0, "700\n700\n", ""),
            ("-chmod +t /d", 0, "", ""),
            ("-stat %a:%A /d", 0, "1700:rwx-----T\n", ""),
            ("-chmod 640 /nope", 1, "", "chmod: `/nope': No such file or directory\n"),
            ("-chmod 888 /d", 255, "", "-chmod: chmod : mode '888' does not match the expected pattern.\n"),
            ("-chmod 640", 255, "", "-chmod: Not enough arguments: expected 2 but got 1\n"),
            ("-chmod -R", 255, "", "-chmod: Not enough arguments: expected 2 but got 0\n"),
        ],
    ),
    (
        "chown",
        "FsShellPermissions.Chown",
        &[
            (
                "-chown a:b:c /d",
                255,
                "",
                "-chown: 'a:b:c' does not match expected pattern for [owner][:group].\n",
            ),
            ("-chown : /d", 255, "", "-chown: ':' does not specify owner or group.\n"),
            (
                "-chown no.such@account /d",
                1,
                "",
                "chown: no account of this machine has the name 'no.such@account'\n",
            ),
            ("-chown ann", 255, "", "-chown: Not enough arguments: expected 2 but got 1\n"),
            (
                "-chown a?b /d",
                255,
                "",
                "-chown: 'a?b' does not match expected pattern for [owner][:group].\n",
            ),
        ],
    ),
    (
        "copyFromLocal",
        "CopyCommands.CopyFromLocal",
        &[
            ("-copyFromLocal one.txt /d/new", 0, "", ""),
            ("-cat /d/new", 0, "one\n", ""),
            ("-copyFromLocal one.txt /d/new", 1, "", "copyFromLocal: `/d/new': File exists\n"),
            ("-copyFromLocal -f two.txt /d/new", 0, "", ""),
            ("-cat /d/new", 0, "two\n", ""),
            ("-copyFromLocal nope /d", 1, "", "copyFromLocal: `nope': No such file or directory\n"),
            ("-copyFromLocal", 255, "", "-copyFromLocal: Not enough arguments: expected 1 but got 0\n"),
        ],
    ),
    (
        "copyToLocal",
        "CopyCommands.CopyToLocal",
        &[
            ("-copyToLocal /d/one.txt got", 0, "", ""),
            ("-copyToLocal /d/two.txt got", 1, "", "copyToLocal: `got': File exists\n"),
            ("-copyToLocal -f /d/two.txt got", 0, "", ""),
            ("-cat file://LOCAL/got", 0, "two\n", ""),
            ("-copyToLocal /nope x", 1, "", "copyToLocal: `/nope': No such file or directory\n"),
            ("-copyToLocal", 255, "", "-copyToLocal: Not enough arguments: expected 1 but got 0\n"),
        ],
    ),
    (
        "count",
        "Count",
        &[
            (
                "-count /d /d/one.txt",
                0,
                "           3            5                 10 /d\n           0            1                  4 /d/one.txt\n",
                "",
            ),
            (
                "-count -v /d",
                0,
                "   DIR_COUNT   FILE_COUNT       CONTENT_SIZE PATHNAME\n           3            5                 10 /d\n",
                "",
            ),
            (
                "-count -q -v /d",
                0,
                "       QUOTA       REM_QUOTA     SPACE_QUOTA REM_SPACE_QUOTA    DIR_COUNT   FILE_COUNT       CONTENT_SIZE PATHNAME\n        none             inf            none             inf            3            5                 10 /d\n",
                "",
            ),
            (
                "-count -u /d/empty",
                0,
                "        none             inf            none             inf /d/empty\n",
                "",
            ),
            ("-count -h /nope", 1, "", "count: `/nope': No such file or directory\n"),
            ("-count", 255, "", "-count: Not enough arguments: expected 1 but got 0\n"),
        ],
    ),
    (
        "cp",
        "CopyCommands.Cp",
        &[
            ("-cp /d/one.txt /d/new", 0, "", ""),
            ("-cp /d/one.txt /d/two.txt /d/dir", 0, "", ""),
            ("-ls -C /d/dir", 0, "/d/dir/one.txt\n/d/dir/sub\n/d/dir/two.txt\n/d/dir/x\n", ""),
            ("-cp /d/two.txt /d/new", 1, "", "cp: `/d/new': File exists\n"),
            ("-cp -f /d/two.txt /d/new", 0, "", ""),
            ("-cat /d/new", 0, "two\n", ""),
            ("-cp /d/dir /d/copy", 0, "", ""),
            ("-cat /d/copy/sub/y", 0, "y", ""),
            ("-cp /d/dir /d/dir", 1, "", "cp: `/d/dir' to `/d/dir/dir': is a subdirectory of itself\n"),
            ("-cp /d/one.txt /d/one.txt", 1, "", "cp: `/d/one.txt': File exists\n"),
            ("-cp /d/one.txt /d/two.txt /d/new", 1, "", "cp: `/d/new': Is not a directory\n"),
            ("-cp /nope /d", 1, "", "cp: `/nope': No such file or directory\n"),
            ("-cp /d/one.txt /x/y", 1, "", "cp: `/x/y': No such file or directory: `hdfs:///x/y'\n"),
            ("-cp /d/one.txt", 255, "", "-cp: Not enough arguments: expected 2 but got 1\n"),
        ],
    ),
    (
        "df",
        "FsUsage.Df",
        &[
            ("-df /nope", 1, "", "df: `/nope': No such file or directory\n"),
            ("-df -x /", 255, "", "-df: Illegal option -x\n"),
        ],
    ),
    (
        "du",
        "FsUsage.Du",
        &[
            ("-du /d", 0, "2  2  /d/dir\n0  0  /d/empty\n4  4  /d/one.txt\n4  4  /d/two.txt\n", ""),
            ("-du -s /d /d/one.txt", 0, "10  10  /d\n4   4   /d/one.txt\n", ""),
            (
                "-du -v -s /d",
                0,
                "SIZE  DISK_SPACE_CONSUMED_WITH_ALL_REPLICAS  FULL_PATH_NAME\n10    10                                     /d\n",
                "",
            ),
            ("-du /d/empty /nope", 1, "0  0  /d/empty\n", "du: `/nope': No such file or directory\n"),
            ("-du -y /d", 255, "", "-du: Illegal option -y\n"),
        ],
    ),
    (
        "dus",
        "FsUsage.Dus",
        &[
            ("-dus /d", 0, "10  10  /d\n", "dus: DEPRECATED: Please use 'du -s' instead.\n"),
            (
                "-dus /nope",
                1,
                "",
                "dus: DEPRECATED: Please use 'du -s' instead.\ndus: `/nope': No such file or directory\n",
            ),
        ],
    ),
    (
        "expunge",
        "Delete.Expunge",
        &[
            ("-expunge", 0, "", ""),
            ("-expunge -x", 255, "", "-expunge: Illegal option -x\n"),
            ("-expunge a b c", 255, "", "-expunge: Too many arguments: expected 2 but got 3\n"),
        ],
    ),
    (
        "find",
        "find.Find",
        &[
            ("-find /d -name *.txt", 0, "/d/one.txt\n/d/two.txt\n", ""),
            (
                "-find /d/dir /d/one.txt -print",
                0,
                "/d/dir\n/d/dir/sub\n/d/dir/sub/y\n/d/dir/x\n/d/one.txt\n",
                "",
            ),
            ("-find /d -iname O* -print0", 0, "/d/one.txt\0", ""),
            ("-find /nope", 1, "", "find: `/nope': No such file or directory\n"),
            ("-find /d -size 3", 1, "", "find: Unexpected argument: -size\n"),
            ("-find", 255, "", "-find: Not enough arguments: expected 1 but got 0\n"),
            ("-find /d -name", 255, "", "-find: -name needs a pattern\n"),
        ],
    ),
    (
        "get",
        "CopyCommands.Get",
        &[
            ("-get /d/one.txt got", 0, "", ""),
            ("-get /d/dir got-dir", 0, "", ""),
            ("-cat file://LOCAL/got file://LOCAL/got-dir/sub/y", 0, "one\ny", ""),
            ("-get /d/one.txt got", 1, "", "get: `got': File exists\n"),
            ("-get /d/one.txt /d/two.txt got", 1, "", "get: `got': Is not a directory\n"),
            ("-get /nope x", 1, "", "get: `/nope': No such file or directory\n"),
            ("-get", 255, "", "-get: Not enough arguments: expected 1 but got 0\n"),
        ],
    ),
    (
        "getmerge",
        "CopyCommands.Merge",
        &[
            ("-getmerge -nl -skip-empty-file /d merged", 0, "", ""),
            ("-cat file://LOCAL/merged", 0, "one\n\ntwo\n\n", ""),
            ("-getmerge /d/one.txt /d/empty merged", 0, "", ""),
            ("-cat file://LOCAL/merged", 0, "one\n", ""),
            ("-getmerge /nope merged", 1, "", "getmerge: `/nope': No such file or directory\n"),
            ("-getmerge /d dir", 1, "", "getmerge: `dir': Is a directory\n"),
            ("-getmerge /d", 255, "", "-getmerge: Not enough arguments: expected 2 but got 1\n"),
        ],
    ),
    (
        "head",
        "Head",
        &[
            ("-head /d/one.txt", 0, "one\n", ""),
            ("-head /d", 1, "", "head: `/d': Is a directory\n"),
            ("-head /nope", 1, "", "head: `/nope': No such file or directory\n"),
            ("-head", 255, "", "-head: Not enough arguments: expected 1 but got 0\n"),
            ("-head /d/one.txt /d/two.txt", 255, "", "-head: Too many arguments: expected 1 but got 2\n"),
        ],
    ),
    (
        "help",
        "FsShell.Help",
        &[
            (
                "-help mkdir",
                0,
                "-mkdir [-p] <path> ... :\n  Make folders; -p with those above, and without complaint.\n",
                "",
            ),
            ("-help nope", 255, "", "-help: `nope': Unknown command\n"),
        ],
    ),
    (
        "ls",
        "Ls",
        &[
            ("-ls -C /d", 0, "/d/dir\n/d/empty\n/d/one.txt\n/d/two.txt\n", ""),
            ("-ls -C -R /d/dir", 0, "/d/dir/sub\n/d/dir/sub/y\n/d/dir/x\n", ""),
            ("-ls -C -S /d/one.txt /d/empty", 0, "/d/one.txt\n/d/empty\n", ""),
            ("-ls -d -C /d", 0, "/d\n", ""),
            ("-ls /nope", 1, "", "ls: `/nope': No such file or directory\n"),
            (
                "-ls /q* /d/q?",
                1,
                "",
                "ls: `/q*': No such file or directory\nls: `/d/q?': No such file or directory\n",
            ),
            ("-ls -x", 255, "", "-ls: Illegal option -x\n"),
        ],
    ),
    (
        "lsr",
        "Ls.Lsr",
        &[
            (
                "-lsr -C /d/dir",
                0,
                "/d/dir/sub\n/d/dir/sub/y\n/d/dir/x\n",
                "lsr: DEPRECATED: Please use 'ls -R' instead.\n",
            ),
            (
                "-lsr /nope",
                1,
                "",
                "lsr: DEPRECATED: Please use 'ls -R' instead.\nlsr: `/nope': No such file or directory\n",
            ),
        ],
    ),
    (
        "mkdir",
        "Mkdir",
        &[
            ("-mkdir /d/new /d/more", 0, "", ""),
            ("-mkdir -p /d/new /d/a/b", 0, "", ""),
            ("-ls -C -d /d/new /d/more /d/a/b", 0, "/d/new\n/d/more\n/d/a/b\n", ""),
            ("-mkdir /d/new", 1, "", "mkdir: `/d/new': File exists\n"),
            ("-mkdir /d/one.txt", 1, "", "mkdir: `/d/one.txt': Is not a directory\n"),
            ("-mkdir /d/x/y", 1, "", "mkdir: `hdfs:///d/x': No such file or directory\n"),
            ("-mkdir /d/one.txt/x", 1, "", "mkdir: `/d/one.txt/x': Is not a directory\n"),
            ("-mkdir -p /d/one.txt", 1, "", "mkdir: `/d/one.txt': Is not a directory\n"),
            ("-mkdir", 255, "", "-mkdir: Not enough arguments: expected 1 but got 0\n"),
            ("-mkdir -x /d/z", 255, "", "-mkdir: Illegal option -x\n"),
            ("-mkdir /d/twice /d/twice", 0, "", ""),
        ],
    ),
    (
        "moveFromLocal",
        "MoveCommands.MoveFromLocal",
        &[
            ("-moveFromLocal one.txt /d/new", 0, "", ""),
            ("-cat /d/new", 0, "one\n", ""),
            ("-ls file://LOCAL/one.txt", 1, "", "ls: `file://LOCAL/one.txt': No such file or directory\n"),
            ("-moveFromLocal two.txt /d/two.txt", 1, "", "moveFromLocal: `/d/two.txt': File exists\n"),
            ("-moveFromLocal nope /d", 1, "", "moveFromLocal: `nope': No such file or directory\n"),
            ("-moveFromLocal", 255, "", "-moveFromLocal: Not enough arguments: expected 1 but got 0\n"),
        ],
    ),
    (
        "moveToLocal",
        "MoveCommands.MoveToLocal",
        &[(
            "-moveToLocal /d/one.txt x",
            1,
            "",
            "moveToLocal: Option '-moveToLocal' is not implemented yet.\n",
        )],
    ),
    (
        "mv",
        "MoveCommands.Rename",
        &[
            ("-mv /d/one.txt /d/new", 0, "", ""),
            ("-mv /d/new /d/two.txt /d/dir", 0, "", ""),
            ("-ls -C /d/dir", 0, "/d/dir/new\n/d/dir/sub\n/d/dir/two.txt\n/d/dir/x\n", ""),
            (
                "-mv /d/dir /d/dir/sub",
                1,
                "",
                "mv: `/d/dir' to `/d/dir/sub/dir': is a subdirectory of itself\n",
            ),
            ("-mv /d/dir/new /d/empty", 1, "", "mv: `/d/empty': File exists\n"),
            ("-mv /d/dir/new /d/dir/two.txt /d/empty", 1, "", "mv: `/d/empty': Is not a directory\n"),
            ("-mv /nope /d", 1, "", "mv: `/nope': No such file or directory\n"),
            ("-mv /d/empty /x/y", 1, "", "mv: `/x/y': No such file or directory: `hdfs:///x/y'\n"),
            ("-mv /d/empty", 255, "", "-mv: Not enough arguments: expected 2 but got 1\n"),
        ],
    ),
    (
        "put",
        "CopyCommands.Put",
        &[
            ("-put one.txt /d/new", 0, "", ""),
            ("-put one.txt two.txt /d/dir", 0, "", ""),
            ("-put dir /d/tree", 0, "", ""),
            ("-cat /d/new /d/dir/two.txt /d/tree/sub/y", 0, "one\ntwo\ny", ""),
            ("-put one.txt /d/new", 1, "", "put: `/d/new': File exists\n"),
            ("-put -f two.txt /d/new", 0, "", ""),
            ("-cat /d/new", 0, "two\n", ""),
            ("-put one.txt two.txt /d/new", 1, "", "put: `/d/new': Is not a directory\n"),
            ("-put one.txt /x", 0, "", ""),
            ("-cat /x", 0, "one\n", ""),
            ("-put one.txt /d/*", 1, "", "put: `/d/*': Too many matches\n"),
            ("-put nope /d", 1, "", "put: `nope': No such file or directory\n"),
            ("-put one.txt /x/y/z", 1, "", "put: `/x/y/z': No such file or directory: `hdfs:///x/y/z'\n"),
            ("-put", 255, "", "-put: Not enough arguments: expected 1 but got 0\n"),
        ],
    ),
    (
        "rm",
        "Delete.Rm",
        &[
            ("-rm /d/one.txt /d/two.txt", 0, "Deleted /d/one.txt\nDeleted /d/two.txt\n", ""),
            ("-rm -r /d/dir", 0, "Deleted /d/dir\n", ""),
            ("-rm -f /nope", 0, "", ""),
            ("-rm -rf /nope", 255, "", "-rm: Illegal option -rf\n"),
            ("-rm /d", 1, "", "rm: `/d': Is a directory\n"),
            ("-rm /nope /d/empty", 1, "Deleted /d/empty\n", "rm: `/nope': No such file or directory\n"),
            ("-ls -C /d", 0, "", ""),
            ("-rm", 255, "", "-rm: Not enough arguments: expected 1 but got 0\n"),
            ("-put one.txt /d/a", 0, "", ""),
            ("-put two.txt /d/b", 0, "", ""),
            ("-rm /d/a /d/*", 1, "Deleted /d/a\nDeleted /d/b\n", "rm: `/d/a': Input/output error\n"),
            (
                "-rm /nope /q*",
                1,
                "",
                "rm: `/q*': No such file or directory\nrm: `/nope': No such file or directory\n",
            ),
        ],
    ),
    (
        "rmdir",
        "Delete.Rmdir",
        &[
            ("-mkdir /d/new", 0, "", ""),
            ("-rmdir /d/new", 0, "", ""),
            ("-rmdir --ignore-fail-on-non-empty /d", 0, "", ""),
            ("-rmdir /d", 1, "", "rmdir: `/d': Directory is not empty\n"),
            ("-rmdir /d/one.txt", 1, "", "rmdir: `/d/one.txt': Is not a directory\n"),
            ("-rmdir /nope", 1, "", "rmdir: `/nope': No such file or directory\n"),
            ("-rmdir", 255, "", "-rmdir: Not enough arguments: expected 1 but got 0\n"),
        ],
    ),
    (
        "rmr",
        "Delete.Rmr",
        &[
            ("-rmr /d/dir", 0, "Deleted /d/dir\n", "rmr: DEPRECATED: Please use '-rm -r' instead.\n"),
            (
                "-rmr /nope",
                1,
                "",
                "rmr: DEPRECATED: Please use '-rm -r' instead.\nrmr: `/nope': No such file or directory\n",
            ),
            (
                "-rmr",
                255,
                "",
                "rmr: DEPRECATED: Please use '-rm -r' instead.\n-rmr: Not enough arguments: expected 1 but got 0\n",
            ),
        ],
    ),
    (
        "setrep",
        "SetReplication",
        &[
            ("-setrep 2 /d/one.txt", 0, "Replication 2 set: /d/one.txt\n", ""),
            (
                "-setrep -w 1 /d/dir",
                0,
                "Replication 1 set: /d/dir/sub/y\nReplication 1 set: /d/dir/x\nWaiting for /d/dir/sub/y ... done\nWaiting for /d/dir/x ... done\n",
                "",
            ),
            ("-setrep 0 /d", 255, "", "-setrep: replication must be >= 1\n"),
            (
                "-setrep x /d",
                255,
                "",
                "setrep: Illegal replication, a positive integer expected\n-setrep: For input string: \"x\"\n",
            ),
            ("-setrep 1 /nope", 1, "", "setrep: `/nope': No such file or directory\n"),
            ("-setrep 1", 255, "", "-setrep: Not enough arguments: expected 2 but got 1\n"),
        ],
    ),
    (
        "stat",
        "Stat",
        &[
            (
                "-stat %F:%b:%n:%o:%r /d /d/one.txt",
                0,
                "directory:0:d:0:0\nregular file:4:one.txt:134217728:1\n",
                "",
            ),
            ("-stat %%:%q:% /d", 0, "%:q:\n", ""),
            ("-stat /nope", 1, "", "stat: `/nope': No such file or directory\n"),
            ("-stat", 255, "", "-stat: Not enough arguments: expected 1 but got 0\n"),
            ("-stat %b", 255, "", "-stat: Not enough arguments: expected 1 but got 0\n"),
        ],
    ),
    (
        "tail",
        "Tail",
        &[
            ("-tail /d/one.txt", 0, "one\n", ""),
            ("-tail /d", 1, "", "tail: `/d': Is a directory\n"),
            ("-tail /nope", 1, "", "tail: `/nope': No such file or directory\n"),
            ("-tail", 255, "", "-tail: Not enough arguments: expected 1 but got 0\n"),
        ],
    ),
    (
        "test",
        "Test",
        &[
            ("-test -e /d", 0, "", ""),
            ("-test -e /nope", 1, "", ""),
            ("-test -d /d", 0, "", ""),
            ("-test -d /d/one.txt", 1, "", ""),
            ("-test -f /d/one.txt", 0, "", ""),
            ("-test -f /d", 1, "", ""),
            ("-test -s /d/one.txt", 0, "", ""),
            ("-test -s /d/empty", 1, "", ""),
            ("-test -z /d/empty", 0, "", ""),
            ("-test -z /d/one.txt", 1, "", ""),
            ("-test -r /d/one.txt", 0, "", ""),
            ("-test -w /d/one.txt", 0, "", ""),
            ("-test -w /nope", 1, "", ""),
            ("-test /d", 255, "", "-test: No test flag given\n"),
            ("-test -e -f /d", 255, "", "-test: Only one test flag is allowed\n"),
            ("-test -e", 255, "", "-test: Not enough arguments: expected 1 but got 0\n"),
            ("-test -q /d", 255, "", "-test: Illegal option -q\n"),
        ],
    ),
    (
        "text",
        "Display.Text",
        &[
            ("-text /d/one.txt /d/empty", 0, "one\n", ""),
            ("-text /d", 1, "", "text: `/d': Is a directory\n"),
            ("-text /nope", 1, "", "text: `/nope': No such file or directory\n"),
            ("-text", 255, "", "-text: Not enough arguments: expected 1 but got 0\n"),
        ],
    ),
    (
        "touch",
        "TouchCommands.Touch",
        &[
            ("-touch /d/new", 0, "", ""),
            ("-touch -c /d/none", 0, "", ""),
            ("-ls -C -d /d/n*", 0, "/d/new\n", ""),
            ("-touch -t 20200102:030405 /d/new", 0, "", ""),
            ("-stat %y:%x /d/new", 0, "2020-01-02 03:04:05:2020-01-02 03:04:05\n", ""),
            ("-touch -m -t 20210102:030405 /d/new", 0, "", ""),
            ("-stat %y:%x /d/new", 0, "2021-01-02 03:04:05:2020-01-02 03:04:05\n", ""),
            ("-touch -a -t 20220102:030405 /d/new", 0, "", ""),
            ("-stat %y:%x /d/new", 0, "2021-01-02 03:04:05:2022-01-02 03:04:05\n", ""),
            ("-touch /d", 1, "", "touch: `/d': Is a directory\n"),
            ("-touch /x/y", 1, "", "touch: `/x/y': No such file or directory: `hdfs:///x/y'\n"),
            (
                "-touch -t soon /d/new",
                255,
                "",
                "-touch: Unable to parse the specified timestamp soon. The expected format is yyyyMMdd:HHmmss\n",
            ),
            ("-touch", 255, "", "-touch: Not enough arguments: expected 1 but got 0\n"),
            ("-touch -c /x/y", 1, "", "touch: `/x/y': No such file or directory: `hdfs:///x/y'\n"),
        ],
    ),
    (
        "touchz",
        "TouchCommands.Touchz",
        &[
            ("-touchz /d/new /d/empty", 0, "", ""),
            ("-stat %b /d/new", 0, "0\n", ""),
            ("-touchz /d/one.txt", 1, "", "touchz: `/d/one.txt': Not a zero-length file\n"),
            ("-touchz /d", 1, "", "touchz: `/d': Is a directory\n"),
            ("-touchz /x/y", 1, "", "touchz: `/x/y': No such file or directory: `hdfs:///x/y'\n"),
            ("-touchz", 255, "", "-touchz: Not enough arguments: expected 1 but got 0\n"),
        ],
    ),
    (
        "truncate",
        "Truncate",
        &[
            ("-truncate 2 /d/one.txt", 0, "Truncated /d/one.txt to length: 2\n", ""),
            ("-cat /d/one.txt", 0, "on", ""),
            (
                "-truncate 9 /d/one.txt",
                255,
                "",
                "-truncate: Cannot truncate to a larger file size. Current size: 2, truncate size: 9.\n",
            ),
            ("-truncate 1 /d", 1, "", "truncate: `/d': Is a directory\n"),
            ("-truncate -1 /d/one.txt", 255, "", "-truncate: Illegal option -1\n"),
            (
                "-truncate x /d/one.txt",
                255,
                "",
                "truncate: Illegal length, a non-negative integer expected\n-truncate: For input string: \"x\"\n",
            ),
            ("-truncate 1 /nope", 1, "", "truncate: `/nope': No such file or directory\n"),
            ("-truncate 1", 255, "", "-truncate: Not enough arguments: expected 2 but got 1\n"),
        ],
    ),
    (
        "usage",
        "FsShell.Usage",
        &[
            (
                "-usage rm mv",
                0,
                "Usage: hadoop fs [generic options] -rm [-f] [-r|-R] [-skipTrash] [-safely] <src> ...\nUsage: hadoop fs [generic options] -mv <src> ... <dst>\n",
                "",
            ),
            ("-usage nope", 255, "", "-usage: `nope': Unknown command\n"),
        ],
    ),
];

#[test]
fn verbs_say_what_their_classes_say() {
    for (name, class, lines) in VERBS {
        let disk = Disk::new();
        let local = disk.root().join("local").display().to_string();
        disk.quiet(&["-mkdir /d", "-put one.txt two.txt empty dir /d"]);
        for (line, code, out, err) in *lines {
            let usage = if *code == MISUSED {
                usage::of(verbs::find(&format!("-{name}")).unwrap())
            } else {
                String::new()
            };
            let expect = (*code, (*out).to_owned(), format!("{err}{usage}").replace("LOCAL", &local));
            assert_eq!(disk.run(&line.replace("LOCAL", &local)), expect, "{class}: {line}");
        }
    }
}

#[test]
fn no_verb_is_without_expectations() {
    let here: Vec<&str> = VERBS.iter().map(|(name, _, _)| *name).collect();
    let all: Vec<&str> = verbs::VERBS.iter().map(|verb| verb.name).collect();
    assert_eq!(here, all);
    for (name, _, lines) in VERBS {
        assert!(lines.iter().any(|(_, code, ..)| *code != OK), "{name} never fails");
    }
}

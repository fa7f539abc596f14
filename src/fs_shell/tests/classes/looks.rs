//! Verbs that change nothing.

use super::Verb;

pub(super) const VERBS: &[Verb] = &[
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
    (
        "getfacl",
        "AclCommands.GetfaclCommand",
        &[
            ("-chmod 640 /d/one.txt", 0, "", ""),
            ("-chown 5:6 /d/one.txt", 0, "", ""),
            (
                "-getfacl /d/one.txt",
                0,
                "# file: /d/one.txt\n# owner: 5\n# group: 6\nuser::rw-\ngroup::r--\nother::---\n\n",
                "",
            ),
            ("-getfacl", 255, "", "-getfacl: <path> is missing\n"),
            ("-getfacl /d /d", 255, "", "-getfacl: Too many arguments\n"),
            ("-getfacl /nope", 1, "", "getfacl: `/nope': No such file or directory\n"),
        ],
    ),
    (
        "getfattr",
        "XAttrCommands.GetfattrCommand",
        &[
            ("-getfattr -d /d/one.txt", 0, "# file: /d/one.txt\n", ""),
            ("-getfattr -R -d /d/dir/sub", 0, "# file: /d/dir/sub\n# file: /d/dir/sub/y\n", ""),
            ("-getfattr /d", 255, "", "-getfattr: Must specify '-n name' or '-d' option.\n"),
            ("-getfattr -d", 255, "", "-getfattr: <path> is missing\n"),
            (
                "-getfattr -d -e octal /d",
                255,
                "",
                "-getfattr: No enum constant org.apache.hadoop.fs.shell.XAttrCommands.ENCODE.OCTAL\n",
            ),
            (
                "-getfattr -n user.none /d",
                1,
                "# file: /d\n",
                "getfattr: At least one of the attributes provided was not found.\n",
            ),
        ],
    ),
];

//! The table of verbs. Their options are spelt as Hadoop's usage spells them.

use super::error::FsError;
use super::{
    Call, acl, attributes, change, concat, copy, delete, display, find, list, snapshot, table, usage,
};

/// A verb.
pub(super) struct Verb {
    /// Its name without the hyphen.
    pub(super) name: &'static str,
    /// Its options and arguments.
    pub(super) usage: &'static str,
    /// What it does.
    pub(super) help: &'static str,
    /// What to use instead, of an old name.
    pub(super) successor: Option<&'static str>,
    pub(super) run: fn(&mut Call<'_, '_>, Vec<String>) -> Result<(), FsError>,
}

const fn verb(
    name: &'static str,
    run: fn(&mut Call<'_, '_>, Vec<String>) -> Result<(), FsError>,
    usage: &'static str,
    help: &'static str,
) -> Verb {
    Verb { name, usage, help, successor: None, run }
}

const fn old(
    name: &'static str,
    successor: &'static str,
    run: fn(&mut Call<'_, '_>, Vec<String>) -> Result<(), FsError>,
) -> Verb {
    Verb { name, usage: "", help: "", successor: Some(successor), run }
}

/// The verb that a command line begins with.
pub(super) fn find(word: &str) -> Option<&'static Verb> {
    let name = word.strip_prefix('-')?;
    VERBS.iter().find(|verb| verb.name == name)
}

/// By name.
pub(super) const VERBS: &[Verb] = &[
    verb(
        "appendToFile",
        copy::append_to_file,
        "[-n] <localsrc> ... <dst>",
        "Append local files to a file, which is made if it is not there; - is standard input.",
    ),
    verb("cat", display::cat, "[-ignoreCrc] <src> ...", "Print files as they are."),
    verb(
        "checksum",
        display::checksum,
        "[-v] <src> ...",
        "Print the checksum that HDFS would keep of a file.",
    ),
    verb("chgrp", change::chgrp, "[-R] GROUP PATH...", "Change the group of files."),
    verb(
        "chmod",
        change::chmod,
        "[-R] <MODE[,MODE]... | OCTALMODE> PATH...",
        "Change the permissions of files: letters rwxXt for u, g, o or a, or three or four octal digits.",
    ),
    verb("chown", change::chown, "[-R] [OWNER][:[GROUP]] PATH...", "Change the owner and group of files."),
    verb(
        "concat",
        concat::concat,
        "<target path> <src path> <src path> ...",
        "Move the content of files of one folder to the end of a file in it.",
    ),
    verb("copyFromLocal", copy::put, PUT, "The same as -put."),
    verb("copyToLocal", copy::get, GET, "The same as -get."),
    verb(
        "count",
        table::count,
        "[-q] [-h] [-v] [-t [<storage type>]] [-u] [-x] [-e] [-s] <path> ...",
        "Count folders, files and bytes; -q shows quotas too, -h readable sizes, -v a head.",
    ),
    verb(
        "cp",
        copy::cp,
        "[-f] [-p | -p[topax]] [-d] [-t <thread count>] [-q <thread pool queue size>] <src> ... <dst>",
        "Copy files and folders; -f over files that are there, -p with times and permissions.",
    ),
    verb(
        "createSnapshot",
        snapshot::create,
        "<snapshotDir> [<snapshotName>]",
        "Refused: there are no snapshots here; -cp makes a copy.",
    ),
    verb(
        "deleteSnapshot",
        snapshot::delete,
        "<snapshotDir> <snapshotName>",
        "Refused: there are no snapshots here.",
    ),
    verb("df", table::df, "[-h] [<path> ...]", "Show the size of the disk and what is free on it."),
    verb(
        "du",
        table::du,
        "[-s] [-h] [-v] [-x] <path> ...",
        "Show the bytes of files and of what is in folders; -s one sum for each path, -h readable sizes.",
    ),
    old("dus", "du -s", table::dus),
    verb(
        "expunge",
        delete::expunge,
        "[-immediate] [-fs <path>]",
        "Remove what has been in the trash for too long, and put the rest aside under the present time.",
    ),
    verb(
        "find",
        find::find,
        "<path> ... <expression> ...",
        "Print all paths for which the expressions hold: -name PATTERN, -iname PATTERN, -print, -print0, -a.",
    ),
    verb("get", copy::get, GET, "Copy files and folders to the local disk."),
    verb(
        "getfacl",
        acl::get,
        "[-R] <path>",
        "Print owner, group and permissions of a file or folder; -R of all below too.",
    ),
    verb(
        "getfattr",
        attributes::get_verb,
        "[-R] {-n name | -d} [-e en] <path>",
        "Print the extended attribute of a name, or -d all of them, as -e text, hex or base64.",
    ),
    verb(
        "getmerge",
        copy::getmerge,
        "[-nl] [-skip-empty-file] <src> <localdst>",
        "Copy files, and the files in folders, into one local file; -nl with a newline behind each.",
    ),
    verb("head", display::head, "<file>", "Print the first KiB of a file."),
    verb("help", usage::help, "[cmd ...]", "Explain verbs."),
    verb(
        "ls",
        list::ls,
        "[-C] [-d] [-h] [-q] [-R] [-t] [-S] [-r] [-u] [-e] [<path> ...]",
        "List files and folders; -R with all below, -t by time, -S by size, -r in reverse, -C paths alone.",
    ),
    old("lsr", "ls -R", list::lsr),
    verb(
        "mkdir",
        change::mkdir,
        "[-p] <path> ...",
        "Make folders; -p with those above, and without complaint.",
    ),
    verb(
        "moveFromLocal",
        copy::move_from_local,
        "[-f] [-p] [-l] [-d] <localsrc> ... <dst>",
        "-put, and remove the source.",
    ),
    verb("moveToLocal", copy::move_to_local, "<src> <localdst>", "Not implemented, in Hadoop either."),
    verb("mv", change::mv, "<src> ... <dst>", "Give files and folders other names, within one file system."),
    verb(
        "put",
        copy::put,
        PUT,
        "Copy local files and folders; -f over files that are there, - is standard input.",
    ),
    verb(
        "renameSnapshot",
        snapshot::rename,
        "<snapshotDir> <oldName> <newName>",
        "Refused: there are no snapshots here.",
    ),
    verb(
        "rm",
        delete::rm,
        "[-f] [-r|-R] [-skipTrash] [-safely] <src> ...",
        "Remove files, with -r folders; -f without complaint, -skipTrash for good where there is trash.",
    ),
    verb("rmdir", delete::rmdir, "[--ignore-fail-on-non-empty] <dir> ...", "Remove folders that are empty."),
    old("rmr", "-rm -r", delete::rmr),
    verb(
        "setfacl",
        acl::set,
        "[-R] [{-b|-k} {-m|-x <acl_spec>} <path>]|[--set <acl_spec> <path>]",
        "Set the permissions of user, group and other; entries for names are accepted and not kept.",
    ),
    verb(
        "setfattr",
        attributes::set_verb,
        "{-n name [-v value] | -x name} <path>",
        "Set or remove an extended attribute; a value is text, or 0x and hex digits, or 0s and base64.",
    ),
    verb(
        "setrep",
        change::setrep,
        "[-R] [-w] <rep> <path> ...",
        "Accepted; there is one copy of each file here.",
    ),
    verb(
        "stat",
        list::stat,
        "[format] <path> ...",
        "Print facts by a format: %b bytes, %y and %Y time, %n name, %F kind, %u owner, %g group, %a and %A \
         permissions, %o block size, %r copies, %x and %X time of reading.",
    ),
    verb(
        "tail",
        display::tail,
        "[-f] [-s <sleep interval>] <file>",
        "Print the last KiB of a file; -f and what is added.",
    ),
    verb(
        "test",
        list::test,
        "-[defswrz] <path>",
        "Answer by the exit code: -e there, -d folder, -f file, -s not empty, -z empty, -r readable, -w writable.",
    ),
    verb(
        "text",
        display::text,
        "[-ignoreCrc] <src> ...",
        "Print files as text: decompressed, sequence files as lines.",
    ),
    verb(
        "touch",
        change::touch,
        "[-a] [-m] [-t TIMESTAMP (yyyyMMdd:HHmmss) ] [-c] <path> ...",
        "Set the times of files, which are made if they are not there; -c makes none.",
    ),
    verb("touchz", change::touchz, "<path> ...", "Make empty files."),
    verb("truncate", change::truncate, "[-w] <length> <path> ...", "Cut files to a length."),
    verb("usage", usage::usage, "[cmd ...]", "Print the options of verbs."),
];

const PUT: &str =
    "[-f] [-p] [-l] [-d] [-t <thread count>] [-q <thread pool queue size>] <localsrc> ... <dst>";
const GET: &str =
    "[-f] [-p] [-crc] [-ignoreCrc] [-t <thread count>] [-q <thread pool queue size>] <src> ... <localdst>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_in_order_and_each_is_explained() {
        assert!(VERBS.is_sorted_by(|one, other| one.name < other.name));
        for verb in VERBS {
            assert_eq!(
                verb.successor.is_none(),
                !verb.usage.is_empty() && !verb.help.is_empty(),
                "{}",
                verb.name
            );
        }
        assert!(find("-ls").is_some() && find("ls").is_none() && find("--ls").is_none());
    }
}

//! Each verb against the class of Hadoop that does it: what it prints, its exit code, what it says of errors.
//!
//! The expectations are the words of the classes' sources; `scripts/compare_fs_shell.sh` asks the classes themselves.

mod changes;
mod looks;

use super::*;

/// A verb, its class in `org.apache.hadoop.fs.shell` or beside it, and command lines in order, each with its exit code,
/// output and messages, in which `LOCAL` is the folder of the local files. After code 255 the usage of the verb must
/// follow.
type Verb = (&'static str, &'static str, &'static [(&'static str, u8, &'static str, &'static str)]);

fn verbs() -> impl Iterator<Item = &'static Verb> {
    looks::VERBS.iter().chain(changes::VERBS)
}

#[test]
fn verbs_say_what_their_classes_say() {
    for (name, class, lines) in verbs() {
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
    let mut here: Vec<&str> = verbs().map(|(name, _, _)| *name).collect();
    here.sort_unstable();
    let all: Vec<&str> = verbs::VERBS.iter().map(|verb| verb.name).collect();
    assert_eq!(here, all);
    for (name, _, lines) in verbs() {
        assert!(lines.iter().any(|(_, code, ..)| *code != OK), "{name} never fails");
    }
}

#[test]
fn owners_and_attributes_are_kept_beside_files() {
    let disk = Disk::new();
    disk.quiet(&["-put one.txt /tmp/a"]);
    let (code, _, err) = disk.run("-setfattr -n user.colour -v red /tmp/a");
    if code != OK {
        assert!(err.contains("not supported"), "{err}");
        println!("skipped: no extended attributes in the folder for temporary files");
        return;
    }
    disk.quiet(&["-setfattr -n user.empty /tmp/a", "-chown no.such@account:no.such.group /tmp/a"]);
    disk.check("-getfattr -d /tmp/a", "# file: /tmp/a\nuser.colour=\"red\"\nuser.empty\n");
    disk.check("-getfattr -n user.colour -e hex /tmp/a", "# file: /tmp/a\nuser.colour=0x726564\n");
    disk.check("-stat %u:%g /tmp/a", "no.such@account:no.such.group\n");
    disk.quiet(&["-mv /tmp/a /tmp/b", "-chgrp other /tmp/b", "-setfattr -x user.empty /tmp/b"]);
    let (_, out, _) = disk.run("-getfacl /tmp/b");
    assert!(out.starts_with("# file: /tmp/b\n# owner: no.such@account\n# group: other\n"), "{out}");
    // A number can be given by the machine, or is kept as well.
    disk.quiet(&["-chown 5 /tmp/b"]);
    disk.check("-stat %u /tmp/b", "5\n");
}

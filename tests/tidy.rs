//! Rules of the house that the compiler does not know. A broken rule is named with file and line.
//!
//! The scans are line based and know no Rust beyond rustfmt's layout; that is enough for rules about
//! names at the start of a path.

use crate::harness::repository;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The floors, lowest first. A module imports from lower floors only; see [`SIBLINGS`] for the exception.
const FLOORS: [&[&str]; 10] = [
    &[
        "checksum",
        "clock",
        "error",
        "fault",
        "fs",
        "glob",
        "page_cache",
        "printable",
        "units",
        "ids",
        "record",
        "record_room",
        "counters",
        "java_regex",
        "writable",
        "lines",
        "stop",
        "sync",
    ],
    &["codec", "dfs", "local_fs"],
    &["archive", "sequence_file"],
    &["plan"],
    &["conf", "fs_shell", "input", "streaming", "shuffle", "output"],
    &["task"],
    &["planner"],
    &["engine"],
    &["job", "report"],
    &["cli", "fuzz"],
];

/// Floors whose modules may import each other: words may be made of words.
const SIBLINGS: [usize; 1] = [0];

/// The one door, or few doors, of each dependency: module paths, as far as they matter.
const DOORS: [(&str, &[&str]); 21] = [
    ("bincode", &["plan/wire"]),
    ("bzip2", &["codec"]),
    ("clap", &["cli"]),
    ("crc32c", &["fs_shell/checksum"]),
    ("crossbeam_channel", &["cli/signals", "engine", "shuffle", "streaming"]),
    ("flate2", &["codec"]),
    ("jiff", &["clock"]),
    ("lz4_flex", &["codec", "shuffle/spill"]),
    ("md5", &["fs_shell/checksum"]),
    ("memmap2", &["shuffle/arena"]),
    ("nix", &["fault", "streaming/child/spawn", "streaming/groups", "streaming/guard"]),
    ("quick_xml", &["conf/xml"]),
    ("rayon", &["shuffle"]),
    ("serde_json", &["plan/wire", "report"]),
    ("signal_hook", &["cli"]),
    ("snap", &["codec"]),
    ("tar", &["archive"]),
    ("tempfile", &["local_fs"]),
    ("xxhash_rust", &["checksum", "sequence_file", "shuffle/fold"]),
    ("zip", &["archive"]),
    ("zstd", &["codec"]),
];

/// Dependencies that any module may use: they shape code, they do not reach out.
const OPEN_DOORS: [&str; 5] = ["memchr", "regex", "rustix", "serde", "thiserror"];

/// Lines of product code in a file at most; files that may be longer, with the reason.
const FILE_LINES_MAX: usize = 600;
const LONG_FILES: [(&str, &str); 2] = [
    ("src/conf/keys/honoured.rs", "a table: one entry a property"),
    ("src/conf/keys/no_effect.rs", "a table: one entry a property"),
];

/// Lines of a function at most; functions that may be longer, with the reason.
const FUNCTION_LINES_MAX: usize = 60;
const LONG_FUNCTIONS: [(&str, &str); 0] = [];

/// A source file: its path in the repository, and its text without tests.
struct Source {
    name: String,
    text: String,
}

impl Source {
    /// The path below `src` without `.rs` and `/mod`: `conf/xml`.
    fn module(&self) -> &str {
        let path = self.name.trim_start_matches("src/").trim_end_matches(".rs");
        path.strip_suffix("/mod").unwrap_or(path)
    }

    /// Lines of code with their numbers; comment lines left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// Every file of the repository that is text of ours, by path. Test data and builds are left out.
fn our_files() -> BTreeMap<String, PathBuf> {
    fn walk(folder: &Path, prefix: &str, found: &mut BTreeMap<String, PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().unwrap();
            // A second work tree has a file of the name `.git`.
            if [".git", "target", "testdata", "out"].contains(&name.as_str()) {
                continue;
            }
            if kind.is_dir() {
                walk(&entry.path(), &format!("{name}/"), found);
            } else if kind.is_file() {
                found.insert(name, entry.path());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(repository(), "", &mut found);
    found
}

fn is_rust(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "rs")
}

/// The text with top-level items under `#[cfg(test)]` blanked, so that line numbers stay.
fn without_tests(text: &str) -> String {
    let mut inside = false;
    let mut product = String::new();
    for line in text.lines() {
        inside |= line == "#[cfg(test)]";
        product.push_str(if inside { "" } else { line });
        product.push('\n');
        // rustfmt ends a top-level item at the margin, with a brace or on one line.
        inside &= !line.starts_with('}') && (line.starts_with([' ', '#']) || !line.ends_with(';'));
    }
    product.truncate(product.trim_end().len());
    product
}

/// The product code: `src` without test modules.
fn sources() -> Vec<Source> {
    let is_product = |name: &String| {
        is_rust(name) && name.starts_with("src/") && !name.ends_with("/tests.rs") && !name.contains("/tests/")
    };
    let files = our_files().into_iter().filter(|(name, _)| is_product(name));
    let sources: Vec<Source> = files
        .map(|(name, path)| {
            let text = fs::read_to_string(path).unwrap();
            Source { name, text: without_tests(&text) }
        })
        .collect();
    assert!(sources.len() > 10, "the sources were not found");
    sources
}

#[track_caller]
fn assert_none(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

/// The floor of a top-level module.
fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// Top-level modules that a text names after `crate::`, single or in braces, each with its offset.
fn imports(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, marker) in text.match_indices("crate::") {
        let start = at + marker.len();
        if !text[start..].starts_with('{') {
            found.push((start, start));
            continue;
        }
        let mut depth = 0;
        for (offset, c) in text[start..].char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' => {}
                _ => continue,
            }
            if "{,".contains(c) && depth == 1 {
                let item = start + offset + 1;
                let blanks = text[item..].len() - text[item..].trim_start().len();
                found.push((at, item + blanks));
            }
            if depth == 0 {
                break;
            }
        }
    }
    let word = |from: usize| {
        let rest = &text[from..];
        &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())]
    };
    let words = found.into_iter().map(|(at, from)| (at, word(from)));
    words.filter(|(_, word)| word.starts_with(|c: char| c.is_ascii_lowercase())).collect()
}

/// Why a module may not import another; `None` when it may.
fn import_fault(from: &str, to: &str) -> Option<String> {
    match (floor(from), floor(to)) {
        _ if from == to => None,
        (_, None) => Some(format!("{to} has no floor: give it one in tests/tidy.rs")),
        (Some(below), Some(above)) if below < above => {
            Some(format!("{from} may not know {to}, a floor above"))
        }
        (Some(a), Some(b)) if a == b && !SIBLINGS.contains(&a) => {
            Some(format!("{from} may not know its sibling {to}"))
        }
        _ => None,
    }
}

#[test]
fn imports_point_down() {
    let mut broken = Vec::new();
    for source in sources() {
        let module = source.module().split('/').next().unwrap();
        if ["lib", "main"].contains(&module) {
            continue;
        }
        if floor(module).is_none() {
            broken.push(format!("{}: {module} has no floor: give it one in tests/tidy.rs", source.name));
            continue;
        }
        let code = source.code().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        let faults = imports(&code).into_iter().filter_map(|(_, to)| import_fault(module, to));
        broken.extend(faults.map(|fault| format!("{}: {fault}", source.name)));
    }
    assert_none(&broken, "imports point down");
}

#[test]
fn the_import_scan_sees_what_it_should() {
    let names = |text: &str| imports(text).into_iter().map(|(_, name)| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(names("use crate::plan::{JobPlan, wire};"), ["plan"]);
    assert_eq!(
        names("use crate::{\n    plan::{A, b},\n    task,\n};\nfn f() { crate::ids::x() }"),
        ["plan", "task", "ids"]
    );
    assert!(import_fault("plan", "task").is_some());
    assert!(import_fault("input", "shuffle").is_some());
    assert!(import_fault("engine", "nowhere").is_some());
    assert_eq!(import_fault("record", "writable"), None);
    assert_eq!(import_fault("cli", "conf"), None);
}

#[test]
fn each_dependency_has_its_door() {
    let mut broken = Vec::new();
    for source in sources() {
        for (dependency, doors) in DOORS {
            let inside = |door: &&str| {
                source
                    .module()
                    .strip_prefix(*door)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let used = format!("{dependency}::");
            let line = source.code().find(|(_, line)| names_crate(line, &used));
            if let Some((number, _)) = line.filter(|_| !doors.iter().any(inside)) {
                broken.push(format!("{}:{number}: {dependency} is used through {doors:?} only", source.name));
            }
        }
    }
    assert_none(&broken, "one door per dependency");
}

/// Whether a path of the line begins with the crate's name: no other path stands before it.
fn names_crate(line: &str, used: &str) -> bool {
    line.match_indices(used)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':'))
}

/// Where `std::fs` may be named: what the files of the engine go through, facts of the machine, and the guard, which
/// is another process.
const FILE_DOORS: [&str; 5] = ["fs", "fault", "cli/host", "streaming/process_table", "streaming/guard/watch"];

#[test]
fn every_file_call_can_be_made_to_fail() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !FILE_DOORS.contains(&source.module())) {
        let named = source.code().filter(|(_, line)| line.contains("std::fs"));
        broken.extend(named.map(|(number, line)| format!("{}:{number}: {}", source.name, line.trim())));
    }
    assert_none(
        &broken,
        "files are reached through crate::fs, where tests can make them fail (src/fault.rs)",
    );
}

/// Where standard output and standard error may be named. The guard is another process, and reads standard input.
const PRINTING: [&str; 1] = ["cli/voice"];

#[test]
fn one_module_prints() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !PRINTING.contains(&source.module())) {
        let prints = |line: &str| {
            ["io::stdout", "io::stderr"].iter().any(|name| line.contains(name))
                || names_crate(line, "stdout()")
                || names_crate(line, "stderr()")
        };
        let named = source.code().filter(|(_, line)| prints(line));
        broken.extend(named.map(|(number, line)| format!("{}:{number}: {}", source.name, line.trim())));
    }
    assert_none(&broken, "what is printed passes cli/voice, which escapes it for a terminal");
}

#[test]
fn every_dependency_is_in_the_table_of_doors() {
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("\n[dependencies]\n").unwrap();
    let section = rest.split("\n[").next().unwrap();
    let names =
        section.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    let names: Vec<String> = names.map(|(name, _)| name.trim().replace('-', "_")).collect();
    let known = |name: &str| OPEN_DOORS.contains(&name) || DOORS.iter().any(|(door, _)| *door == name);
    let unknown: Vec<String> = names.iter().filter(|name| !known(name)).cloned().collect();
    assert_none(&unknown, "dependencies without a door in tests/tidy.rs");
    let reasons = fs::read_to_string(repository().join("docs/dependencies.md")).unwrap();
    let rows: Vec<&str> =
        reasons.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()).collect();
    let has_row =
        |name: &str| rows.iter().any(|row| row.split([',', ' ']).any(|word| word.replace('-', "_") == name));
    let silent: Vec<String> = names.iter().filter(|name| !has_row(name)).cloned().collect();
    assert_none(&silent, "dependencies without a reason in docs/dependencies.md");
    let gone: Vec<String> =
        DOORS.iter().map(|(door, _)| (*door).to_owned()).filter(|d| !names.contains(d)).collect();
    assert_none(&gone, "doors of no dependency in tests/tidy.rs");
}

#[test]
fn files_are_of_one_subject() {
    let mut broken = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX && !LONG_FILES.iter().any(|(name, _)| *name == source.name) {
            broken.push(format!("{}: {lines} lines of product code, {FILE_LINES_MAX} at most", source.name));
        }
    }
    assert_none(&broken, "long files need a reason in tests/tidy.rs");
}

/// Functions of more than `lines_max` lines: line number, name, length.
fn long_functions(text: &str, lines_max: usize) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some((before, after)) = code.split_once("fn ") else { continue };
        let words = ["pub", "pub(crate)", "pub(super)", "const", "async", "extern"];
        if !before.split_whitespace().all(|word| words.contains(&word)) || code.ends_with('}') {
            continue;
        }
        // rustfmt closes a function with a brace under its first letter; one without a body ends in ";".
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let length = lines[index..].iter().position(|line| *line == end).map_or(0, |count| count + 1);
        let header = lines[index..].iter().find(|line| line.ends_with('{') || line.ends_with(';'));
        if length > lines_max && header.is_some_and(|line| line.ends_with('{')) {
            let name =
                after.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
            found.push((index + 1, name.to_owned(), length));
        }
    }
    found
}

#[test]
fn functions_fit_a_screen() {
    let mut broken = Vec::new();
    for source in sources() {
        for (number, name, length) in long_functions(&source.text, FUNCTION_LINES_MAX) {
            let known = format!("{}:{name}", source.name);
            if !LONG_FUNCTIONS.iter().any(|(listed, _)| *listed == known) {
                broken.push(format!("{}:{number}: {name} has {length} lines", source.name));
            }
        }
    }
    assert_none(&broken, "long functions need a reason in tests/tidy.rs");
}

#[test]
fn the_function_scan_sees_what_it_should() {
    let text = "impl A {\n    fn short(&self) {\n        x\n    }\n\n    pub(crate) fn long(\n        a: u32,\n    ) {\n        x;\n        y;\n    }\n    fn none(&self);\n}\n";
    assert_eq!(long_functions(text, 4), [(6, "long".to_owned(), 6)]);
    let text =
        "use a;\n#[cfg(test)]\nuse b;\nfn c() {}\n#[cfg(test)]\nmod tests {\n    use d;\n}\nfn e() {}\n";
    assert_eq!(without_tests(text), "use a;\n\n\nfn c() {}\n\n\n\n\nfn e() {}");
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    let mut broken = Vec::new();
    for (name, path) in our_files() {
        let is_sibling_test =
            name.starts_with("src/") && (name.ends_with("/tests.rs") || name.contains("/tests/"));
        if is_rust(&name) && !is_sibling_test && !fs::read_to_string(path).unwrap().starts_with("//! ") {
            broken.push(name);
        }
    }
    assert_none(&broken, "files without a head doc");
}

#[test]
fn no_test_file_is_forgotten() {
    let listed = fs::read_to_string(repository().join("tests/integration.rs")).unwrap();
    let mut forgotten = Vec::new();
    for name in our_files().into_keys() {
        let module = name.strip_prefix("tests/").and_then(|name| name.strip_suffix(".rs"));
        let module = module.filter(|module| !module.contains('/') && *module != "integration");
        forgotten
            .extend(module.filter(|module| !listed.contains(&format!("mod {module};"))).map(str::to_owned));
    }
    assert_none(&forgotten, "test files that tests/integration.rs does not name");
}

#[test]
fn no_path_of_any_machine() {
    // Put together here, so that this file does not break its own rule.
    let places = ["work", "root", "home", "Users"].map(|folder| format!("/{folder}/"));
    let elsewhere = our_files().into_iter().filter(|(name, _)| !name.starts_with("src/"));
    let read = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    // Unit tests may make up any path they like.
    let product = sources().into_iter().map(|source| (source.name, source.text));
    let mut broken = Vec::new();
    for (name, text) in elsewhere.map(|(name, path)| (name, read(path))).chain(product) {
        for (index, line) in text.lines().enumerate() {
            // A path below another one, as in "tests/work/", is not meant.
            let starts = |place: &String| {
                line.match_indices(place.as_str()).any(|(at, _)| {
                    !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || "._}*-".contains(c))
                })
            };
            if places.iter().any(starts) {
                broken.push(format!("{name}:{}: {line}", index + 1));
            }
        }
    }
    assert_none(&broken, "absolute paths of one machine");
}

#[test]
fn scripts_can_be_run() {
    let mut broken = Vec::new();
    let mut scripts = 0;
    for (name, path) in our_files() {
        let bytes = fs::read(&path).unwrap();
        if !bytes.starts_with(b"#!/") && !bytes.starts_with(b"#! /") {
            continue;
        }
        scripts += 1;
        if fs::metadata(&path).unwrap().permissions().mode() & 0o111 != 0o111 {
            broken.push(format!("{name}: no run bit"));
        }
        if bytes.contains(&b'\r') {
            broken.push(format!("{name}: CR in a script"));
        }
    }
    assert!(scripts > 8, "the scripts were not found");
    assert_none(&broken, "scripts that cannot be run");
}

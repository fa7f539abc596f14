//! Random commands of `hadoop fs` and a model of a file tree: exit codes, what they print and what is then there agree.
//!
//! The model knows the rules in a few lines each and nothing of disks. `MRSTREAM_TEST_CASES` sets how many sequences.

use mr_stream::dfs::{Addresses, Scheme};
use mr_stream::fs_shell::{Accounts, Shell, TrashPolicy, Unfinished};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Paths with what stands there: the bytes of a file, or a folder.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
struct Tree(BTreeMap<String, Option<Vec<u8>>>);

/// What a command answers: whether all went well, and what it printed.
type Answer = (bool, String);

const NO: Answer = (false, String::new());
const YES: Answer = (true, String::new());

impl Tree {
    fn is_dir(&self, path: &str) -> bool {
        path == "/" || self.0.get(path) == Some(&None)
    }

    fn is_file(&self, path: &str) -> bool {
        matches!(self.0.get(path), Some(Some(_)))
    }

    fn exists(&self, path: &str) -> bool {
        self.is_dir(path) || self.is_file(path)
    }

    /// The path and all below it.
    fn below(&self, path: &str) -> Vec<String> {
        let inside = |name: &&String| *name == path || path == "/" || name.starts_with(&format!("{path}/"));
        self.0.keys().filter(inside).cloned().collect()
    }

    fn remove(&mut self, path: &str) {
        for name in self.below(path) {
            self.0.remove(&name);
        }
    }

    /// Makes a folder and those above it; false if a file is in the way.
    fn make(&mut self, path: &str) -> bool {
        if path == "/" || self.is_dir(path) {
            return true;
        }
        if self.is_file(path) || !self.make(parent(path)) {
            return false;
        }
        self.0.insert(path.to_owned(), None);
        true
    }

    /// Where something called `name` goes when it is sent to `to`.
    fn target(&self, name: &str, to: &str) -> String {
        if self.is_dir(to) { join(to, name) } else { to.to_owned() }
    }

    fn run(&mut self, command: &Command) -> Answer {
        match command {
            Command::Mkdir(path) => {
                let good = !self.exists(path) && self.is_dir(parent(path));
                if good {
                    self.make(path);
                }
                (good, String::new())
            }
            Command::MkdirParents(path) => {
                // HDFS and disks make what is above the file in the way, which is nothing new.
                (self.clone().make(path) && self.make(path), String::new())
            }
            Command::Touch(path) => {
                let good = self.is_file(path) || (!self.exists(path) && self.is_dir(parent(path)));
                if good {
                    self.0.entry(path.clone()).or_insert(Some(Vec::new()));
                }
                (good, String::new())
            }
            Command::Touchz(path) => {
                let is_empty = self.0.get(path).is_some_and(|file| file.as_ref().is_some_and(Vec::is_empty));
                let good = is_empty || (!self.exists(path) && self.is_dir(parent(path)));
                if good {
                    self.0.insert(path.clone(), Some(Vec::new()));
                }
                (good, String::new())
            }
            Command::Put { text, to, force } => self.put("local", text.as_bytes(), to, *force),
            Command::Append { text, to } => self.append(text.as_bytes(), to),
            Command::Rm(pattern) => self.each(pattern, |tree, path| tree.rm(path, tree.is_file(path))),
            Command::RmAll(pattern) => {
                self.each(pattern, |tree, path| tree.rm(path, tree.exists(path) && path != "/"))
            }
            Command::Rmdir(path) => {
                let good = path != "/" && self.is_dir(path) && self.below(path).len() == 1;
                if good {
                    self.remove(path);
                }
                (good, String::new())
            }
            Command::Mv(from, to) => self.mv(from, to),
            Command::Cp(from, to) => self.cp(from, to),
            Command::MvBoth(from, to) => self.both(from, to, Self::mv),
            Command::CpBoth(from, to) => self.both(from, to, Self::cp),
            Command::Getmerge { from, newlines } => self.getmerge(from, *newlines),
            _ => self.answer(command),
        }
    }

    /// Of the commands that change nothing.
    fn answer(&mut self, command: &Command) -> Answer {
        match command {
            Command::Test { flag, path } => (self.test(*flag, path), String::new()),
            Command::Cat(pattern) => self.each(pattern, |tree, path| match tree.0.get(path) {
                Some(Some(bytes)) => (true, String::from_utf8(bytes.clone()).unwrap()),
                _ => NO,
            }),
            Command::Find(pattern) => {
                self.each(pattern, |tree, path| if tree.exists(path) { (true, tree.found(path)) } else { NO })
            }
            Command::Ls(pattern) => self.each(pattern, |tree, path| {
                if tree.is_dir(path) {
                    return (true, tree.children(path).join(""));
                }
                if tree.is_file(path) { (true, format!("{path}\n")) } else { NO }
            }),
            Command::Count(pattern) => self.each(pattern, |tree, path| {
                let [folders, files, bytes] = tree.count(path);
                let row = format!("{folders:>12} {files:>12} {bytes:>18} {path}\n");
                if tree.exists(path) { (true, row) } else { NO }
            }),
            Command::Du(path) => {
                let bytes = self.count(path)[2];
                if self.exists(path) { (true, format!("{bytes}  {bytes}  {path}\n")) } else { NO }
            }
            _ => unreachable!("{command:?} changes something"),
        }
    }

    /// What a pattern stands for, in order; of no pattern the path, there or not.
    fn matches(&self, pattern: &str) -> Vec<String> {
        if !pattern.contains(['*', '?', '[', '{']) {
            return vec![pattern.to_owned()];
        }
        let fits = |path: &&String| {
            let (wanted, found): (Vec<&str>, Vec<&str>) =
                (pattern.split('/').collect(), path.split('/').collect());
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, name)| fits(wanted, name))
        };
        self.0.keys().filter(fits).cloned().collect()
    }

    /// A verb for each path that a pattern stands for.
    fn each(&mut self, pattern: &str, mut verb: impl FnMut(&mut Self, &str) -> Answer) -> Answer {
        let paths = self.matches(pattern);
        let answers: Vec<Answer> = paths.iter().map(|path| verb(self, path)).collect();
        (
            !answers.is_empty() && answers.iter().all(|(good, _)| *good),
            answers.into_iter().map(|(_, text)| text).collect(),
        )
    }

    /// A verb for two sources, which are looked up before it begins and must go into a folder.
    fn both(
        &mut self,
        from: &[String; 2],
        to: &str,
        verb: impl Fn(&mut Self, &str, &str) -> Answer,
    ) -> Answer {
        let there = from.each_ref().map(|path| self.exists(path));
        if !self.is_dir(to) {
            return NO;
        }
        let did = [0, 1].map(|which| there[which] && verb(self, &from[which], to).0);
        (did == [true; 2], String::new())
    }

    /// The lines of what is in a folder.
    fn children(&self, path: &str) -> Vec<String> {
        let inside = |name: &&String| parent(name) == path;
        self.0.keys().filter(inside).map(|name| format!("{name}\n")).collect()
    }

    /// Folders, files and bytes of a path and all below it.
    fn count(&self, path: &str) -> [usize; 3] {
        let nodes: Vec<_> = self.below(path).iter().map(|name| self.0[name].as_ref().map(Vec::len)).collect();
        let folders = nodes.iter().filter(|node| node.is_none()).count() + usize::from(path == "/");
        [folders, nodes.iter().flatten().count(), nodes.iter().flatten().sum()]
    }

    /// Of a folder HDFS says that it has no bytes.
    fn test(&self, flag: char, path: &str) -> bool {
        let bytes = self.0.get(path).and_then(Option::as_ref).map_or(0, Vec::len);
        self.exists(path)
            && match flag {
                'd' => self.is_dir(path),
                'f' => self.is_file(path),
                's' => bytes > 0,
                'z' => bytes == 0,
                _ => true,
            }
    }

    /// What is then in the local file, which is not written when a source is missing.
    fn getmerge(&self, from: &[String; 2], newlines: bool) -> Answer {
        let mut text = String::new();
        for path in from {
            if !self.exists(path) {
                return NO;
            }
            let children: Vec<String> =
                self.children(path).iter().map(|line| line.trim_end().to_owned()).collect();
            for file in if self.is_dir(path) { children } else { vec![path.clone()] } {
                let Some(bytes) = &self.0[&file] else { continue };
                text += std::str::from_utf8(bytes).unwrap();
                text += if newlines { "\n" } else { "" };
            }
        }
        (true, text)
    }

    /// Parents before children, children by name: so are names whose slashes sort before all letters.
    fn found(&self, path: &str) -> String {
        let mut names = self.below(path);
        if path == "/" {
            names.push("/".to_owned());
        }
        names.sort_by_key(|name| name.split('/').map(str::to_owned).collect::<Vec<_>>());
        names.dedup();
        names.join("\n") + "\n"
    }

    fn put(&mut self, name: &str, bytes: &[u8], to: &str, force: bool) -> Answer {
        let target = self.target(name, to);
        if self.is_dir(&target) || (self.is_file(&target) && !force) || !self.is_dir(parent(&target)) {
            return NO;
        }
        self.0.insert(target, Some(bytes.to_vec()));
        YES
    }

    /// HDFS makes the folders above a file that is made.
    fn append(&mut self, bytes: &[u8], to: &str) -> Answer {
        if self.is_dir(to) || !self.clone().make(parent(to)) {
            return NO;
        }
        self.make(parent(to));
        let file = self.0.entry(to.to_owned()).or_insert(Some(Vec::new()));
        file.as_mut().unwrap().extend_from_slice(bytes);
        YES
    }

    fn rm(&mut self, path: &str, good: bool) -> Answer {
        if !good {
            return NO;
        }
        self.remove(path);
        (true, format!("Deleted {path}\n"))
    }

    fn mv(&mut self, from: &str, to: &str) -> Answer {
        let target = self.target(name(from), to);
        let inside = target == from || target.starts_with(&format!("{from}/")) || from == "/";
        if !self.exists(from) || self.exists(&target) || !self.is_dir(parent(&target)) || inside {
            return NO;
        }
        for old in self.below(from) {
            let node = self.0.remove(&old).unwrap();
            self.0.insert(format!("{target}{}", &old[from.len()..]), node);
        }
        YES
    }

    fn cp(&mut self, from: &str, to: &str) -> Answer {
        let to_file = self.is_file(to);
        if let Some(Some(bytes)) = self.0.get(from).cloned() {
            return self.put(name(from), &bytes, to, false);
        }
        let target = self.target(name(from), to);
        let inside = target == from || target.starts_with(&format!("{from}/")) || from == "/";
        if !self.is_dir(from) || to_file || inside || !self.is_dir(parent(&target)) {
            return NO;
        }
        let sources = self.below(from);
        self.merge(from, &target, &sources)
    }

    /// Whether a folder is copied onto one that it is in: what then comes to stand in the source may be copied again.
    fn copies_upwards(&self, command: &Command) -> bool {
        let upwards = |from: &String, to| from.starts_with(&format!("{}/", self.target(name(from), to)));
        match command {
            Command::Cp(from, to) => upwards(from, to),
            Command::CpBoth(from, to) => from.iter().any(|from| upwards(from, to)),
            _ => false,
        }
    }

    /// Copies a folder onto another, file by file; what is there stays.
    fn merge(&mut self, from: &str, target: &str, sources: &[String]) -> Answer {
        let mut good = true;
        let mut blocked: Vec<String> = Vec::new();
        for old in sources {
            let new = format!("{target}{}", &old[from.len()..]);
            if blocked.iter().any(|above| new.starts_with(above.as_str())) {
                continue;
            }
            let node = self.0[old].clone();
            match (self.exists(&new), &node) {
                (false, _) => drop(self.0.insert(new, node)),
                (true, None) if self.is_dir(&new) => {}
                (true, _) => {
                    good = false;
                    blocked.push(format!("{new}/"));
                }
            }
        }
        (good, String::new())
    }
}

/// Whether a name fits one of the patterns that [`pattern`] makes.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern {
        "*" => true,
        "?" => name.len() == 1,
        "[ab]" | "{a,b}" => name == "a" || name == "b",
        "a*" => name.starts_with('a'),
        "[^a]*" => !name.starts_with('a'),
        letters => letters == name,
    }
}

fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => &path[..at],
    }
}

fn name(path: &str) -> &str {
    &path[path.rfind('/').unwrap_or(0) + 1..]
}

fn join(folder: &str, name: &str) -> String {
    if folder == "/" { format!("/{name}") } else { format!("{folder}/{name}") }
}

/// A command of `hadoop fs`.
#[derive(Clone, Debug)]
enum Command {
    Mkdir(String),
    MkdirParents(String),
    Touch(String),
    Touchz(String),
    Put { text: String, to: String, force: bool },
    Append { text: String, to: String },
    Rm(String),
    RmAll(String),
    Rmdir(String),
    Mv(String, String),
    Cp(String, String),
    MvBoth([String; 2], String),
    CpBoth([String; 2], String),
    Getmerge { from: [String; 2], newlines: bool },
    Cat(String),
    Find(String),
    Ls(String),
    Count(String),
    Du(String),
    Test { flag: char, path: String },
}

impl Command {
    /// Its words; what is put is written to the local file `local` first.
    fn words(&self, local: &Path) -> Vec<String> {
        let write = |text: &String| fs::write(local.join("local"), text).unwrap();
        let line = match self {
            Self::Mkdir(path) => format!("-mkdir {path}"),
            Self::MkdirParents(path) => format!("-mkdir -p {path}"),
            Self::Touch(path) => format!("-touch {path}"),
            Self::Touchz(path) => format!("-touchz {path}"),
            Self::Put { text, to, force } => {
                write(text);
                format!("-put {}local {to}", if *force { "-f " } else { "" })
            }
            Self::Append { text, to } => {
                write(text);
                format!("-appendToFile local {to}")
            }
            Self::Rm(path) => format!("-rm {path}"),
            Self::RmAll(path) => format!("-rm -r {path}"),
            Self::Rmdir(path) => format!("-rmdir {path}"),
            Self::Mv(from, to) => format!("-mv {from} {to}"),
            Self::Cp(from, to) => format!("-cp {from} {to}"),
            Self::MvBoth([one, other], to) => format!("-mv {one} {other} {to}"),
            Self::CpBoth([one, other], to) => format!("-cp {one} {other} {to}"),
            Self::Getmerge { from: [one, other], newlines } => {
                format!("-getmerge {}{one} {other} merged", if *newlines { "-nl " } else { "" })
            }
            Self::Cat(path) => format!("-cat {path}"),
            Self::Find(path) => format!("-find {path}"),
            Self::Ls(path) => format!("-ls -C {path}"),
            Self::Count(path) => format!("-count {path}"),
            Self::Du(path) => format!("-du -s {path}"),
            Self::Test { flag, path } => format!("-test -{flag} {path}"),
        };
        line.split(' ').map(str::to_owned).collect()
    }
}

fn path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "a.b", "local"]);
    prop_oneof![
        1 => Just("/".to_owned()),
        12 => prop::collection::vec(name, 1..4).prop_map(|names| format!("/{}", names.join("/"))),
    ]
}

/// A path, or one with patterns for names. The first name is none: a pattern that nothing fits is looked for on the
/// local disk, where `/*` would find something.
fn pattern() -> impl Strategy<Value = String> {
    let first = prop::sample::select(vec!["a", "b", "local"]);
    let name = prop::sample::select(vec!["*", "?", "[ab]", "{a,b}", "a*", "[^a]*", "a", "b"]);
    let names = prop::collection::vec(name, 1..3);
    prop_oneof![path(), (first, names).prop_map(|(first, names)| format!("/{first}/{}", names.join("/")))]
}

fn command() -> impl Strategy<Value = Command> {
    let text = "[xyz]{0,3}";
    prop_oneof![
        3 => path().prop_map(Command::Mkdir),
        3 => path().prop_map(Command::MkdirParents),
        1 => path().prop_map(Command::Touch),
        2 => path().prop_map(Command::Touchz),
        4 => (text, path(), any::<bool>()).prop_map(|(text, to, force)| Command::Put { text, to, force }),
        2 => (text, path()).prop_map(|(text, to)| Command::Append { text, to }),
        1 => pattern().prop_map(Command::Rm),
        1 => pattern().prop_map(Command::RmAll),
        1 => path().prop_map(Command::Rmdir),
        4 => (path(), path()).prop_map(|(from, to)| Command::Mv(from, to)),
        4 => (path(), path()).prop_map(|(from, to)| Command::Cp(from, to)),
        2 => ([path(), path()], path()).prop_map(|(from, to)| Command::MvBoth(from, to)),
        2 => ([path(), path()], path()).prop_map(|(from, to)| Command::CpBoth(from, to)),
        1 => ([path(), path()], any::<bool>()).prop_map(|(from, newlines)| Command::Getmerge { from, newlines }),
        2 => pattern().prop_map(Command::Cat),
        2 => pattern().prop_map(Command::Find),
        2 => pattern().prop_map(Command::Ls),
        1 => pattern().prop_map(Command::Count),
        1 => path().prop_map(Command::Du),
        2 => (prop::sample::select(vec!['d', 'e', 'f', 's', 'z']), path())
            .prop_map(|(flag, path)| Command::Test { flag, path }),
    ]
}

/// What is really there.
fn tree(root: &Path) -> Tree {
    fn walk(folder: &Path, prefix: &str, tree: &mut Tree) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = format!("{prefix}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                tree.0.insert(path.clone(), None);
                walk(&entry.path(), &path, tree);
            } else {
                tree.0.insert(path, Some(fs::read(entry.path()).unwrap()));
            }
        }
    }
    let mut found = Tree::default();
    walk(root, "", &mut found);
    found
}

fn run(root: &Path, local: &Path, command: &Command) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (root, working_dir) = (root.to_path_buf(), local.to_path_buf());
    let mut shell = Shell {
        addresses: Addresses { root, user: "ann".into(), working_dir, default: Scheme::Hdfs },
        trash: TrashPolicy::default(),
        home: local.to_path_buf(),
        accounts: Accounts::default(),
        unfinished: Unfinished::default(),
        input: &mut std::io::empty(),
        out: &mut out,
        err: &mut err,
    };
    let merged = local.join("merged");
    fs::remove_file(&merged).ok();
    let code = shell.run(command.words(local));
    out.extend(fs::read(&merged).unwrap_or_default());
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("MRSTREAM_TEST_CASES").map_or(300, |cases| cases.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn commands_do_what_a_model_does(commands in prop::collection::vec(command(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let (root, local) = (folder.path().join("dfs"), folder.path().join("home"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&local).unwrap();
        let mut model = Tree::default();
        for command in &commands {
            if model.copies_upwards(command) {
                continue;
            }
            let (good, printed) = model.run(command);
            let (code, out, err) = run(&root, &local, command);
            prop_assert_eq!((code == 0, out), (good, printed), "{:?}: {} {}", command, code, err);
            let is_test = matches!(command, Command::Test { .. });
            prop_assert_eq!(good || is_test, err.is_empty(), "{:?}: {}", command, err);
            prop_assert_eq!(tree(&root), model.clone(), "after {:?}", command);
        }
    }
}

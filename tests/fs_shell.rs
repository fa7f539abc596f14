//! Random commands of `hadoop fs` and a model of a file tree: exit codes, what they print and what is then there agree.
//!
//! The model knows the rules in a few lines each and nothing of disks.

use mr_stream::dfs::{Addresses, Scheme};
use mr_stream::fs_shell::{Accounts, Shell, TrashPolicy};
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
            Command::Rm(path) => self.rm(path, self.is_file(path)),
            Command::RmAll(path) => self.rm(path, self.exists(path) && path != "/"),
            Command::Rmdir(path) => {
                let good = path != "/" && self.is_dir(path) && self.below(path).len() == 1;
                if good {
                    self.remove(path);
                }
                (good, String::new())
            }
            Command::Mv(from, to) => self.mv(from, to),
            Command::Cp(from, to) => self.cp(from, to),
            Command::Cat(path) => match self.0.get(path) {
                Some(Some(bytes)) => (true, String::from_utf8(bytes.clone()).unwrap()),
                _ => NO,
            },
            Command::Find(path) if self.exists(path) => (true, self.found(path)),
            Command::Find(_) => NO,
            Command::TestFolder(path) => (self.is_dir(path), String::new()),
            Command::TestFile(path) => (self.is_file(path), String::new()),
        }
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
        let Command::Cp(from, to) = command else { return false };
        from.starts_with(&format!("{}/", self.target(name(from), to)))
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
    Touchz(String),
    Put { text: String, to: String, force: bool },
    Append { text: String, to: String },
    Rm(String),
    RmAll(String),
    Rmdir(String),
    Mv(String, String),
    Cp(String, String),
    Cat(String),
    Find(String),
    TestFolder(String),
    TestFile(String),
}

impl Command {
    /// Its words; what is put is written to the local file `local` first.
    fn words(&self, local: &Path) -> Vec<String> {
        let write = |text: &String| fs::write(local.join("local"), text).unwrap();
        let line = match self {
            Self::Mkdir(path) => format!("-mkdir {path}"),
            Self::MkdirParents(path) => format!("-mkdir -p {path}"),
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
            Self::Cat(path) => format!("-cat {path}"),
            Self::Find(path) => format!("-find {path}"),
            Self::TestFolder(path) => format!("-test -d {path}"),
            Self::TestFile(path) => format!("-test -f {path}"),
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

fn command() -> impl Strategy<Value = Command> {
    let text = "[xyz]{0,3}";
    prop_oneof![
        3 => path().prop_map(Command::Mkdir),
        3 => path().prop_map(Command::MkdirParents),
        2 => path().prop_map(Command::Touchz),
        4 => (text, path(), any::<bool>()).prop_map(|(text, to, force)| Command::Put { text, to, force }),
        2 => (text, path()).prop_map(|(text, to)| Command::Append { text, to }),
        1 => path().prop_map(Command::Rm),
        1 => path().prop_map(Command::RmAll),
        1 => path().prop_map(Command::Rmdir),
        4 => (path(), path()).prop_map(|(from, to)| Command::Mv(from, to)),
        4 => (path(), path()).prop_map(|(from, to)| Command::Cp(from, to)),
        2 => path().prop_map(Command::Cat),
        2 => path().prop_map(Command::Find),
        1 => path().prop_map(Command::TestFolder),
        1 => path().prop_map(Command::TestFile),
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
        input: &mut std::io::empty(),
        out: &mut out,
        err: &mut err,
    };
    let code = shell.run(command.words(local));
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
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
            let is_test = matches!(command, Command::TestFolder(_) | Command::TestFile(_));
            prop_assert_eq!(good || is_test, err.is_empty(), "{:?}: {}", command, err);
            prop_assert_eq!(tree(&root), model.clone(), "after {:?}", command);
        }
    }
}

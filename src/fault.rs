//! Faults on purpose: a point before every operation on a file, a folder, a pipe or a process, at which a test can
//! make it fail, or end or stop this process.
//!
//! The calls of [`crate::fs`] have their points already; calls of other libraries get theirs by hand. What happens
//! at which point is said in `docs/testing.md` and read from the environment by [`crate::cli`]. In a build without
//! debug assertions a point is nothing at all.

#[cfg(debug_assertions)]
pub use armed::{Faults, arm};
#[cfg(debug_assertions)]
pub(crate) use armed::{point, write_point};
#[cfg(not(debug_assertions))]
pub(crate) use nothing::{point, write_point};

/// A kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(debug_assertions),
    expect(dead_code, reason = "most points are in `crate::fs`, which is `std::fs` then")
)]
pub(crate) enum Op {
    /// A file is opened to be read or written on.
    Open,
    /// A file is made.
    Create,
    /// From a file or a pipe.
    Read,
    /// To a file or a pipe.
    Write,
    /// A file or a folder is brought to the disk.
    Sync,
    /// A file or a folder gets another name.
    Rename,
    /// A folder is made.
    Mkdir,
    /// A file or a folder is removed.
    Remove,
    /// A link is made.
    Link,
    /// A file is locked.
    Lock,
    /// A folder is listed, or the size or kind of a file asked for or set.
    Look,
    /// A process is started.
    Spawn,
    /// A process is waited for.
    Wait,
}

#[cfg(not(debug_assertions))]
mod nothing {
    use super::Op;
    use std::io;
    use std::path::Path;

    #[inline]
    pub(crate) fn point(_: Op, _: &Path) -> io::Result<()> {
        Ok(())
    }

    #[inline]
    pub(crate) fn write_point(_: &Path, bytes: usize) -> io::Result<usize> {
        Ok(bytes)
    }
}

#[cfg(debug_assertions)]
mod armed {
    use super::Op;
    use rustix::io::Errno;
    use rustix::process::{Signal, getpid, kill_process};
    use std::fs::{File, OpenOptions};
    use std::io::{self, Write};
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, PoisonError, RwLock};

    /// What this process is asked for now, in the order in which it was.
    static ARMED: RwLock<Vec<Arc<Armed>>> = RwLock::new(Vec::new());

    const OPS: [(&str, Op); 13] = [
        ("open", Op::Open),
        ("create", Op::Create),
        ("read", Op::Read),
        ("write", Op::Write),
        ("sync", Op::Sync),
        ("rename", Op::Rename),
        ("mkdir", Op::Mkdir),
        ("remove", Op::Remove),
        ("link", Op::Link),
        ("lock", Op::Lock),
        ("look", Op::Look),
        ("spawn", Op::Spawn),
        ("wait", Op::Wait),
    ];

    const ACTS: [(&str, Act); 19] = [
        ("EACCES", Act::Fail(Errno::ACCESS)),
        ("EAGAIN", Act::Fail(Errno::AGAIN)),
        ("EDQUOT", Act::Fail(Errno::DQUOT)),
        ("EFBIG", Act::Fail(Errno::FBIG)),
        ("EINTR", Act::Fail(Errno::INTR)),
        ("EINVAL", Act::Fail(Errno::INVAL)),
        ("EIO", Act::Fail(Errno::IO)),
        ("EMFILE", Act::Fail(Errno::MFILE)),
        ("ENOENT", Act::Fail(Errno::NOENT)),
        ("ENOLCK", Act::Fail(Errno::NOLCK)),
        ("ENOMEM", Act::Fail(Errno::NOMEM)),
        ("ENOSPC", Act::Fail(Errno::NOSPC)),
        ("EPIPE", Act::Fail(Errno::PIPE)),
        ("EROFS", Act::Fail(Errno::ROFS)),
        ("short", Act::Short),
        ("kill", Act::Signal(Signal::KILL)),
        ("stop", Act::Signal(Signal::STOP)),
        ("term", Act::Signal(Signal::TERM)),
        ("int", Act::Signal(Signal::INT)),
    ];

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Act {
        /// The operation is not done and fails so.
        Fail(Errno),
        /// A write takes half of the bytes; nothing to other operations.
        Short,
        /// This process gets a signal.
        Signal(Signal),
    }

    /// `KIND:N:ACTION`, `KIND:N+:ACTION`, each with `:PATH` behind it or not.
    #[derive(Debug)]
    struct Rule {
        /// `None` for all kinds.
        op: Option<Op>,
        /// The first point that is meant, counted from 1 among those that fit.
        first: u64,
        /// Whether all later ones are meant too.
        and_later: bool,
        act: Act,
        /// A text that the path holds.
        path: String,
        passed: AtomicU64,
    }

    #[derive(Debug)]
    struct Armed {
        rules: Vec<Rule>,
        log: Option<File>,
    }

    /// Faults that are on; off when dropped.
    #[derive(Debug)]
    #[must_use]
    pub struct Faults(Arc<Armed>);

    impl Drop for Faults {
        fn drop(&mut self) {
            let mut armed = ARMED.write().unwrap_or_else(PoisonError::into_inner);
            armed.retain(|armed| !Arc::ptr_eq(armed, &self.0));
        }
    }

    /// Sets what happens at the points of this process: rules between commas, and a file that gets a line for each
    /// point that is passed.
    ///
    /// # Errors
    /// What is wrong with a rule or the file.
    pub fn arm(rules: &str, log: Option<PathBuf>) -> Result<Faults, String> {
        let rules = rules.split(',').filter(|rule| !rule.is_empty());
        let rules = rules.map(|rule| Rule::parse(rule).ok_or_else(|| rule.to_owned()));
        let rules = rules.collect::<Result<Vec<_>, _>>()?;
        let open = |path: PathBuf| OpenOptions::new().append(true).create(true).open(path);
        let log = log.map(open).transpose().map_err(|error| error.to_string())?;
        let armed = Arc::new(Armed { rules, log });
        ARMED.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&armed));
        Ok(Faults(armed))
    }

    /// Stands before an operation on `path`.
    ///
    /// # Errors
    /// The one that was asked for.
    pub(crate) fn point(op: Op, path: &Path) -> io::Result<()> {
        reach(op, path).map(drop)
    }

    /// Stands before a write of so many bytes and says how many may be written.
    ///
    /// # Errors
    /// The one that was asked for.
    pub(crate) fn write_point(path: &Path, bytes: usize) -> io::Result<usize> {
        Ok(if reach(Op::Write, path)? { bytes.div_ceil(2) } else { bytes })
    }

    /// Passes a point; true if a write must be short.
    fn reach(op: Op, path: &Path) -> io::Result<bool> {
        let armed = ARMED.read().unwrap_or_else(PoisonError::into_inner);
        armed.iter().try_fold(false, |is_short, armed| Ok(armed.reach(op, path)? || is_short))
    }

    impl Armed {
        /// Passes a point; true if a write must be short.
        fn reach(&self, op: Op, path: &Path) -> io::Result<bool> {
            // All rules count all their points, whatever the others do.
            let mut acts = self.rules.iter().map(|rule| rule.reach(op, path)).collect::<Vec<_>>();
            acts.retain(Option::is_some);
            let act = acts.first().copied().flatten();
            if let Some(mut log) = self.log.as_ref() {
                let name = OPS.iter().find(|(_, known)| *known == op).map_or("", |(name, _)| name);
                let fault = ACTS.iter().find(|(_, known)| Some(*known) == act);
                let fault = fault.map_or(String::new(), |(name, _)| format!(" <- {name}"));
                log.write_all(format!("{name} {}{fault}\n", path.display()).as_bytes())?;
            }
            match act {
                None => Ok(false),
                Some(Act::Short) => Ok(true),
                Some(Act::Fail(error)) => Err(error.into()),
                Some(Act::Signal(Signal::STOP)) => {
                    // What is meant for the whole process is taken by any of its threads, and this one would go on for
                    // a while.
                    nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP)?;
                    Ok(false)
                }
                Some(Act::Signal(signal)) => {
                    kill_process(getpid(), signal)?;
                    Ok(false)
                }
            }
        }
    }

    impl Rule {
        fn parse(text: &str) -> Option<Self> {
            let mut words = text.splitn(4, ':');
            let (kind, number, act) = (words.next()?, words.next()?, words.next()?);
            let op = match kind {
                "all" => None,
                kind => Some(OPS.iter().find(|(name, _)| *name == kind)?.1),
            };
            let act = ACTS.iter().find(|(name, _)| *name == act)?.1;
            let and_later = number.ends_with('+');
            let first = number.trim_end_matches('+').parse().ok()?;
            let path = words.next().unwrap_or_default().to_owned();
            Some(Self { op, first, and_later, act, path, passed: AtomicU64::new(0) })
        }

        /// Counts a point and says what happens at it.
        fn reach(&self, op: Op, path: &Path) -> Option<Act> {
            let fits = self.op.is_none_or(|wanted| wanted == op);
            if !fits || !path.to_string_lossy().contains(&self.path) {
                return None;
            }
            let number = self.passed.fetch_add(1, Ordering::Relaxed) + 1;
            (number == self.first || self.and_later && number > self.first).then_some(self.act)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[track_caller]
        fn check(rules: &str, points: &[(Op, &str)], expect: &[&str]) {
            let rules = rules.split(',').map(|rule| Rule::parse(rule).unwrap()).collect();
            let armed = Armed { rules, log: None };
            let reached = points.iter().map(|(op, path)| match armed.reach(*op, Path::new(path)) {
                Ok(true) => "short".to_owned(),
                Ok(false) => String::new(),
                Err(error) => Errno::from_io_error(&error).map_or("?".into(), |error| format!("{error:?}")),
            });
            assert_eq!(reached.collect::<Vec<_>>(), expect);
        }

        #[test]
        fn rules_hit_the_points_they_name() {
            let points = [(Op::Open, "/a/x"), (Op::Write, "/a/x"), (Op::Write, "/b/x"), (Op::Write, "/a/y")];
            let [io, full] = [Errno::IO, Errno::NOSPC].map(|error| format!("{error:?}"));
            check("all:2:EIO", &points, &["", &io, "", ""]);
            check("write:2:short", &points, &["", "", "short", ""]);
            check("write:2+:ENOSPC", &points, &["", "", &full, &full]);
            check("write:1+:ENOSPC:/a/", &points, &["", &full, "", &full]);
            check("open:1:EIO,all:4:ENOSPC", &points, &[&io, "", "", &full]);
            check("sync:1:EIO", &points, &["", "", "", ""]);
        }

        #[test]
        fn what_is_no_rule_is_refused() {
            for text in ["", "write", "write:1", "write:x:EIO", "write:1:EWHAT", "wrote:1:EIO"] {
                assert!(Rule::parse(text).is_none(), "{text}");
            }
        }
    }
}

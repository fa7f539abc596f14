//! What decides about the result of a job, as far as a later run can look at it again.
//!
//! Two runs of equal facts write equal bytes, if the job's programs do. Variables that programs inherit are of three
//! kinds ([`weight`]): some decide, some belong to the login or the terminal and are left out, and for all others
//! `-resume` warns ([`MAY_DECIDE`]).
//!
//! Values that may be secrets are hashed: the journal must not hold them.

use super::needs;
use crate::checksum;
use crate::conf::{ConfError, HostFacts, JobConf};
use crate::output::journal::{Fact, MAY_DECIDE};
use crate::plan::{JobPlan, wire};
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Lists the facts of a job that was planned.
pub(crate) fn of(conf: &JobConf, plan: &JobPlan, host: &HostFacts) -> Result<Vec<Fact>, ConfError> {
    let mut facts = vec![
        fact("the version of mr-stream", format!("{} {}", env!("CARGO_PKG_VERSION"), wire::VERSION)),
        fact("the user", host.job_user()),
    ];
    // A run that goes on has the same job, so equal values have equal hashes.
    let salt = &plan.job_id.stamp;
    for name in conf.properties.names_set() {
        let value = conf.properties.get(name)?.unwrap_or_default();
        let shown = if is_secret(name) { hashed(salt, value.as_bytes()) } else { format!("{value:?}") };
        facts.push(fact(&format!("property {name}"), shown));
    }
    facts.extend(host.environment.iter().filter_map(|(name, value)| of_variable(salt, name, value)));
    // Cut points come out of a file, or out of a sample.
    facts.push(fact("the partitioner", format!("{:?}", plan.shuffle.partitioner)));
    let needs = needs::list(conf, plan, host).into_iter().filter(|need| need.decides);
    facts.extend(needs.map(|need| of_file(need.what, &need.path)));
    Ok(facts)
}

fn fact(what: &str, value: String) -> Fact {
    Fact { what: what.to_owned(), value }
}

/// What stands for a value that may be a secret.
fn hashed(salt: &str, value: &[u8]) -> String {
    format!("a value with hash {:016x}", checksum::of(&[salt.as_bytes(), b"\0", value].concat()))
}

/// Whether a property may hold passwords: by its name, or because it sets variables.
fn is_secret(name: &str) -> bool {
    let name = format!("{}.", name.to_ascii_lowercase());
    let holds = |part: &str| name.contains(part);
    ["stream.addenvironment.", ".env.", "secret", "password", "token", "credential"].into_iter().any(holds)
}

fn of_variable(salt: &str, name: &OsStr, value: &OsStr) -> Option<Fact> {
    let shown = name.display();
    Some(match weight(name)? {
        Weight::DecidesOpenly => {
            fact(&format!("variable {shown}"), format!("{:?}", value.display().to_string()))
        }
        Weight::Decides => fact(&format!("variable {shown}"), hashed(salt, value.as_encoded_bytes())),
        Weight::MayDecide => fact(&format!("{MAY_DECIDE}{shown}"), hashed(salt, value.as_encoded_bytes())),
    })
}

/// What an inherited variable means for the result of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// It says which programs are found or how they sort, and is never a secret.
    DecidesOpenly,
    /// It says how a program or an interpreter works.
    Decides,
    /// Some program may read it.
    MayDecide,
}

/// Variables of interpreters and loaders: `NAME`, or `NAME*` for all that begin so.
const DECIDING: [&str; 29] = [
    "ANACONDA*",
    "AWKLIBPATH",
    "AWKPATH",
    "BASHOPTS",
    "BASH_ENV",
    "CLASSPATH",
    "CONDA_PREFIX",
    "ENV",
    "GEM_*",
    "JAVA_*",
    "JDK_JAVA_OPTIONS",
    "LD_*",
    "LUA_*",
    "NODE_*",
    "PERL*",
    "PHP*",
    "POSIXLY_CORRECT",
    "PYENV_*",
    "PYTHON*",
    "RUBY*",
    "R_*",
    "SHELLOPTS",
    "TCLLIBPATH",
    "VIRTUAL_ENV",
    "_JAVA_OPTIONS",
    "MALLOC_*",
    "GLIBC_TUNABLES",
    "OMP_*",
    "SCALA_*",
];

/// Variables that change from one login or terminal to the next, and our own.
const OF_THE_LOGIN: [&str; 60] = [
    "_",
    "ALACRITTY_*",
    "BASH_FUNC_*",
    "COLORTERM",
    "COLUMNS",
    "CONDA_PROMPT_MODIFIER",
    "CONDA_SHLVL",
    "DBUS_*",
    "DESKTOP_*",
    "DISPLAY",
    "EDITOR",
    "GDM*",
    "GJS_*",
    "GNOME_*",
    "GPG_*",
    "GTK_*",
    "HISTCONTROL",
    "HISTFILE",
    "HISTSIZE",
    "HOSTNAME",
    "INVOCATION_ID",
    "ITERM_*",
    "JOURNAL_STREAM",
    "KDE_*",
    "KITTY_*",
    "KONSOLE_*",
    "LESS*",
    "LINES",
    "LOGNAME",
    "LS_COLORS",
    "MAIL",
    "MANAGERPID",
    "MANPATH",
    "MEMORY_PRESSURE_*",
    "MRSTREAM_*",
    "OLDPWD",
    "PAGER",
    "PROMPT*",
    "PS*",
    "PWD",
    "QT_*",
    "SESSION_*",
    "SHELL",
    "SHLVL",
    "SSH_*",
    "STY",
    "SUDO_*",
    "SYSTEMD_*",
    "TERM",
    "TERM_*",
    "TMPDIR",
    "TMUX*",
    "USER",
    "VISUAL",
    "VSCODE_*",
    "VTE_*",
    "WAYLAND_*",
    "WINDOW*",
    "WT_*",
    "XDG_*",
];

/// What a variable means; `None` if it means nothing.
fn weight(name: &OsStr) -> Option<Weight> {
    let name = name.as_encoded_bytes();
    let is_in = |list: &[&str]| {
        list.iter().any(|entry| match entry.strip_suffix('*') {
            Some(begin) => name.starts_with(begin.as_bytes()),
            None => name == entry.as_bytes(),
        })
    };
    match name {
        b"PATH" | b"TZ" | b"LANG" | b"LANGUAGE" => Some(Weight::DecidesOpenly),
        _ if name.starts_with(b"LC_") => Some(Weight::DecidesOpenly),
        b"XAUTHORITY" | b"SECURITYSESSIONID" => None,
        _ if is_in(&DECIDING) => Some(Weight::Decides),
        _ if is_in(&OF_THE_LOGIN) => None,
        _ => Some(Weight::MayDecide),
    }
}

/// Size and time of the last change of a file.
fn of_file(kind: &str, path: &Path) -> Fact {
    let value = match path.metadata() {
        Ok(meta) if meta.is_file() => {
            format!("{} bytes, changed at {}.{:09}", meta.len(), meta.mtime(), meta.mtime_nsec())
        }
        Ok(meta) => format!("changed at {}.{:09}", meta.mtime(), meta.mtime_nsec()),
        Err(error) => error.to_string(),
    };
    fact(&format!("{kind} {}", path.display()), value)
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_the_weight_of_what_reads_them() {
        let check = |names: &[&str], expect: Option<Weight>| {
            for name in names {
                assert_eq!(weight(OsStr::new(name)), expect, "{name}");
            }
        };
        check(&["PATH", "LC_ALL", "LANG", "TZ"], Some(Weight::DecidesOpenly));
        check(
            &["PYTHONPATH", "PYTHONHASHSEED", "LD_LIBRARY_PATH", "JAVA_HOME", "ENV"],
            Some(Weight::Decides),
        );
        check(&["FACTOR", "HOME", "SHELL_MODE", "PATHS", "TERMINAL"], Some(Weight::MayDecide));
        check(&["_", "SSH_TTY", "XDG_SESSION_ID", "TERM", "OLDPWD", "MRSTREAM_FAULT"], None);
    }

    #[test]
    fn secrets_are_hashed() {
        for name in
            ["stream.addenvironment", "mapreduce.map.env", "mapreduce.map.env.KEY", "fs.s3a.secret.key"]
        {
            assert!(is_secret(name), "{name}");
        }
        assert!(!is_secret("mapreduce.job.reduces"));
        let fact = of_variable("1", "API_KEY".as_ref(), "hunter2".as_ref()).unwrap();
        assert!(fact.what.ends_with(" API_KEY") && !fact.value.contains("hunter2"), "{fact:?}");
        assert_eq!(fact.value, hashed("1", b"hunter2"));
        assert_ne!(fact.value, hashed("2", b"hunter2"));
    }
}

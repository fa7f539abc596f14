//! Likely causes of a failed command, from its words, its exit code and what it wrote to standard error.

use super::shell::{program_of, shell_word};
use super::{Facts, told};
use std::path::Path;

pub(super) fn on_unread(facts: &Facts<'_>) -> Option<String> {
    facts.read_bytes?;
    let [program, rest @ ..] = facts.command else { return None };
    let lines = match (program_of(program), rest) {
        ("head", []) => "10",
        ("head", [count]) => count.strip_prefix("-n").or_else(|| count.strip_prefix('-'))?,
        ("head", ["-n", count]) => count,
        ("sed", [script]) => script.strip_suffix('q')?,
        _ => return None,
    };
    lines.parse::<u64>().ok()?;
    let program = program_of(program);
    Some(format!(
        "{program} stops after {lines} lines and leaves the rest unread: sed -n 1,{lines}p reads to the end"
    ))
}

/// Programs whose first plain argument is a script.
const SCRIPT_RUNNERS: [&str; 9] = ["sh", "bash", "dash", "ksh", "zsh", "python", "perl", "ruby", "Rscript"];
/// Options of theirs behind which the script still comes.
const RUNNER_OPTIONS: [&str; 6] = ["-u", "-B", "-O", "-E", "-x", "-w"];
/// What runs scripts of these suffixes.
const INTERPRETERS: [(&str, &str); 7] = [
    (".py", "python3"),
    (".pl", "perl"),
    (".rb", "ruby"),
    (".R", "Rscript"),
    (".js", "node"),
    (".php", "php"),
    (".lua", "lua"),
];

/// What runs a script, by its name; `None` for shell scripts and unknown suffixes.
pub fn interpreter_of(script: &str) -> Option<&'static str> {
    INTERPRETERS.iter().find(|(suffix, _)| script.ends_with(suffix)).map(|(_, program)| *program)
}

/// The script that a command certainly runs: `m.py` of `python3 -u m.py x`.
pub fn script_of(command: &[String]) -> Option<&str> {
    let (program, rest) = command.split_first()?;
    let script = rest.iter().find(|word| !RUNNER_OPTIONS.contains(&word.as_str()))?;
    let is_shell = Path::new(script).extension().is_some_and(|end| end == "sh");
    let is_script = is_shell || interpreter_of(script).is_some();
    let runs_scripts = SCRIPT_RUNNERS.contains(&program_of(program));
    (runs_scripts && is_script && !script.starts_with('-')).then_some(script)
}

/// Whether a program is a shell, which looks for its script in `PATH` too.
pub fn is_shell(program: &str) -> bool {
    SCRIPT_RUNNERS[..5].contains(&program_of(program))
}

pub(super) fn on_script_in_shell(facts: &Facts<'_>) -> Option<String> {
    let script = facts.command.first()?;
    let program = interpreter_of(script)?;
    let name = script.rsplit('/').next()?;
    let by_shell = facts.stderr.lines().any(|line| {
        let behind = line.split_once(&format!("{name}: ")).map_or("", |(_, rest)| rest);
        behind.starts_with("line ") || behind.starts_with(|c: char| c.is_ascii_digit())
    });
    let says = format!("{name} has no #! line, so the shell ran it: write {program} {}", shell_word(script));
    told(facts.code.is_some() && by_shell, &says)
}

/// The program was found and could not be run.
pub const NOT_RUNNABLE: i32 = 126;
/// The program was not found.
pub const NOT_FOUND: i32 = 127;

pub(super) fn on_carriage_return(facts: &Facts<'_>) -> Option<String> {
    let is_so = match facts.code? {
        // env spells the character out, shells pass it on.
        NOT_FOUND => missing_program(facts).is_some_and(|name| name.ends_with('\r') || name.ends_with("\\r")),
        NOT_RUNNABLE => {
            ["^M", "\r"].iter().any(|end| facts.stderr.contains(&format!("{end}: bad interpreter")))
        }
        _ => false,
    };
    let runs_script = SCRIPT_RUNNERS.contains(&facts.program());
    let mut words = facts.command.iter().skip(usize::from(runs_script));
    let script = words.find(|word| !word.starts_with('-')).copied().unwrap_or("SCRIPT");
    told(
        is_so,
        &format!("a script has Windows line ends; to mend it: sed -i 's/\\r$//' {}", shell_word(script)),
    )
}

/// An interpreter is given a script that was not shipped.
pub(super) fn on_missing_file(facts: &Facts<'_>) -> Option<String> {
    let code = facts.code?;
    if code == 0 || code == NOT_RUNNABLE {
        return None;
    }
    let line = facts.stderr.lines().rev().find(|line| {
        let line = line.to_lowercase();
        line.contains("no such file") || line.contains("can't open") || line.contains("cannot open")
    })?;
    let mut names = facts.command.iter().skip(1).filter(|word| !word.starts_with('-') && word.len() > 1);
    let name = names.find(|word| mentions(line, word))?;
    Some(format!("{name} is not in the task's folder: ship it with -files {}", shell_word(name)))
}

fn missing_program(facts: &Facts<'_>) -> Option<String> {
    let complaints = [
        ": not found",
        ": command not found",
        ": No such file or directory",
        ": cannot execute: required file not found",
    ];
    complained_of(facts.stderr, &complaints).or_else(|| facts.command.first().map(|word| (*word).to_owned()))
}

pub(super) fn on_not_found(facts: &Facts<'_>) -> Option<String> {
    if facts.code != Some(NOT_FOUND) {
        return None;
    }
    let Some(name) = missing_program(facts) else { return Some("the command is empty".to_owned()) };
    Some(format!(
        "{name} is not installed, not in PATH, not shipped with -files, or a script whose #! line names such a program"
    ))
}

pub(super) fn on_not_runnable(facts: &Facts<'_>) -> Option<String> {
    if facts.code != Some(NOT_RUNNABLE) {
        return None;
    }
    if let Some(script) = complained_of(facts.stderr, &[": bad interpreter"]) {
        return Some(format!("the #! line names {script}, which is not there"));
    }
    let named = complained_of(facts.stderr, &[": Permission denied"]);
    Some(match named.or_else(|| facts.command.first().map(|word| (*word).to_owned())) {
        Some(name) => format!("to mend it: chmod +x {}", shell_word(&name)),
        None => "the command is empty".to_owned(),
    })
}

pub(super) fn on_no_match(facts: &Facts<'_>) -> Option<String> {
    const GREPS: [&str; 6] = ["grep", "egrep", "fgrep", "zgrep", "bzgrep", "rg"];
    let is_grep = |word: &str| GREPS.contains(&program_of(word));
    let program = match facts.command {
        [program, ..] if is_grep(program) => program_of(program),
        // The last command of a pipe decides about the exit code.
        [shell, "-c", script] if is_shell(shell) => {
            let last = script.rsplit(['|', ';', '&']).next()?.split_whitespace().next()?;
            if is_grep(last) { program_of(last) } else { return None }
        }
        _ => return None,
    };
    let says = format!(
        "{program} exits with 1 when no line matches: allow it with -D stream.non.zero.exit.is.failure=false"
    );
    told(facts.code == Some(1) && facts.stderr.trim().is_empty(), &says)
}

pub(super) fn on_keys_alone(facts: &Facts<'_>) -> Option<String> {
    facts.code?;
    let count = facts.records_without_value.filter(|count| *count > 0)?;
    let without = match facts.separator {
        "\t" => "a tab".to_owned(),
        other => format!("the separator {other:?}"),
    };
    Some(format!(
        "none of the {count} records that the reducer was given has a value: a mapper line without {without} is all key"
    ))
}

/// Whether a line names a file, by itself or at the end of a path.
fn mentions(line: &str, name: &str) -> bool {
    let boundary = |c: char| !c.is_alphanumeric() && !"_-.".contains(c);
    line.match_indices(name).any(|(at, _)| {
        line[..at].chars().next_back().is_none_or(boundary)
            && line[at + name.len()..].chars().next().is_none_or(boundary)
    })
}

/// The name before a complaint in the last line that has one, without quotes: `foo` of
/// `m.sh: line 3: foo: command not found` and of `env: ‘foo’: No such file or directory`.
fn complained_of(stderr: &str, complaints: &[&str]) -> Option<String> {
    let before = stderr.split('\n').rev().find_map(|line| {
        complaints.iter().find_map(|complaint| line.find(complaint).map(|at| &line[..at]))
    })?;
    let name = before.rsplit(": ").next()?.trim_matches([' ', '\'', '"', '`', '‘', '’']);
    (!name.is_empty()).then(|| name.to_owned())
}

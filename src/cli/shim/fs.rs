//! `hadoop fs`: generic options, then a verb. Hadoop: `FsShell.main` under `ToolRunner`.

use super::super::host;
use crate::cli::{exit, generic_options, voice};
use crate::conf::{self, HostFacts, StreamOptions};
use crate::error;
use crate::fs_shell::{Shell, TrashPolicy, Unfinished};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::ffi::OsString;
use std::io::{self, BufWriter, Read, stdin};
use std::thread;

/// Bytes of output that are written at a time.
const OUTPUT_BYTES: usize = 64 * 1024;

/// Signals that end a verb after what it began is undone.
const ENDING: [i32; 5] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU];

/// Runs a verb; returns the exit code.
pub(super) fn run(words: Vec<OsString>, host: &HostFacts) -> u8 {
    match options_and_words(words) {
        Ok((options, words)) => with_shell(&options, host, &mut stdin(), |shell| shell.run(words)),
        Err(code) => code,
    }
}

/// The generic options in front, and the words behind them.
pub(super) fn options_and_words(words: Vec<OsString>) -> Result<(StreamOptions, Vec<String>), u8> {
    let mut text = Vec::with_capacity(words.len());
    for word in words {
        match word.into_string() {
            Ok(word) => text.push(word),
            Err(word) => {
                voice::put(&format!("fs: cannot read argument {}: expected UTF-8", word.display()));
                return Err(exit::HADOOP_ERROR);
            }
        }
    }
    Ok(generic(text))
}

/// Gives the file systems to `act`, which reads `input` as standard input; returns the exit code.
pub(super) fn with_shell(
    options: &StreamOptions,
    host: &HostFacts,
    input: &mut dyn Read,
    act: impl FnOnce(&mut Shell<'_>) -> u8,
) -> u8 {
    let conf = match conf::resolve_fs(options, host) {
        Ok(conf) => conf,
        Err(error) => {
            voice::put(&format!("fs: {}", error::chain(&error)));
            return exit::HADOOP_ERROR;
        }
    };
    if let Err(error) = conf.addresses.prepare() {
        voice::put(&format!("fs: {}", error::chain(&error)));
        return exit::JOB_FAILED;
    }
    let unfinished = Unfinished::default();
    if let Err(error) = undo_at_signals(&unfinished) {
        voice::put(&format!("WARN cannot watch for signals, an interrupt will not clean up: {error}"));
    }
    let mut err = voice::stderr();
    let mut out = BufWriter::with_capacity(OUTPUT_BYTES, voice::stdout());
    let mut shell = Shell {
        addresses: conf.addresses,
        trash: TrashPolicy { minutes: conf.trash_minutes },
        home: host.home.clone(),
        accounts: host::accounts(),
        unfinished,
        input,
        out: &mut out,
        err: &mut err,
    };
    act(&mut shell)
}

/// Lets the signals that end a process undo first what a verb began. Those that are ignored stay so.
fn undo_at_signals(unfinished: &Unfinished) -> io::Result<()> {
    let unfinished = unfinished.clone();
    let mut signals = Signals::new(ENDING.iter().filter(|signal| host::is_ignored(**signal) != Some(true)))?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            unfinished.undo_and_stop();
            // It does not return for these signals.
            emulate_default_handler(signal).ok();
        }
    })?;
    Ok(())
}

/// The generic options in front, and the words from the verb on.
fn generic(words: Vec<String>) -> (StreamOptions, Vec<String>) {
    let mut options = StreamOptions::default();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next_if(|word| is_generic(word)) {
        if let Some(pair) = word.strip_prefix("-D").filter(|pair| !pair.is_empty()) {
            options.properties.extend(generic_options::property(pair));
            continue;
        }
        let value = words.next().unwrap_or_default();
        match word.as_str() {
            "-D" => options.properties.extend(generic_options::property(&value)),
            "-fs" => options.fs = Some(value),
            "-conf" => options.conf_files.push(value.into()),
            // They send files along with a job, or say where it runs.
            _ => {}
        }
    }
    (options, words.collect())
}

fn is_generic(word: &str) -> bool {
    let names = ["-conf", "-fs", "-jt", "-files", "-libjars", "-archives", "-tokenCacheFile"];
    names.contains(&word) || (word.starts_with("-D") && (word == "-D" || word.contains('=')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generic_options_stand_before_the_verb() {
        let (options, words) = generic(
            "-D a=1 -Db=2=3 -fs file:/// -conf x.xml -libjars y -ls -D c=4"
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
        );
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(options.properties, [pair("a", "1"), pair("b", "2=3")]);
        assert_eq!(options.fs.as_deref(), Some("file:///"));
        assert_eq!(words, ["-ls", "-D", "c=4"]);
    }
}

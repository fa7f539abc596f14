//! Two and three runs on one output, or on nested ones, stopped at each operation in turn. Afterwards the output is
//! the whole output of one run that succeeded, or what was there before, and the other runs were refused. And other
//! programs that change the output folder during a commit: the job fails or its output is right.
//!
//! A run stops itself (SIGSTOP) at an operation of its output folder, by a fault rule, and goes on when the test says
//! so. That makes every interleaving of two operations repeatable.

use crate::harness::{JobDir, Output, Random, Running, say};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// How a run treats an output that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Plain,
    Overwrite,
    Resume,
}

/// State of the output folder before the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    Finished,
    /// A run was killed while its tasks ran.
    Killed,
    /// A run was killed while it committed.
    KilledInCommit,
}

/// One run: how, with which mapper, and its output folder.
type RunSpec = (Way, &'static str, &'static str);

const A: &str = "sed s/^/A/";
const B: &str = "sed s/^/B/";

struct Race {
    dir: JobDir,
    before: Before,
    runs: Vec<RunSpec>,
    /// The right output of each run.
    whole: Vec<BTreeMap<String, Vec<u8>>>,
    /// What is there before.
    old: BTreeMap<String, Vec<u8>>,
    /// Operations of each run, if it runs alone.
    operations: Vec<usize>,
}

impl Race {
    fn new(before: Before, runs: &[RunSpec]) -> Self {
        let dir = JobDir::new();
        dir.write("in/a.txt", "one\ntwo\n").write("in/b.txt", "three\n");
        let (runs, whole) = (runs.to_vec(), Vec::new());
        let mut race = Self { dir, before, runs, whole, old: BTreeMap::new(), operations: Vec::new() };
        for number in 0..race.runs.len() {
            race.prepare();
            race.old = race.files();
            let log = race.dir.path("log");
            race.command(number).with("MRSTREAM_FAULT_LOG", &log).run().expect_code(0);
            let text = fs::read_to_string(&log).unwrap();
            race.operations.push(text.lines().filter(|line| line.contains(FOLDER)).count());
            fs::remove_file(log).unwrap();
            let output = race.runs[number].2.replace("nest/", "") + "/";
            let files = race.files().into_iter().filter(|(name, _)| name.starts_with(&output));
            race.whole.push(files.collect());
            race.clear();
        }
        race
    }

    fn clear(&self) {
        fs::remove_dir_all(self.dir.path("nest")).unwrap();
    }

    /// Puts in place what the runs find.
    fn prepare(&self) {
        fs::create_dir(self.dir.path("nest")).unwrap();
        let args = job(Way::Plain, A, "nest/out");
        match self.before {
            Before::Nothing => {}
            Before::Finished => {
                self.dir.write("nest/out/part-00000", "old\n").write("nest/out/_SUCCESS", "");
            }
            Before::Killed | Before::KilledInCommit => {
                let at = if self.before == Before::Killed { "_temporary/0/task_" } else { "out/part-" };
                let rule = format!("rename:1:kill:{at}");
                let killed = self.dir.command(&args).with("MRSTREAM_FAULT", rule).run();
                assert_eq!(killed.code, None, "{}", killed.report());
                self.dir.wait_until_clean();
            }
        }
    }

    fn command(&self, number: usize) -> crate::harness::MrCommand {
        let (way, mapper, output) = self.runs[number];
        self.dir.command(&job(way, mapper, output))
    }

    /// Starts a run that stops at this operation; 0 for one that does not. Returns when it has stopped or ended.
    fn start(&self, number: usize, operation: usize) -> Running {
        let rule = if operation == 0 { String::new() } else { format!("all:{operation}:stop:{FOLDER}") };
        let running = self.command(number).with("MRSTREAM_FAULT", rule).start();
        running.wait_until_stopped();
        running
    }

    /// The files that are there, without what a run leaves that is over.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.dir.files("nest")
    }

    /// Runs with these stops; those that stopped go on one after the other, in this order.
    #[track_caller]
    fn check(&self, stops: &[usize], order: &[usize]) -> Vec<Output> {
        self.prepare();
        let before = self.files();
        let mut running: Vec<_> =
            stops.iter().enumerate().map(|(number, stop)| Some(self.start(number, *stop))).collect();
        let mut outputs: Vec<Option<Output>> = running.iter().map(|_| None).collect();
        for number in order {
            let run = running[*number].take().unwrap();
            run.go_on();
            outputs[*number] = Some(run.finish());
        }
        let outputs: Vec<_> = outputs.into_iter().map(Option::unwrap).collect();
        self.judge(
            &outputs,
            &before,
            &format!("{:?} {:?} stopped at {stops:?}, order {order:?}", self.before, self.runs),
        );
        self.clear();
        outputs
    }

    #[track_caller]
    fn judge(&self, outputs: &[Output], before: &BTreeMap<String, Vec<u8>>, what: &str) {
        let found = self.files();
        let all = || outputs.iter().map(Output::report).collect::<Vec<_>>().join("\n");
        let succeeded: Vec<_> =
            (0..outputs.len()).filter(|number| outputs[*number].code == Some(0)).collect();
        for output in outputs {
            assert!(matches!(output.code, Some(0 | 1 | 5)), "{what}\n{}", output.report());
            assert!(!output.stderr.contains("panicked"), "{what}\n{}", output.report());
        }
        let holds =
            |number: &usize| self.whole[*number].iter().all(|(name, bytes)| found.get(name) == Some(bytes));
        let is_nested = self.runs.iter().any(|run| run.2 != self.runs[0].2);
        // Nested outputs can both be whole, and one that stays can hold what was there before.
        let is_whole = if is_nested {
            let known = |name| succeeded.iter().any(|number| self.whole[*number].contains_key(name));
            let others = found.iter().filter(|(name, _)| !known(*name));
            succeeded.iter().any(holds) && { others }.all(|(name, bytes)| before.get(name) == Some(bytes))
        } else {
            succeeded.iter().any(|number| found == self.whole[*number])
        };
        let is_none = succeeded.is_empty() && (found.is_empty() || found == *before);
        let names: Vec<_> = found.keys().collect();
        assert!(is_whole || is_none, "{what}: found {names:?}, succeeded {succeeded:?}\n{}", all());
        if !matches!(self.before, Before::Killed | Before::KilledInCommit) || !succeeded.is_empty() {
            self.dir.assert_clean();
        }
    }
}

/// The operations that count are those in this folder.
const FOLDER: &str = "/job/nest/";

fn job(way: Way, mapper: &str, output: &str) -> Vec<String> {
    let fixed = format!("-input in -output {output} -numReduceTasks 0 -D mrstream.map.slots=1");
    let mut args: Vec<_> = fixed.split(' ').map(str::to_owned).collect();
    args.extend(["-mapper".to_owned(), mapper.to_owned()]);
    args.extend(match way {
        Way::Plain => None,
        Way::Overwrite => Some("-overwrite".to_owned()),
        Way::Resume => Some("-resume".to_owned()),
    });
    args
}

/// Random interleavings of each pair or triple: 6, or `MRSTREAM_RACES`; all of them, of two runs, by
/// `MRSTREAM_RACES=all`.
#[track_caller]
fn race(before: Before, runs: &[RunSpec]) {
    let wanted = std::env::var("MRSTREAM_RACES").unwrap_or_default();
    let race = Race::new(before, runs);
    assert!(race.operations.iter().all(|operations| *operations > 15), "{:?}", race.operations);
    let orders: &[&[usize]] =
        if runs.len() == 2 { &[&[0, 1], &[1, 0]] } else { &[&[0, 1, 2], &[2, 1, 0], &[1, 0, 2], &[1, 2, 0]] };
    let mut count = [0; 3];
    let mut run = |stops: &[usize], order: &[usize]| {
        let outputs = race.check(stops, order);
        count[outputs.iter().filter(|output| output.code == Some(0)).count().min(2)] += 1;
    };
    if wanted == "all" && runs.len() == 2 {
        for one in 1..=race.operations[0] {
            for two in 0..=race.operations[1] {
                for order in orders {
                    run(&[one, two], order);
                }
            }
        }
    } else {
        let mut random = Random::from_environment();
        for number in 0..wanted.parse().unwrap_or(if wanted == "all" { 2000 } else { 6 }) {
            let stops: Vec<_> =
                race.operations.iter().map(|operations| 1 + random.below(*operations)).collect();
            run(&stops, orders[number % orders.len()]);
        }
    }
    let [none, one, more] = count;
    if !wanted.is_empty() {
        say(&format!(
            "{before:?} {runs:?}: {none} times no run succeeded, {one} times one, {more} times more"
        ));
    }
}

#[test]
fn two_plain_runs_make_one_output() {
    race(Before::Nothing, &[(Way::Plain, A, "nest/out"), (Way::Plain, B, "nest/out")]);
}

#[test]
fn a_plain_run_and_an_overwriting_one_make_one_output() {
    race(Before::Nothing, &[(Way::Plain, A, "nest/out"), (Way::Overwrite, B, "nest/out")]);
}

#[test]
fn two_overwriting_runs_make_one_output() {
    race(Before::Finished, &[(Way::Overwrite, A, "nest/out"), (Way::Overwrite, B, "nest/out")]);
}

#[test]
fn an_overwriting_run_and_a_resuming_one_make_one_output() {
    race(Before::Killed, &[(Way::Overwrite, A, "nest/out"), (Way::Resume, A, "nest/out")]);
    race(Before::KilledInCommit, &[(Way::Overwrite, B, "nest/out"), (Way::Resume, A, "nest/out")]);
}

#[test]
fn two_resuming_runs_make_one_output() {
    race(Before::Killed, &[(Way::Resume, A, "nest/out"), (Way::Resume, A, "nest/out")]);
}

#[test]
fn nested_runs_do_not_damage_each_other() {
    race(Before::Finished, &[(Way::Overwrite, A, "nest/out"), (Way::Plain, B, "nest/out/sub")]);
    race(Before::Nothing, &[(Way::Plain, A, "nest/out"), (Way::Plain, B, "nest/out/sub")]);
}

#[test]
fn three_runs_make_one_output() {
    let runs = [(Way::Plain, A, "nest/out"), (Way::Overwrite, B, "nest/out"), (Way::Resume, A, "nest/out")];
    race(Before::Nothing, &runs);
    race(Before::Killed, &[runs[1], runs[2], (Way::Overwrite, A, "nest/out")]);
}

/// A change that another program makes below an output folder.
type Change = fn(&Path);

const CHANGES: [(&str, Change); 10] = [
    ("folder removed", |out| drop(fs::remove_dir_all(out))),
    ("folder moved away", |out| drop(fs::rename(out, out.with_extension("moved")))),
    ("lock removed", |out| drop(fs::remove_file(out.join("_temporary/lock")))),
    ("temporary files removed", |out| drop(fs::remove_dir_all(out.join("_temporary")))),
    ("part removed", |out| drop(a_part(out).map(fs::remove_file))),
    ("part renamed", |out| drop(a_part(out).map(|part| fs::rename(&part, part.with_extension("old"))))),
    ("part cut", |out| drop(a_part(out).map(|part| fs::write(part, "A")))),
    ("part changed", |out| {
        drop(a_part(out).map(|part| fs::write(&part, fs::read(&part).unwrap().to_ascii_lowercase())));
    }),
    ("part added", |out| drop(fs::write(out.join("part-00007"), "x"))),
    // In an attempt's folder it could be a file of the mapper's.
    ("part added to a task", |out| {
        let committed = a_part(out).filter(|part| part.to_string_lossy().contains("/0/task_"));
        drop(committed.map(|part| fs::write(part.with_file_name("part-00007"), "x")));
    }),
];

/// A part file that is there, published or not.
fn a_part(out: &Path) -> Option<std::path::PathBuf> {
    let mut found = BTreeMap::new();
    crate::harness::collect_files(out, "", &mut found);
    found.into_keys().find(|name| name.contains("part-")).map(|name| out.join(name))
}

/// At each operation, or at `MRSTREAM_RACES` of them for each change.
#[test]
fn an_output_that_is_changed_while_a_job_runs_fails_or_is_right() {
    let race = Race::new(Before::Nothing, &[(Way::Plain, A, "nest/out")]);
    let mut random = Random::from_environment();
    let wanted = std::env::var("MRSTREAM_RACES").unwrap_or_default();
    let mut failed = BTreeMap::new();
    for (what, change) in CHANGES {
        let all = 1..=race.operations[0];
        let some = (0..wanted.parse().unwrap_or(4)).map(|_| 1 + random.below(race.operations[0]));
        let operations: Vec<_> = if wanted == "all" { all.collect() } else { some.collect() };
        for operation in operations {
            race.prepare();
            let out = race.dir.path("nest/out");
            let run = race.start(0, operation);
            let was_marked = out.join("_SUCCESS").exists();
            change(&out);
            run.go_on();
            let output = run.finish();
            *failed.entry(what).or_insert(0) += usize::from(output.code != Some(0));
            let mut found = race.files();
            found.retain(|name, _| !name.starts_with("out.moved/"));
            let where_ = format!("{what} at operation {operation}: {:?}\n{}", found.keys(), output.report());
            match output.code {
                // Once the marker stands over the complete output, a user may do with it what they like.
                Some(0) if was_marked => {}
                Some(0) => assert!(found == race.whole[0], "{where_}"),
                Some(1 | 5) => assert!(!found.contains_key("out/_SUCCESS"), "{where_}"),
                _ => panic!("{where_}"),
            }
            race.clear();
        }
    }
    assert!(failed.values().any(|count| *count > 0), "no change was found");
    if !wanted.is_empty() {
        say(&format!("failed, by change: {failed:?}"));
    }
}

/// Between the first look at the folder and the lock.
#[test]
fn a_folder_that_a_user_fills_before_it_is_locked_is_not_cleared() {
    let race = Race::new(Before::Nothing, &[(Way::Overwrite, A, "nest/out")]);
    race.prepare();
    fs::create_dir(race.dir.path("nest/out")).unwrap();
    let run = race.command(0).with("MRSTREAM_FAULT", "lock:1:stop").start();
    run.wait_until_stopped();
    race.dir.write("nest/out/notes.txt", "mine");
    run.go_on();
    run.finish().expect_code(5).expect_stderr(&["cannot overwrite nest/out: it is no output of a job"]);
    assert_eq!(race.files().into_keys().collect::<Vec<_>>(), ["out/notes.txt"]);
    race.dir.assert_clean();
}

#[test]
fn a_file_system_without_locks_is_refused_by_name() {
    let race = Race::new(Before::Nothing, &[(Way::Plain, A, "nest/out")]);
    race.prepare();
    let output = race.command(0).with("MRSTREAM_FAULT", "lock:1:ENOLCK").run();
    output.expect_code(5).expect_stderr(&["/nest/out/_temporary/lock", "has no locks", "on a local disk"]);
    assert!(race.files().is_empty());
    assert!(!race.dir.path("nest/out").exists());
    race.dir.assert_clean();
}

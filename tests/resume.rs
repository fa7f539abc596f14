//! Jobs that are killed: at each operation in turn and at random instants. Afterwards the output is whole or has no
//! `_SUCCESS`, a plain run names it, `-overwrite` clears it and `-resume` goes on with it, both to the bytes and
//! counters of a run that nobody disturbed, and nothing temporary is left.

use crate::harness::{JobDir, Output, say};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A job, and how its output looks when nobody disturbs it.
struct Case {
    dir: JobDir,
    args: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
    counters: Vec<u8>,
    took: Duration,
}

/// The shapes of jobs: their arguments but for input and output.
const MAP_ONLY: &str = "-mapper cat -reducer NONE";
const SIDE_FILES: &str = "-mapper ./side.sh -reducer NONE";
const IN_MEMORY: &str = "-mapper cat -reducer cat -numReduceTasks 3";
const SPILLING: &str = "-mapper cat -reducer cat -numReduceTasks 2 -D mrstream.memory.bytes=4096";
/// One slot: with two, a task can be done while another thread still writes its output out.
const WRITTEN_OUT: &str = "-mapper cat -reducer cat -numReduceTasks 2 -D mrstream.checkpoint.seconds=0 \
                           -D mrstream.map.slots=1 -D mrstream.reduce.slots=1";

/// Where a task commits, and where the job does.
const TASK_COMMITS: &str = "kill:_temporary/0/task_";
const JOB_COMMITS: &str = "rename:1:kill:out/part-";

impl Case {
    fn new(shape: &str) -> Self {
        Self::with(shape, |_| {})
    }

    /// A case that needs more files.
    fn with(shape: &str, prepare: impl Fn(&JobDir)) -> Self {
        let dir = JobDir::new();
        prepare(&dir);
        for file in 0..4 {
            let lines = (0..150).map(|line| format!("{}\t{file}-{line}\n", (line * 7919 + file * 31) % 97));
            dir.write(&format!("in/{file}.txt"), lines.collect::<String>());
        }
        dir.script(
            "side.sh",
            "#!/bin/sh\nout=${mapreduce_task_output_dir#file:}; mkdir -p \"$out/deep\"\n\
             echo side > \"$out/deep/side-$mapreduce_task_partition\"\nexec cat\n",
        );
        let args = format!("-input in -output out -counters-json counters.json -verbose {shape}");
        let args = args.split_whitespace().map(str::to_owned).collect();
        let mut case = Self { dir, args, files: BTreeMap::new(), counters: Vec::new(), took: Duration::ZERO };
        let began = Instant::now();
        case.run(&[]).expect_code(0);
        case.took = began.elapsed();
        case.files = case.dir.files("out");
        case.counters = fs::read(case.dir.path("counters.json")).unwrap();
        case.clear();
        case
    }

    fn clear(&self) {
        for name in ["out", "counters.json"] {
            let path = self.dir.path(name);
            let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            assert!(removed.is_ok() || name == "counters.json");
        }
    }

    fn run(&self, more: &[&str]) -> Output {
        let args: Vec<&str> = self.args.iter().map(String::as_str).chain(more.iter().copied()).collect();
        self.dir.command(&args).run()
    }

    /// Runs the job until a rule of `src/fault.rs` strikes.
    fn run_to(&self, rule: &str, more: &[&str]) -> Output {
        let args: Vec<&str> = self.args.iter().map(String::as_str).chain(more.iter().copied()).collect();
        self.dir.command(&args).with("MRSTREAM_FAULT", rule).run()
    }

    /// The output is that of a run that nobody disturbed, and nothing is left besides.
    #[track_caller]
    fn assert_reference(&self, what: &str) {
        assert_eq!(names(&self.dir.files("out")), names(&self.files), "{what}");
        assert!(self.dir.files("out") == self.files, "{what}: other bytes");
        let counters = fs::read(self.dir.path("counters.json")).unwrap();
        assert_eq!(steady(&counters), steady(&self.counters), "{what}");
        self.dir.assert_clean();
    }

    fn has(&self, name: &str) -> bool {
        self.dir.path(name).symlink_metadata().is_ok()
    }

    /// Nothing is left to be done by anybody.
    fn is_over(&self) -> bool {
        self.has("out/_SUCCESS") && !self.has("out/_temporary/journal")
    }

    /// What a killed run left is finished or does not look so, and a plain run says what to do about it. True if there
    /// is anything.
    #[track_caller]
    fn check_left(&self, what: &str) -> bool {
        if self.has("out/_SUCCESS") {
            let mut files = self.dir.files("out");
            files.retain(|name, _| !name.starts_with("_temporary/"));
            assert!(files == self.files, "{what}: _SUCCESS over {:?}", names(&files));
        }
        if !self.has("out") {
            return false;
        }
        let output = self.run(&[]).expect_code(5).expect_stderr(&["Output directory out already exists"]);
        if self.has("out/_temporary/journal") && !self.has("out/_SUCCESS") {
            output.expect_stderr(&["killed at 2", "continue it with -resume, or clear it with -overwrite"]);
        }
        true
    }
}

/// Counters but for the one that says how often records went to disk: merges write them again, and how many there are
/// depends on which map output was written out together.
fn steady(counters: &[u8]) -> String {
    let all = String::from_utf8_lossy(counters);
    all.lines().filter(|line| !line.contains("Spilled Records")).collect()
}

/// The names of files.
fn names(files: &BTreeMap<String, Vec<u8>>) -> Vec<&String> {
    files.keys().collect()
}

/// The attempts that a run with `-verbose` finished.
fn finished(output: &Output) -> BTreeSet<String> {
    let done = output.stderr.lines().filter_map(|line| line.trim().strip_suffix(" is done"));
    let task =
        |attempt: &str| attempt.rsplit_once('_').map(|(task, _)| task.split_once('_').unwrap().1.to_owned());
    done.filter_map(task).collect()
}

/// Kills the job at the operations of these numbers, counted from 1, and goes on from there in each of both ways.
/// Returns false once the job ends before.
fn check_kill(case: &Case, number: usize, repeats_maps: bool) -> bool {
    let rule = format!("all:{number}:kill");
    for way in ["-overwrite", "-resume"] {
        let killed = case.run_to(&rule, &[]);
        if killed.code == Some(0) {
            case.clear();
            return false;
        }
        assert_eq!(killed.code, None, "{}", killed.report());
        let what = format!("killed at operation {number}, then {way}");
        case.check_left(&what);
        if case.is_over() {
            // It was killed after its end.
            case.clear();
            sweep(case);
            continue;
        }
        let output = case.run(&[way]).expect_code(0);
        if way == "-resume" {
            let mut before = finished(&killed);
            before.retain(|task| !repeats_maps || task.contains("_r_"));
            let again: Vec<_> = before.intersection(&finished(&output)).cloned().collect();
            assert!(again.is_empty(), "{what}: done twice: {again:?}\n{}", output.report());
        }
        // Before there was a journal, nobody knows what there is in the temp folder.
        case.assert_reference(&what);
        case.clear();
    }
    true
}

/// Removes what a run left that was killed when it had nothing more to say.
fn sweep(case: &Case) {
    let left: Vec<PathBuf> =
        fs::read_dir(case.dir.beside("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "a finished run left {left:?}");
}

/// Kills the job at every so manieth operation; all of them by `MRSTREAM_KILLS=all`.
fn kill_at_operations(shape: &str, first: usize, repeats_maps: bool) {
    let case = Case::new(shape);
    let step = if std::env::var_os("MRSTREAM_KILLS").is_some() { 1 } else { 13 };
    let mut number = first;
    while check_kill(&case, number, repeats_maps) {
        number += step;
    }
    assert!(number > 60, "only {number} operations");
}

#[test]
fn a_map_only_job_is_killed_at_each_operation() {
    kill_at_operations(MAP_ONLY, 1, false);
}

#[test]
fn a_job_with_side_files_is_killed_at_each_operation() {
    kill_at_operations(SIDE_FILES, 4, false);
}

#[test]
fn a_job_in_memory_is_killed_at_each_operation() {
    kill_at_operations(IN_MEMORY, 7, true);
}

#[test]
fn a_spilling_job_is_killed_at_each_operation() {
    kill_at_operations(SPILLING, 10, true);
}

#[test]
fn a_job_whose_map_output_is_written_out_is_killed_at_each_operation() {
    kill_at_operations(WRITTEN_OUT, 13, false);
}

/// Who is killed: mr-stream, a child of it, or its process group.
const VICTIMS: [(&str, &str); 3] =
    [("mr-stream", "kill -9 $$"), ("a child", KILL_A_CHILD), ("the group", "kill -9 -$$")];
/// Children are known by their program; the guard and the shell that kills are no such. They are over too soon for
/// an instant to be chosen beforehand: the one to be killed is chosen, and dies when it is seen.
const KILL_A_CHILD: &str = "while kill -0 $$; do for file in /proc/$$/task/*/children; do read children < $file; \
                            for child in $children; do read name < /proc/$child/comm; \
                            case \"$name $seen \" in \"cat \"*\" $child \"*) ;; \"cat \"*) \
                            seen=\"$seen $child\"; number=$((number + 1)); \
                            [ $number = CHOSEN ] && kill -9 $child && exit ;; esac; done; done; done";
/// Children of a job, of which one is chosen; some jobs have fewer.
const CHILDREN: f64 = 6.0;

/// Kills somebody when a part of the job's time is over, or of its children. False if nobody was there to be killed.
fn kill_after(case: &Case, part: f64, victim: &str) -> bool {
    let pause = if victim == KILL_A_CHILD { 0.0 } else { case.took.mul_f64(part).as_secs_f64() };
    let victim = victim.replace("CHOSEN", &(1.0 + part * CHILDREN).floor().to_string());
    // The shell that becomes mr-stream leaves somebody behind who kills.
    let killer = format!("(sleep {pause}; {victim}) > /dev/null 2>&1 &");
    let run = case.dir.command(&case.args).after(&killer).run();
    match run.code {
        None => {}
        Some(0) => case.assert_reference("nobody was hit"),
        // The attempt whose child it was failed, and with it the job.
        Some(1) => case.dir.assert_no_output(),
        Some(_) => panic!("{}", run.report()),
    }
    run.code != Some(0)
}

/// Random instants: 3, or `MRSTREAM_KILL_CASES`, for each shape, in turn for each victim; `MRSTREAM_TEST_SEED` says
/// which.
#[test]
fn jobs_are_killed_at_random_instants() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let cases = number("MRSTREAM_KILL_CASES").unwrap_or(3);
    let seed = number("MRSTREAM_TEST_SEED").unwrap_or(1);
    let mut killed = BTreeMap::new();
    for (shape, slots) in [(MAP_ONLY, 0), (SIDE_FILES, 1), (IN_MEMORY, 2), (SPILLING, 3), (WRITTEN_OUT, 4)] {
        let case = Case::new(shape);
        for number in 0..cases {
            // splitmix64
            let mut random = (seed << 32 | slots << 24 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            random = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let after = (random >> 40) as f64 / f64::from(1 << 24);
            let (victim, kill) = VICTIMS[number as usize % VICTIMS.len()];
            for way in ["-overwrite", "-resume"] {
                let what = format!(
                    "{shape}: {victim} after {after} of it (seed {seed}, number {number}), then {way}"
                );
                let hit = kill_after(&case, after, kill);
                *killed.entry((victim, hit)).or_insert(0_u64) += 1;
                if hit {
                    case.check_left(&what);
                }
                if hit && !case.is_over() {
                    case.run(&[way]).expect_code(0);
                    case.assert_reference(&what);
                }
                case.clear();
            }
        }
    }
    assert!(killed.keys().any(|(_, hit)| *hit), "nobody was killed");
    if cases > 3 {
        say(&format!("killed at random instants (who, hit): {killed:?}"));
    }
}

/// Kills the job where its second task with files commits, changes something, and goes on. `repeated` of the tasks
/// that were done are done again.
#[track_caller]
fn check_damage(shape: &str, damage: impl Fn(&Case), repeated: &[&str]) {
    let case = Case::new(shape);
    let killed = case.run_to(&format!("rename:2:{TASK_COMMITS}"), &[]);
    assert_eq!(killed.code, None, "{}", killed.report());
    damage(&case);
    let output = case.run(&["-resume"]).expect_code(0);
    let (before, now) = (finished(&killed), finished(&output));
    let again: Vec<_> = before.intersection(&now).map(|task| task.split_once('_').unwrap().1).collect();
    assert_eq!(
        again.iter().map(|task| task.split_once('_').unwrap().1).collect::<Vec<_>>(),
        repeated,
        "{}",
        output.report()
    );
    case.assert_reference(shape);
}

/// What failed counts as in a run that nobody disturbed, and what was given up is not tried again, though it might do
/// now: reduces that are done lack its records.
#[test]
fn failed_attempts_and_tasks_given_up_are_known_to_who_goes_on() {
    let fails = "-mapper ./fails.sh -reducer cat -numReduceTasks 3 -D mapreduce.map.maxattempts=2 \
                 -D mapreduce.map.failures.maxpercent=25 -D mrstream.checkpoint.seconds=0 \
                 -D mrstream.map.slots=1 -D mrstream.reduce.slots=1";
    let case = Case::with(fails, |dir| {
        let lines = "#!/bin/sh\n[ -e healed ] && exec cat\ncase $mapreduce_task_attempt_id in\n\
                     *_m_000000_0 | *_m_000002_?) exit 1\nesac\nexec cat\n";
        dir.script("fails.sh", lines);
    });
    let counters = String::from_utf8_lossy(&case.counters);
    assert!(counters.contains("\"Failed map tasks\": 3"), "{counters}");
    let killed = case.run_to(&format!("rename:2:{TASK_COMMITS}"), &[]);
    assert_eq!(killed.code, None, "{}", killed.report());
    case.dir.write("healed", "");
    let output =
        case.run(&["-resume"]).expect_code(0).expect_stderr(&["Continuing: 3 of 4 map tasks and 1 of 3"]);
    assert!(finished(&output).iter().all(|task| task.contains("_r_")), "{}", output.report());
    case.assert_reference(fails);
}

/// The files below a folder whose paths hold a text.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = BTreeMap::new();
    crate::harness::collect_files(folder, "", &mut found);
    found.into_keys().filter(|name| name.contains(text)).map(|name| folder.join(name)).collect()
}

fn flip_a_bit(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_is_damaged_is_done_again() {
    let one_slot = format!("{MAP_ONLY} -D mrstream.map.slots=1");
    let part = |case: &Case| files_with(&case.dir.path("out"), "0/task_").remove(0);
    check_damage(&one_slot, |_| {}, &[]);
    check_damage(&one_slot, |case| flip_a_bit(&part(case)), &["m_000000"]);
    check_damage(&one_slot, |case| fs::remove_file(part(case)).unwrap(), &["m_000000"]);
    check_damage(WRITTEN_OUT, |_| {}, &[]);
    let maps = ["m_000000", "m_000001", "m_000002", "m_000003"];
    let spills = |case: &Case| files_with(&case.dir.beside("tmp"), "held_");
    check_damage(WRITTEN_OUT, |case| flip_a_bit(&spills(case)[1]), &maps[1..2]);
    check_damage(WRITTEN_OUT, |case| fs::remove_file(&spills(case)[3]).unwrap(), &maps[3..]);
    check_damage(
        WRITTEN_OUT,
        |case| {
            for folder in fs::read_dir(case.dir.beside("tmp")).unwrap() {
                fs::remove_dir_all(folder.unwrap().path()).unwrap();
            }
        },
        &maps,
    );
}

#[test]
fn a_torn_journal_counts_as_far_as_it_is_whole() {
    let case = Case::new(MAP_ONLY);
    for part in 0..8 {
        let killed = case.run_to(&format!("rename:4:{TASK_COMMITS}"), &[]);
        assert_eq!(killed.code, None, "{}", killed.report());
        let journal = case.dir.path("out/_temporary/journal");
        let length = journal.metadata().unwrap().len();
        fs::OpenOptions::new().write(true).open(&journal).unwrap().set_len(length * part / 8).unwrap();
        case.check_left("torn");
        // A kill cannot tear its beginning, which names the temp folders; without that they are nobody's.
        for folder in fs::read_dir(case.dir.beside("tmp")).unwrap() {
            fs::remove_dir_all(folder.unwrap().path()).unwrap();
        }
        case.run(&["-resume"]).expect_code(0);
        case.assert_reference(&format!("torn at {part} eighths"));
        case.clear();
    }
}

/// A power cut can do this; the parts that were published may not be all of them.
#[test]
fn a_commit_whose_journal_is_lost_is_unfinished() {
    for shape in [MAP_ONLY, SIDE_FILES] {
        let case = Case::new(shape);
        for length in [0, 40] {
            for way in ["-resume", "-overwrite"] {
                assert_eq!(case.run_to(&JOB_COMMITS.replace(":1:", ":2:"), &[]).code, None);
                let journal = case.dir.path("out/_temporary/journal");
                fs::OpenOptions::new().write(true).open(&journal).unwrap().set_len(length).unwrap();
                case.dir.wait_until_clean();
                case.run(&[]).expect_code(5).expect_stderr(&["killed at 2", "continue it with -resume"]);
                case.run(&[way]).expect_code(0);
                case.assert_reference(&format!("{shape}: journal of {length} bytes, then {way}"));
                case.clear();
            }
        }
    }
}

/// Kills a job, changes what `change` says, and expects that `-resume` is refused with these words and leaves all
/// as it is.
#[track_caller]
fn check_refused(change: impl Fn(&Case), more: &[&str], says: &[&str]) {
    let case = Case::new(IN_MEMORY);
    let killed = case.run_to(&format!("rename:2:{TASK_COMMITS}"), &[]);
    assert_eq!(killed.code, None, "{}", killed.report());
    change(&case);
    let before = case.dir.files("out");
    case.run(&[&["-resume"], more].concat()).expect_code(5).expect_stderr(says);
    assert!(before == case.dir.files("out"), "a refused run changes nothing");
    case.run(&["-overwrite"]).expect_code(0);
    case.dir.assert_clean();
}

#[test]
fn another_job_is_no_continuation() {
    let touch = |case: &Case| {
        let path = case.dir.path("in/2.txt");
        let later = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        fs::File::options().append(true).open(path).unwrap().set_modified(later).unwrap();
    };
    check_refused(touch, &[], &["cannot continue", "input ", "in/2.txt was ", "changed at 1000000000"]);
    let grow = |case: &Case| fs::write(case.dir.path("in/1.txt"), "one\n").unwrap();
    check_refused(grow, &[], &["in/1.txt was ", "is 4 bytes"]);
    let add = |case: &Case| {
        case.dir.write("in/new.txt", "one\n");
    };
    check_refused(add, &[], &["in/new.txt was not there"]);
    let other_build = |case: &Case| {
        let path = case.dir.path("out/_temporary/journal");
        let mut bytes = fs::read(&path).unwrap();
        // Behind the length of the first document and its magic.
        bytes[12] ^= 0x40;
        fs::write(path, bytes).unwrap();
    };
    check_refused(other_build, &[], &["the version of mr-stream's documents was ", "-overwrite"]);
    check_refused(|_| {}, &["-D", "x=y"], &["property x was not there and is \"y\""]);
    check_refused(|_| {}, &["-cmdenv", "X=y"], &["property stream.addenvironment was"]);
}

#[test]
fn there_may_be_nothing_to_continue() {
    let case = Case::new(MAP_ONLY);
    // Whoever always says -resume can begin with it.
    case.run(&["-resume"]).expect_code(0);
    case.assert_reference("begun with -resume");
    case.run(&["-resume"]).expect_code(5).expect_stderr(&["it is finished, there is nothing to continue"]);
    case.assert_reference("finished");
    case.clear();
    fs::create_dir(case.dir.path("out")).unwrap();
    case.run(&["-resume"]).expect_code(0);
    case.assert_reference("an empty folder");
    case.clear();
    case.dir.write("out/notes.txt", "mine");
    case.run(&["-resume"]).expect_code(5).expect_stderr(&["already exists"]);
    case.run(&["-resume", "-overwrite"]).expect_code(1).expect_stderr(&["-resume and -overwrite"]);
    assert_eq!(case.dir.files("out").len(), 1);
}

#[test]
fn a_job_that_was_killed_while_it_committed_is_ended() {
    for (shape, changed) in [(MAP_ONLY, false), (SIDE_FILES, false), (IN_MEMORY, false), (MAP_ONLY, true)] {
        let case = Case::new(shape);
        let rule = JOB_COMMITS.replace(":1:", ":2:");
        assert_eq!(case.run_to(&rule, &[]).code, None);
        assert!(case.has("out/part-00000") && !case.has("out/_SUCCESS"));
        if changed {
            // What is in its place already may be somebody's work.
            case.dir.write("out/part-00000", "mine");
            let says = ["the output file part-00000 was whole and is changed"];
            case.run(&["-resume"]).expect_code(5).expect_stderr(&says);
            assert_eq!(case.dir.files("out")["part-00000"], b"mine");
            continue;
        }
        let output = case.run(&["-resume"]).expect_code(0);
        assert!(finished(&output).is_empty(), "{}", output.report());
        case.assert_reference(shape);
    }
}

#[test]
fn a_run_that_goes_on_can_be_killed_too() {
    for shape in [MAP_ONLY, WRITTEN_OUT, IN_MEMORY] {
        let case = Case::new(shape);
        // Each gets a little further.
        let numbers = (0..60).map(|kill| 40 + 25 * kill);
        let ended =
            numbers.map(|number| case.run_to(&format!("all:{number}:kill"), &["-resume"])).find(|run| {
                assert!(matches!(run.code, None | Some(0)), "{shape}: {}", run.report());
                run.code.is_some() || case.is_over()
            });
        // Who was killed after its end has not written its counters.
        match ended.expect("some run ends").code {
            Some(_) => case.assert_reference(shape),
            None => assert!(case.check_left(shape), "{shape}: nothing is left"),
        }
    }
}

#[test]
fn a_stopped_run_with_resume_keeps_what_is_done() {
    // All map output of the second one is on disk when its first reduce commits.
    for (shape, number) in [(MAP_ONLY, 2), (WRITTEN_OUT, 1)] {
        let case = Case::new(shape);
        let rule = format!("rename:{number}:{}", TASK_COMMITS.replace("kill", "term"));
        let stopped = case.run_to(&rule, &["-resume"]);
        if stopped.code != Some(0) {
            let says = ["unfinished: the same command with -resume goes on with it"];
            let stopped = stopped.expect_code(143).expect_stderr(&says);
            let output = case.run(&["-resume"]).expect_code(0);
            let (before, now) = (finished(&stopped), finished(&output));
            let again: Vec<_> = before.intersection(&now).collect();
            assert!(again.is_empty(), "done twice: {again:?}\n{}", output.report());
        }
        case.assert_reference(shape);
        case.clear();
        // Without it all is removed, as ever.
        let stopped = case.run_to(&rule, &[]);
        if stopped.code != Some(0) {
            stopped.expect_code(143);
            case.dir.assert_no_output();
        }
    }
}

#[test]
fn two_runs_do_not_write_into_one_folder() {
    let dir = JobDir::new();
    dir.write("in/a.txt", "one\n");
    // The mapper runs the same job again, in all ways, and says what came of it.
    let program = env!("CARGO_BIN_EXE_mr-stream");
    let args = "-input in -output out -mapper ./again.sh -reducer NONE";
    let again = format!(
        "#!/bin/sh\ncat > /dev/null\nfor way in -background -overwrite -resume; do\n  {program} {args} $way 2>&1 | \
         sed -n 's/^mr-stream: //p'\ndone\n"
    );
    dir.script("again.sh", &again);
    dir.run(args).expect_code(0);
    let said = String::from_utf8(dir.parts_joined()).unwrap();
    let refusal = "Output directory out already exists: another mr-stream is writing into it\t\n";
    assert_eq!(said, refusal.repeat(3));
    dir.assert_clean();
}

/// Whoever clears a finished output and is killed on the way leaves nothing that looks finished and is not.
#[test]
fn an_output_that_is_cleared_does_not_look_finished() {
    // One of its files comes before the marker by name.
    let side = "#!/bin/sh\nout=${mapreduce_task_output_dir#file:}; mkdir -p \"$out\"\n\
                echo side > \"$out/0-side-$mapreduce_task_partition\"\nexec cat\n";
    let case = Case::with("-mapper ./first.sh -reducer NONE", |dir| {
        dir.script("first.sh", side);
    });
    assert!(case.files.contains_key("0-side-0"), "{:?}", names(&case.files));
    for number in 1.. {
        case.run(&[]).expect_code(0);
        let killed = case.run_to(&format!("remove:{number}:kill:/out/"), &["-overwrite"]);
        let what = format!("killed at removal {number} of an output");
        if killed.code == Some(0) {
            assert!(number > 4, "only {number} removals");
            break;
        }
        case.check_left(&what);
        if !case.is_over() {
            case.run(&["-overwrite"]).expect_code(0);
        }
        let mut files = case.dir.files("out");
        // The last trace of a run may outlive it.
        files.retain(|name, _| !name.starts_with("_temporary/"));
        assert!(files == case.files, "{what}: {:?}", names(&files));
        case.clear();
    }
}

/// Puts something in the place of a file. False where the system does not allow it.
type Plant = fn(&Path) -> bool;

/// Whoever may write where the output stands can put anything in the place of what a run after a kill reads first.
#[test]
fn what_is_planted_is_neither_followed_nor_waited_for() {
    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
    let kinds: [(&str, Plant); 6] = [
        ("a pipe", |path| mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).is_ok()),
        ("a folder", |path| fs::create_dir(path).is_ok()),
        ("a link", |path| std::os::unix::fs::symlink("../../precious/file", path).is_ok()),
        ("a link to a folder", |path| std::os::unix::fs::symlink("../../precious", path).is_ok()),
        // An endless one, which only root can make.
        ("a device", |path| mknodat(CWD, path, FileType::CharacterDevice, Mode::RWXU, makedev(1, 5)).is_ok()),
        // As the killed run left it, if it did.
        ("another user's file", |path| {
            let job = path.parent().unwrap().join("../..");
            fs::copy(job.join("moved"), path).or_else(|_| fs::write(path, "x").map(|()| 1)).unwrap();
            std::os::unix::fs::chown(path, Some(12_345), None).is_ok()
        }),
    ];
    for (place, (kind, plant)) in ["journal", "lock", "journal.next", "0"]
        .into_iter()
        .flat_map(|place| kinds.iter().map(move |kind| (place, kind)))
    {
        for way in ["-resume", "-overwrite"] {
            let case = Case::new(MAP_ONLY);
            let killed = case.run_to(&format!("rename:2:{TASK_COMMITS}"), &[]);
            assert_eq!(killed.code, None, "{}", killed.report());
            case.dir.write("precious/file", "precious").write("precious/deep/file", "precious");
            let path = case.dir.path("out/_temporary").join(place);
            // What the killed run left there.
            fs::rename(&path, case.dir.path("moved")).ok();
            if !plant(&path) {
                say(&format!("SKIPPED for want of privileges: {kind} in the place of a journal"));
                continue;
            }
            let what = format!("{kind} in the place of {place}, then {way}");
            let output = case.run(&[way]);
            assert!(matches!(output.code, Some(0 | 1 | 5)), "{what}\n{}", output.report());
            let is_believed = output.stderr.contains("Continuing: ");
            assert!(place != "journal" || !is_believed, "{what}\n{}", output.report());
            assert!(!output.stderr.contains("panicked"), "{what}\n{}", output.report());
            assert_eq!(names(&case.dir.files("precious")), ["deep/file", "file"], "{what}");
            assert!(case.dir.files("precious").values().all(|bytes| bytes == b"precious"), "{what}");
            if output.code == Some(0) {
                assert!(case.dir.files("out") == case.files, "{what}\n{}", output.report());
            }
        }
    }
}

#[test]
fn only_the_output_of_a_job_is_overwritten() {
    let args = "-input in -output out -mapper cat -overwrite";
    let check = |prepare: &dyn Fn(&JobDir), args: &str, says: &[&str]| {
        let dir = JobDir::new();
        dir.write("in/a.txt", "one\n");
        prepare(&dir);
        let before = dir.files(".");
        let output = dir.run(args);
        if says.is_empty() {
            output.expect_code(0);
            let found = dir.files("out");
            assert_eq!(names(&found), ["_SUCCESS", "part-00000"]);
        } else {
            output.expect_code(5).expect_stderr(says);
            assert!(dir.files(".") == before, "{says:?}: something is gone");
        }
        dir.assert_clean();
    };
    let write = |files: &'static [&'static str]| {
        move |dir: &JobDir| {
            for file in files {
                dir.write(file, "precious");
            }
        }
    };
    check(&|_| {}, args, &[]);
    check(&|dir| fs::create_dir(dir.path("out")).unwrap(), args, &[]);
    check(&write(&["out/_SUCCESS", "out/part-00007", "out/deep/side"]), args, &[]);
    check(&write(&["out/part-00000", "out/part-00001"]), args, &[]);
    check(&write(&["out/_temporary/0/task_1/part-00000"]), args, &[]);
    check(&write(&["out/notes.txt"]), args, &["cannot overwrite out: it is no output of a job"]);
    check(&write(&["out"]), args, &["cannot overwrite out"]);
    check(
        &|dir| std::os::unix::fs::symlink("in/a.txt", dir.path("out")).unwrap(),
        args,
        &["cannot overwrite out"],
    );
    let link = |dir: &JobDir| {
        dir.write("precious/file", "precious");
        fs::create_dir(dir.path("out")).unwrap();
        std::os::unix::fs::symlink("../precious", dir.path("out/_temporary")).unwrap();
    };
    check(&link, args, &["cannot overwrite out: it is no output of a job"]);
    check(&link, &args.replace("-overwrite", "-resume"), &["Output directory out already exists"]);
    // What the job needs, or the user.
    let own = "-input out -output out -mapper cat -overwrite";
    check(&write(&["out/_SUCCESS", "out/part-00000"]), own, &["cannot overwrite out: input ", "is in it"]);
    let inside = "-input in/deep/a.txt -output in -mapper cat -overwrite";
    check(&write(&["in/_SUCCESS", "in/deep/a.txt"]), inside, &["cannot overwrite in: input"]);
    let shipped = "-files out/list -input in -output out -mapper cat -overwrite";
    check(&write(&["out/_SUCCESS", "out/list"]), shipped, &["cannot overwrite out: shipped file"]);
    check(&write(&["_SUCCESS"]), "-input in -output . -mapper cat -overwrite", &["the current folder"]);
    check(&|_| {}, "-input in -output / -mapper cat -overwrite", &["cannot overwrite /"]);
    // Nothing is cleared for a job that cannot begin.
    let gone = "-input gone -output out -mapper cat -overwrite";
    check(&write(&["out/_SUCCESS", "out/part-00000"]), gone, &["gone"]);
}

#[test]
fn a_journal_is_private_and_one_of_hadoop_s_folders_is_named() {
    let case = Case::new(MAP_ONLY);
    assert_eq!(case.run_to(JOB_COMMITS, &[]).code, None);
    let mode = case.dir.path("out/_temporary/journal").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    case.clear();
    for folder in fs::read_dir(case.dir.beside("tmp")).unwrap() {
        fs::remove_dir_all(folder.unwrap().path()).unwrap();
    }
    case.dir.write("out/_temporary/0/_temporary/attempt_1/part-00000", "half");
    case.run(&[]).expect_code(5).expect_stderr(&["killed at", "-overwrite"]);
    case.run(&["-overwrite"]).expect_code(0);
    case.assert_reference("over Hadoop's");
    let marker = case.dir.path("out/_SUCCESS").metadata().unwrap();
    assert_eq!(marker.size(), 0);
}

/// Runs a job that is killed before its second task commits, with these variables; then resumes it with others, and
/// other options. A variable that is given twice has its last value.
#[track_caller]
fn check_variables(changed: &[(&str, &str)], options: &str, code: i32, says: &str) {
    let dir = JobDir::new();
    for file in 0..4 {
        dir.write(&format!("in/{file}.txt"), "line\n");
    }
    let run = |more: &str, variables: &[(&str, &str)]| {
        let words = format!("-input in -output out -mapper cat -numReduceTasks 0 {more}");
        let command = dir.command(&words.split_whitespace().collect::<Vec<_>>());
        let given = [("FACTOR", "hunter2"), ("PYTHONHASHSEED", "1"), ("TERM", "vt100")];
        let all = given.iter().chain(variables);
        all.fold(command, |command, (name, value)| command.with(name, *value)).run()
    };
    let rule = ("MRSTREAM_FAULT", "rename:2:kill:_temporary/0/task_");
    let killed = run("-cmdenv KEY=hunter2", &[rule]);
    assert_eq!(killed.code, None, "{}", killed.report());
    dir.wait_until_clean();
    let journal = fs::read(dir.path("out/_temporary/journal")).unwrap();
    assert!(memchr::memmem::find(&journal, b"hunter2").is_none(), "values are in the journal");
    let output = run(&format!("{options} -resume"), changed).expect_code(code).expect_stderr(&[says]);
    let warns = says.contains("WARN -resume");
    assert_eq!(output.stderr.contains("WARN -resume"), warns, "{}", output.report());
}

#[test]
fn changed_variables_are_refused_or_named() {
    let same = "-cmdenv KEY=hunter2";
    check_variables(&[], same, 0, "completed successfully");
    check_variables(&[("TERM", "xterm"), ("SSH_TTY", "/dev/pts/1")], same, 0, "completed successfully");
    let warning = |names: &str| {
        format!(
            "WARN -resume: not as in the run that began this output: {names}; if the programs use them, start again \
             with -overwrite"
        )
    };
    check_variables(&[("FACTOR", "3"), ("EXTRA", "")], same, 0, &warning("EXTRA, FACTOR"));
    check_variables(&[("PYTHONHASHSEED", "2")], same, 5, "variable PYTHONHASHSEED was a value with hash ");
    check_variables(&[("LC_ALL", "C")], same, 5, "variable LC_ALL was not there and is \"C\" now");
    check_variables(&[], "-cmdenv KEY=3", 5, "property stream.addenvironment was a value with hash ");
}

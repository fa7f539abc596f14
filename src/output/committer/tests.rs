use super::*;
use crate::output::journal::Fact;
use crate::output::manifest::Stamp;
use crate::output::tests::spec;
use std::fs;
use std::os::unix::fs::symlink;

fn job() -> JobId {
    JobId { stamp: "local1".into(), number: 1 }
}

fn setup(spec: &OutputSpec) -> Result<JobCommitter, CommitError> {
    begin(spec).map(|(committer, _)| committer)
}

fn begin(spec: &OutputSpec) -> Result<(JobCommitter, Option<Earlier>), CommitError> {
    begin_with(spec, Vec::new())
}

fn begin_with(spec: &OutputSpec, facts: Vec<Fact>) -> Result<(JobCommitter, Option<Earlier>), CommitError> {
    let made = Vec::new();
    let (scratch_prefix, local_dirs) = ("mr-stream-test-".to_owned(), Vec::new());
    let run = Begun { job: job(), scratch_prefix, local_dirs, made, clears: false, cuts: None, facts };
    JobCommitter::setup(spec, run, |_| {})
}

fn attempt(number: u32, attempt: u32) -> AttemptId {
    AttemptId { task: TaskId::map(number), attempt }
}

fn text(out: &Path) -> OutputSpec {
    spec(OutputFormat::Text, out)
}

/// Writes files (`path=content`) as an attempt.
fn write(committer: &JobCommitter, attempt: AttemptId, files: &[&str]) {
    for file in files {
        let (path, content) = file.split_once('=').unwrap();
        let path = committer.attempt_dir(attempt).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// Everything below `folder`, as `path=content` or `path/`, by name.
fn tree(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for (name, kind) in entries(folder).unwrap() {
            let name = format!("{prefix}{}", name.to_str().unwrap());
            let path = folder.join(name.rsplit('/').next().unwrap());
            if kind.is_dir() {
                found.push(format!("{name}/"));
                walk(&path, &format!("{name}/"), found);
            } else {
                found.push(format!("{name}={}", fs::read_to_string(path).unwrap_or_default()));
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found
}

/// Commits one attempt of each task and expects this output folder.
fn check(tasks: &[&[&str]], expect: &[&str]) {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let mut committer = setup(&text(&out)).unwrap();
    for (number, files) in tasks.iter().enumerate() {
        let attempt = attempt(number as u32, 0);
        write(&committer, attempt, files);
        committer.commit_task(attempt, Vec::new()).unwrap();
    }
    committer.commit_job().unwrap();
    assert_eq!(tree(&out), expect, "{tasks:?}");
}

#[test]
fn the_files_of_all_tasks_are_published() {
    check(&[], &["_SUCCESS="]);
    check(&[&["part-00000=a"], &[], &["part-00002=c"]], &["_SUCCESS=", "part-00000=a", "part-00002=c"]);
    check(&[&[".side=s", "_log=l"]], &[".side=s", "_SUCCESS=", "_log=l"]);
    check(&[&["in/a=1"], &["in/b=2"]], &["_SUCCESS=", "in/", "in/a=1", "in/b=2"]);
    check(&[&["in/a=1"], &["in/a=2"]], &["_SUCCESS=", "in/", "in/a=2"]);
    check(&[&["in/a/b=1"], &["in/a=2"]], &["_SUCCESS=", "in/", "in/a=2"]);
    check(&[&["in=1"], &["in/a=2"]], &["_SUCCESS=", "in/", "in/a=2"]);
    check(
        &[&["part-00000/data=d", "part-00000/index=i"]],
        &["_SUCCESS=", "part-00000/", "part-00000/data=d", "part-00000/index=i"],
    );
}

#[test]
fn one_attempt_of_a_task_counts() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let mut committer = setup(&text(&out)).unwrap();
    for (number, content) in [(0, "part=lost"), (1, "part=old"), (2, "part=new")] {
        write(&committer, attempt(7, number), &[content]);
    }
    committer.abort_task(attempt(7, 0)).unwrap();
    committer.abort_task(attempt(7, 0)).unwrap();
    // As a task process does, which has only the plan.
    let elsewhere = JobCommitter::of(&text(&out), &job());
    elsewhere.commit_task(attempt(7, 1), Vec::new()).unwrap();
    elsewhere.commit_task(attempt(7, 2), Vec::new()).unwrap();
    let waiting = out.join("_temporary/0/task_local1_0001_m_000007/part");
    assert_eq!(fs::read_to_string(waiting).unwrap(), "new");
    committer.expect_files(TaskId::map(7), elsewhere.files_of(TaskId::map(7)));
    // Never committed, so never seen.
    write(&committer, attempt(8, 0), &["part-8=x"]);
    committer.commit_job().unwrap();
    assert_eq!(tree(&out), ["_SUCCESS=", "part=new"]);
}

#[test]
fn a_marker_is_only_written_on_request() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let spec = OutputSpec { success_marker: false, ..text(&out) };
    setup(&spec).unwrap().commit_job().unwrap();
    assert_eq!(tree(root.path()), ["out/"]);
}

#[test]
fn an_output_that_exists_is_refused_and_kept() {
    let root = tempfile::tempdir().unwrap();
    let (folder, file, link) = (root.path().join("d"), root.path().join("f"), root.path().join("l"));
    fs::create_dir(&folder).unwrap();
    fs::write(&file, "precious").unwrap();
    symlink("nowhere", &link).unwrap();
    for out in [folder, file, link] {
        let error = setup(&text(&out)).unwrap_err();
        assert_eq!(error.to_string(), "Output directory out already exists");
    }
    assert_eq!(tree(root.path()), ["d/", "f=precious", "l="]);
}

#[test]
fn without_an_output_format_an_existing_folder_will_do() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("precious"), "").unwrap();
    let spec = spec(OutputFormat::Null, &out);
    let mut committer = setup(&spec).unwrap();
    committer.commit_job().unwrap();
    assert_eq!(tree(&out), ["_SUCCESS=", "precious="]);
    let committer = setup(&spec).unwrap();
    committer.abort_job().unwrap();
    assert_eq!(tree(&out), ["_SUCCESS=", "precious="]);
}

#[test]
fn a_failed_job_leaves_nothing_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("new/deep/out");
    for committed in [false, true] {
        let mut committer = setup(&text(&out)).unwrap();
        write(&committer, attempt(0, 0), &["in/a=1", "part=2"]);
        committer.commit_task(attempt(0, 0), Vec::new()).unwrap();
        write(&committer, attempt(1, 0), &["part=2"]);
        if committed {
            committer.commit_job().unwrap();
        }
        committer.abort_job().unwrap();
        assert_eq!(tree(root.path()), Vec::<String>::new());
    }
    let committer = setup(&text(&out)).unwrap();
    fs::write(root.path().join("new/other"), "kept").unwrap();
    committer.abort_job().unwrap();
    assert_eq!(tree(root.path()), ["new/", "new/other=kept"]);
}

#[test]
fn an_output_folder_that_cannot_be_made_says_which() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "").unwrap();
    let out = root.path().join("file/out");
    let error = setup(&text(&out)).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot make output folder {}", out.display()));
    // Only what was made is taken away again.
    let out = root.path().join("new").join("x".repeat(300));
    assert!(setup(&text(&out)).is_err());
    assert_eq!(tree(root.path()), ["file="]);
}

#[test]
fn a_planted_marker_is_not_followed() {
    let root = tempfile::tempdir().unwrap();
    let (out, precious) = (root.path().join("out"), root.path().join("precious"));
    fs::write(&precious, "kept").unwrap();
    let mut committer = setup(&text(&out)).unwrap();
    write(&committer, attempt(0, 0), &["part-00000=a"]);
    symlink(&precious, committer.attempt_dir(attempt(0, 0)).join(SUCCESS)).unwrap();
    committer.commit_task(attempt(0, 0), Vec::new()).unwrap();
    committer.commit_job().unwrap();
    assert_eq!(tree(root.path()), ["out/", "out/_SUCCESS=", "out/part-00000=a", "precious=kept"]);
}

/// What was compared before the folder was this run's may have changed since.
#[test]
fn another_job_is_refused_once_more_under_the_lock() {
    let root = tempfile::tempdir().unwrap();
    let spec = text(&root.path().join("out"));
    let fact = |value: &str| vec![Fact { what: "input".into(), value: value.into() }];
    drop(begin_with(&spec, fact("one")).unwrap());
    let going_on = OutputSpec { existing: Existing::Continue, ..spec };
    let refused = begin_with(&going_on, fact("two")).unwrap_err();
    assert!(matches!(refused, CommitError::Changed { .. }), "{refused}");
    assert!(begin_with(&going_on, fact("one")).unwrap().1.is_some());
}

/// Else it would be a task without output.
#[test]
fn an_attempt_whose_folder_was_moved_away_is_not_committed() {
    let root = tempfile::tempdir().unwrap();
    let committer = setup(&text(&root.path().join("out"))).unwrap();
    write(&committer, attempt(0, 0), &["part-00000=a"]);
    let (folder, moved) = (committer.attempt_dir(attempt(0, 0)), root.path().join("moved"));
    fs::rename(&folder, &moved).unwrap();
    symlink(&moved, &folder).unwrap();
    let error = committer.commit_task(attempt(0, 0), Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot commit the task's output from {}", folder.display()));
}

#[test]
fn a_commit_that_fails_is_taken_back() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let mut committer = setup(&text(&out)).unwrap();
    write(&committer, attempt(0, 0), &["part-00000=a", "deep/side=b"]);
    committer.commit_task(attempt(0, 0), Vec::new()).unwrap();
    // A link in the marker's place stops the commit after everything has been moved.
    let manifests = &mut committer.manifests().clone();
    committer.promote(&committer.task_dir(TaskId::map(0)), manifests.values_mut().next().unwrap()).unwrap();
    symlink("nowhere", out.join(SUCCESS)).unwrap();
    assert!(committer.write_marker().is_err());
    fs::write(out.join("deep/notes"), "mine").unwrap();
    fs::remove_file(out.join("part-00000")).unwrap();
    fs::write(out.join("part-00000"), "another's").unwrap();
    committer.abort_job().unwrap();
    let left = ["out/", "out/_SUCCESS=", "out/deep/", "out/deep/notes=mine", "out/part-00000=another's"];
    assert_eq!(tree(root.path()), left);
}

/// A file that was written to behind the writer's back, before its task committed.
#[test]
fn a_part_file_that_another_program_overwrote_is_not_committed() {
    let root = tempfile::tempdir().unwrap();
    let committer = setup(&text(&root.path().join("out"))).unwrap();
    let attempt = attempt(0, 0);
    write(&committer, attempt, &["part-00000=a"]);
    let path = committer.attempt_dir(attempt).join("part-00000");
    let stamp = Stamp::of_open(&crate::fs::File::open(&path).unwrap());
    let file = OutputFile::file(path.clone(), 1, crate::checksum::of(b"a"));
    let written = vec![TaskFile::written(file, stamp)];
    fs::remove_file(&path).unwrap();
    fs::write(&path, "b").unwrap();
    let error = committer.commit_task(attempt, written).unwrap_err();
    assert!(error.to_string().contains("part-00000 was changed or replaced"), "{error}");
}

/// Commits two tasks, changes something below the output folder, and expects that the job's commit fails with this
/// message and leaves these files.
#[track_caller]
fn check_altered(change: impl Fn(&Path), message: &str, left: &[&str]) {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let mut committer = setup(&text(&out)).unwrap();
    for number in 0..2 {
        write(&committer, attempt(number, 0), &[&format!("part-0000{number}=a"), "deep/side=b"]);
        committer.commit_task(attempt(number, 0), Vec::new()).unwrap();
    }
    change(&out);
    let error = committer.commit_job().unwrap_err().to_string();
    assert!(error.replace(&format!("{}/", out.display()), "").contains(message), "{error}");
    committer.abort_job().unwrap();
    assert_eq!(tree(root.path()), left);
}

#[test]
fn an_output_that_another_program_changed_is_not_published() {
    const TASK: &str = "_temporary/0/task_local1_0001_m_000001";
    let in_task = |name: &str| format!("{TASK}/{name}");
    let changed = "part-00001 was changed or replaced: another program changed the folder";
    check_altered(|out| fs::write(out.join(in_task("part-00001")), "x").unwrap(), changed, &[]);
    check_altered(|out| fs::write(out.join(in_task("part-00001")), "xy").unwrap(), changed, &[]);
    check_altered(|out| fs::write(out.join(in_task("part-7")), "").unwrap(), "part-7 was added", &[]);
    check_altered(|out| fs::remove_file(out.join(in_task("deep/side"))).unwrap(), "side is missing", &[]);
    check_altered(|out| fs::remove_dir_all(out.join(TASK)).unwrap(), "is missing", &[]);
    check_altered(|out| fs::create_dir(out.join("_temporary/0/task_x")).unwrap(), "task_x was added", &[]);
    let notes = |out: &Path| fs::write(out.join("notes"), "mine").unwrap();
    check_altered(notes, "notes was added", &["out/", "out/notes=mine"]);
    let lost = "its lock _temporary/lock was removed while the job ran";
    check_altered(|out| fs::remove_dir_all(out).unwrap(), lost, &[]);
    let replace = |out: &Path| {
        fs::rename(out, out.with_extension("old")).unwrap();
        fs::create_dir_all(out.join("_temporary")).unwrap();
        fs::write(out.join("_temporary/lock"), "").unwrap();
        fs::remove_dir_all(out.with_extension("old")).unwrap();
    };
    check_altered(replace, lost, &["out/", "out/_temporary/", "out/_temporary/lock="]);
}

//! Called by Hadoop's names: what course scripts and programs that drive Hadoop call and read.

use crate::harness::{JobDir, Output, repository, skip_without};
use std::process::{Command, Stdio};

/// A job's folder with the commands of Hadoop laid out in it, and HDFS in `dfs`.
pub(crate) struct Place {
    pub(crate) dir: JobDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = JobDir::new();
        dir.write("98.txt", "b a\na\n");
        let place = Self { dir };
        place.dir.run("install-commands hadoop").expect_code(0);
        place
    }

    /// Runs a shell command with the laid out commands first in PATH.
    pub(crate) fn sh(&self, script: &str) -> Output {
        self.sh_with(script, &[])
    }

    pub(crate) fn sh_with(&self, script: &str, variables: &[(&str, &str)]) -> Output {
        let path = format!("{}:{}", self.dir.path("hadoop/bin").display(), std::env::var("PATH").unwrap());
        let ended = Command::new("sh")
            .args(["-c", script])
            .current_dir(self.dir.path("."))
            .env_clear()
            .env("PATH", path)
            .env("TMPDIR", self.dir.beside("tmp"))
            .env("MRSTREAM_HDFS_ROOT", self.dir.path("dfs"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Output {
            code: ended.status.code(),
            stdout: text(&ended.stdout),
            stderr: text(&ended.stderr),
            shown: script.to_owned(),
        }
    }
}

/// The messages of a log of Hadoop's client; lines without a head belong to the message before.
fn messages(log: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in log.lines() {
        // 2026-01-02 03:04:05,678 INFO mapreduce.Job: text
        let is_stamp = line.len() > 24 && line.as_bytes()[4] == b'-' && line.as_bytes()[19] == b',';
        if is_stamp {
            found.push(line[24..].to_owned());
        } else if let Some(last) = found.last_mut() {
            last.push('\n');
            last.push_str(line);
        }
    }
    found
}

#[test]
fn the_commands_of_a_tutorial_run_as_they_are() {
    if skip_without("python3", "the commands of a tutorial") {
        return;
    }
    let place = Place::new();
    place.dir.script("m.py", "#!/usr/bin/env python3\nimport sys\nfor line in sys.stdin:\n    for word in line.split():\n        print(word, 1, sep='\\t')\n");
    place.dir.script("r.py", "#!/usr/bin/env python3\nimport sys\nsums = {}\nfor line in sys.stdin:\n    word, count = line.split('\\t')\n    sums[word] = sums.get(word, 0) + int(count)\nfor word, count in sorted(sums.items()):\n    print(word, count, sep='\\t')\n");
    place.sh("hdfs dfs -mkdir -p /d/in && hdfs dfs -put 98.txt /d/in/").expect_code(0);
    let jar = "/opt/hadoop-2.7.4/share/hadoop/tools/lib/hadoop-streaming-2.7.4.jar";
    let here = place.dir.path("").canonicalize().unwrap().display().to_string();
    let here = here.trim_end_matches('/');
    for (folder, expect) in [("", 1), (&format!("{here}/"), 0)] {
        place.sh("hdfs dfs -rm -r -skipTrash /d/out").expect_code(expect);
        let job = format!(
            "hadoop jar {jar} -files {folder}m.py,{folder}r.py -mapper {folder}m.py -reducer {folder}r.py \
             -input /d/in/98.txt -output /d/out"
        );
        let ended = place.sh(&job).expect_code(0);
        assert_eq!(ended.stdout, "");
        let said = messages(&ended.stderr);
        assert!(said.contains(&"INFO streaming.StreamJob: Output directory: /d/out".to_owned()), "{said:?}");
        assert_eq!(place.sh("hdfs dfs -cat /d/out/part-00000 | sort -k2 -n").stdout, "b\t1\na\t2\n");
    }
    assert!(!std::path::Path::new("/d/out").exists());
}

#[test]
fn a_script_of_a_course_runs_as_it_is() {
    let place = Place::new();
    place.dir.script("words.sh", "#!/bin/sh\ntr ' ' '\\n' | grep -vxFf stop | sed 's/$/\t1/'\n");
    place.dir.script("count.sh", "#!/bin/sh\ncut -f1 | uniq -c | awk '{ print $2 \"\t\" $1 }'\n");
    place.dir.write("stop.txt", "b\n");
    let script = r#"
        set -e
        OUT=/user/student/out
        hadoop fs -mkdir -p /user/student/input /cache
        hadoop fs -put -f 98.txt /user/student/input
        hdfs dfs -copyFromLocal stop.txt /cache
        hdfs dfs -ls /user/student/input | awk 'NR > 1 { print $5, $8 }'
        for round in 1 2; do
            hadoop fs -test -d $OUT && hadoop fs -rm -r $OUT || echo "no $OUT yet"
            hadoop jar $HADOOP_HOME/share/hadoop/tools/lib/hadoop-streaming-*.jar \
                -D mapred.reduce.tasks=1 -jobconf mapred.job.name=course -libjars extra.jar \
                -cacheFile hdfs://localhost:9000/cache/stop.txt#stop \
                -file words.sh -mapper words.sh -file count.sh -reducer count.sh \
                -input "/user/student/input/*" -output $OUT 2>log
        done
        hadoop fs -test -e $OUT/_SUCCESS
        hadoop fs -getmerge $OUT result.txt && cat result.txt
        hdfs dfs -cat "$OUT/part-*" | sort -k2 -nr | head -1
        hadoop fs -du -s /user/student/input | cut -d' ' -f1
    "#;
    let home = place.dir.path("hadoop").display().to_string();
    let ended = place.sh_with(script, &[("HADOOP_HOME", &home)]).expect_code(0);
    let expect =
        "6 /user/student/input/98.txt\nno /user/student/out yet\nDeleted /user/student/out\na\t2\na\t2\n6\n";
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), (expect, ""));
}

#[test]
fn the_log_is_that_of_hadoops_client() {
    let place = Place::new();
    let ended = place
        .sh("hadoop jar s-streaming.jar -input 98.txt -output out -mapper cat -reducer cat")
        .expect_code(0);
    let said = messages(&ended.stderr);
    let begins = |start: &str| said.iter().any(|message| message.starts_with(start));
    for start in [
        "INFO impl.YarnClientImpl: Submitted application application_",
        "INFO mapreduce.Job: Running job: job_",
        "INFO mapreduce.Job:  map 0% reduce 0%",
        "INFO mapreduce.Job:  map 100% reduce 100%",
        "INFO mapreduce.Job: Counters: ",
        "INFO streaming.StreamJob: Output directory: out",
    ] {
        assert!(begins(start), "no {start}\n{}", ended.report());
    }
    let running =
        said.iter().find_map(|line| line.strip_prefix("INFO mapreduce.Job: Running job: job_")).unwrap();
    let (stamp, number) = running.split_once('_').unwrap();
    // Without a home no job counts those of its millisecond, and the number is that of the process.
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    assert!(is_number(stamp) && is_number(number) && number.len() >= 4, "{running}");
    let counters = said.iter().find(|line| line.contains(": Counters: ")).unwrap();
    assert!(counters.contains("\n\tMap-Reduce Framework\n\t\tMap input records=2\n"), "{counters}");
    assert!(begins(&format!("INFO mapreduce.Job: Job job_{running} completed successfully")));
    assert!(!ended.stderr.contains("State:"));
    let user = place.sh("hadoop fs -ls").stdout;
    assert!(user.starts_with("Found 1 items\n") && user.ends_with(" out\n"), "{user}");
}

#[test]
fn failures_are_told_and_logged_as_on_a_cluster() {
    let place = Place::new();
    place.dir.script("bad.sh", "#!/bin/sh\necho oops >&2\nexit 3\n");
    let home = place.dir.path("home").display().to_string();
    let sh = |script: &str| place.sh_with(script, &[("HOME", &home)]);
    let job = "mapred streaming -files bad.sh -input 98.txt -output out -mapper bad.sh";
    let ended = sh(job).expect_code(1);
    let said = messages(&ended.stderr);
    let failed = said.iter().find(|line| line.contains("Task Id : attempt_")).unwrap();
    for part in
        ["_0001_m_000000_0, Status : FAILED\nError: ", "subprocess failed with code 3\n", "    | oops"]
    {
        assert!(failed.contains(part), "no {part}\n{failed}");
    }
    let why = said
        .iter()
        .find(|line| line.contains(" failed with state FAILED due to: Task failed task_"))
        .unwrap();
    let tasks = "\nJob failed as tasks failed. failedMaps:1 failedReduces:0 killedMaps:0 killedReduces: 0\n";
    assert!(why.ends_with(tasks), "{why:?}");
    // The counters come behind it, and stay with the job.
    let counted =
        "\n\tJob Counters \n\t\tFailed map tasks=1\n\t\tLaunched map tasks=1\n\t\tData-local map tasks=1\n";
    assert!(said.iter().any(|line| line.contains(counted)), "{}", ended.stderr);
    let id = said.iter().find_map(|line| line.split_once("Running job: ")).unwrap().1;
    let number = "org.apache.hadoop.mapreduce.JobCounter NUM_FAILED_MAPS";
    assert_eq!(sh(&format!("mapred job -counter {id} {number}")).expect_code(0).stdout, "1\n");
    assert!(ended.stderr.ends_with("\nStreaming Command Failed!\n"), "{}", ended.stderr);
    let logs = place.dir.files("hadoop/logs/userlogs");
    let stderr: Vec<_> = logs.iter().filter(|(name, _)| name.ends_with("/stderr")).collect();
    assert_eq!(stderr.len(), 1);
    assert_eq!(stderr[0].1, b"oops\n");
    let application = stderr[0].0.split('/').next().unwrap();
    // mrjob's log parser (mrjob.logs.task) looks in the folder with the attempt's name.
    let attempt = failed.split([' ', ',']).find(|word| word.starts_with("attempt_")).unwrap();
    let of_attempt = place.dir.path(&format!("hadoop/logs/userlogs/{application}/{attempt}"));
    assert_eq!(std::fs::read(of_attempt.join("stderr")).unwrap(), b"oops\n");
    let syslog = std::fs::read_to_string(of_attempt.join("syslog")).unwrap();
    assert!(syslog.contains("map task failed\n  command: bad.sh\n") && !syslog.contains("oops"), "{syslog}");
    let shown = place.sh(&format!("yarn logs -applicationId {application}")).expect_code(0);
    assert!(shown.stdout.contains("LogType:stderr\nLogLength:5\nLog Contents:\noops\n"), "{}", shown.stdout);
    assert!(shown.stdout.contains("Processing split: "), "{}", shown.stdout);
    let as_job = application.replacen("application", "job", 1);
    let home = place.dir.path("home").display().to_string();
    place.sh(&format!("mapred job -logs {as_job}")).expect_code(255);
    let check = |words: &str, expect: &str| {
        place
            .sh_with(&format!("yarn logs {words}"), &[("HOME", &home)])
            .expect_code(255)
            .expect_stderr(&[expect]);
    };
    check(
        "-applicationId application_1_0001",
        "Can not find the logs for the application: application_1_0001 with the appOwner: ",
    );
    check("-applicationId job_1_0001", "Invalid ApplicationId specified\n");
    check("", "Both applicationId and containerId are missing,  one of them must be specified.\n");
    let elsewhere = place.dir.path("elsewhere").display().to_string();
    place.sh_with(job, &[("HADOOP_LOG_DIR", &elsewhere)]).expect_code(1);
    assert_eq!(place.dir.files("elsewhere/userlogs").len(), 3);
}

#[test]
fn a_job_that_cannot_start_says_why() {
    let place = Place::new();
    let check = |job: &str, code: i32, expect: &str| {
        let ended =
            place.sh(&format!("hadoop jar streaming.jar {job}")).expect_code(code).expect_stderr(&[expect]);
        assert!(ended.stderr.ends_with("Streaming Command Failed!\n"), "{}", ended.stderr);
    };
    check(
        "-input /nope -output /o -mapper cat",
        5,
        " ERROR streaming.StreamJob: Error Launching job : Input path does not exist: hdfs:///nope",
    );
    check("-input 98.txt -output /tmp -mapper cat", 5, "Error Launching job : ");
    check("-inputs x", 1, " ERROR streaming.StreamJob: unrecognized option: -inputs");
    check("-input 98.txt -output s3://b/x -mapper cat", 1, "only file: and hdfs: are known here");
}

#[test]
fn names_versions_and_jars_are_found() {
    let place = Place::new();
    for command in ["hadoop", "hdfs", "mapred", "yarn"] {
        let version = place.sh(&format!("{command} version")).expect_code(0).stdout;
        assert!(version.starts_with("Hadoop 3.4.2\n"), "{version}");
    }
    let jar = place.sh("ls hadoop/share/hadoop/tools/lib/hadoop-streaming-*.jar").expect_code(0);
    assert_eq!(jar.stdout, "hadoop/share/hadoop/tools/lib/hadoop-streaming-3.4.2.jar\n");
    assert!(place.sh("hadoop classpath").stdout.contains("/hadoop/share/hadoop/tools/lib/*"));
    place
        .sh("hadoop --config /etc jar nope.jar wordcount in out")
        .expect_code(255)
        .expect_stderr(&["JAR does not exist or is not a normal file: "]);
    // Streaming by the name of its jar, also without options, and by its class behind any jar.
    place
        .sh("hadoop jar x/Hadoop-Streaming.jar words")
        .expect_code(1)
        .expect_stderr(&["Streaming Command Failed!"]);
    place
        .sh("hadoop jar tools.jar org.apache.hadoop.streaming.HadoopStreaming -input 98.txt -output o -mapper cat")
        .expect_code(0);
    place
        .sh("hadoop jar 98.txt wordcount in out")
        .expect_code(255)
        .expect_stderr(&["Not a valid JAR: 98.txt"]);
    place.sh("hadoop distcp a b").expect_code(1).expect_stderr(&["distcp is not built in", "hadoop fs -cp"]);
    place
        .sh("hadoop my.Class a")
        .expect_code(1)
        .expect_stderr(&["my.Class is not built in", "hadoop fs <verb>"]);
    place.sh("hdfs").expect_code(1).expect_stderr(&["Usage: hdfs COMMAND"]);
    let again = place.dir.run("install-commands hadoop").expect_code(0).stdout;
    assert!(again.starts_with("export HADOOP_HOME=") && again.contains("/hadoop/bin"), "{again}");
    place.dir.write("other/bin/hadoop", "theirs");
    place.dir.run("install-commands other").expect_code(1).expect_stderr(&["is not mr-stream's"]);
}

#[test]
fn plain_paths_read_the_local_disk_but_never_change_it() {
    let place = Place::new();
    let here = place.dir.path("").canonicalize().unwrap().display().to_string();
    let here = here.trim_end_matches('/');
    assert_eq!(place.sh(&format!("hdfs dfs -cat {here}/98.txt")).expect_code(0).stdout, "b a\na\n");
    assert_eq!(place.sh("hdfs dfs -cat 98.txt").expect_code(0).stdout, "b a\na\n");
    place.sh(&format!("hdfs dfs -rm -r -skipTrash {here}/98.txt {here} 98.txt")).expect_code(1);
    place.sh(&format!("hdfs dfs -mv {here}/98.txt /tmp/x")).expect_code(1);
    assert!(place.dir.path("98.txt").is_file());
    let job = format!(
        "hadoop jar streaming.jar -D fs.defaultFS=file:/// -input 98.txt -output {here}/out -mapper cat"
    );
    place.sh(&job).expect_code(0);
    assert!(place.dir.path("out/_SUCCESS").is_file());
    assert_eq!(
        place.sh(&format!("hadoop fs -fs file:/// -ls -C {here}/out")).expect_code(0).stdout.lines().count(),
        2
    );
    place.sh(&format!("hdfs dfs -rm -r file://{here}/out")).expect_code(0);
    assert!(!place.dir.path("out").exists());
}

#[test]
fn jobs_are_listed_as_mapred_lists_them() {
    let place = Place::new();
    let home = place.dir.path("home").display().to_string();
    let sh = |script: &str| place.sh_with(script, &[("HOME", &home)]);
    sh("hadoop jar streaming.jar -input 98.txt -output out -mapper cat -reducer NONE").expect_code(0);
    assert!(sh("mapred job -list").expect_code(0).stdout.starts_with("Total jobs:0\n"));
    let list = sh("mapred job -list all").expect_code(0).stdout;
    assert!(list.starts_with("Total jobs:1\n"), "{list}");
    let id = list.lines().nth(2).unwrap().split_whitespace().next().unwrap().to_owned();
    let status = sh(&format!("mapred job -status {id}")).expect_code(0).stdout;
    for part in [
        &format!("Job: {id}\n"),
        "map() completion: 1.0\nreduce() completion: 1.0\n",
        "Job state: SUCCEEDED\n",
        "reason for failure:  \n",
        "Map input records=2",
    ] {
        assert!(status.contains(part), "no {part}\n{status}");
    }
    for (group, name, expect) in [
        ("'Map-Reduce Framework'", "'Map input records'", "2\n"),
        ("org.apache.hadoop.mapreduce.TaskCounter", "MAP_INPUT_RECORDS", "2\n"),
        ("'org.apache.hadoop.mapred.Task$Counter'", "MAP_INPUT_RECORDS", "2\n"),
        ("org.apache.hadoop.mapreduce.FileSystemCounter", "FILE_BYTES_READ", "6\n"),
        ("Mine", "none", "0\n"),
    ] {
        assert_eq!(
            sh(&format!("mapred job -counter {id} {group} {name}")).expect_code(0).stdout,
            expect,
            "{name}"
        );
    }
    let refused = |words: &str, expect: &str| {
        assert_eq!(sh(&format!("mapred job {words}")).expect_code(255).stdout, expect, "{words}");
    };
    refused(&format!("-kill {id}"), &format!("Could not kill the job {id}, as it has already succeeded.\n"));
    for verb in ["-status", "-kill", "-history", "-logs", "-counter"] {
        let behind = if verb == "-counter" { " g n" } else { "" };
        refused(&format!("{verb} job_1_0001{behind}"), "Could not find job job_1_0001\n");
    }
    sh("mapred job -status x").expect_code(1).expect_stderr(&["JobId string : x is not properly formed"]);
    sh("mapred job").expect_code(255).expect_stderr(&["Usage: job <command> <args>\n\t[-status <job-id>]\n"]);
    sh("mapred job -kill").expect_code(255).expect_stderr(&["Usage: job [-kill <job-id>]\n"]);
    sh("mapred job -submit x.xml").expect_code(255).expect_stderr(&["Usage: job <command> <args>\n"]);
}

#[test]
fn jobs_are_applications_of_yarn() {
    let place = Place::new();
    let home = place.dir.path("home").display().to_string();
    let sh = |script: &str| place.sh_with(script, &[("HOME", &home)]);
    sh("hadoop jar streaming.jar -input 98.txt -output out -mapper 'sh -c \"exit 2\"'").expect_code(1);
    assert!(sh("yarn application -list").expect_code(0).stdout.starts_with(
        "Total number of applications (application-types: [], states: [SUBMITTED, ACCEPTED, RUNNING] and tags: []):0\n"
    ));
    let list = sh("yarn application -list -appStates finished").expect_code(0).stdout;
    let fields: Vec<&str> = list.lines().nth(2).unwrap().split('\t').map(str::trim).collect();
    assert_eq!(fields[5..7], ["FINISHED", "FAILED"], "{list}");
    assert_eq!(sh("yarn app -appStates ALL -list").expect_code(0).stdout.lines().count(), 3);
    sh("yarn application -list -appStates x").expect_code(255);
    let status = sh(&format!("yarn application -status {}", fields[0])).expect_code(0).stdout;
    for part in ["\tState : FINISHED\n\tFinal-State : FAILED\n", "\tDiagnostics : map task failed\n"] {
        assert!(status.contains(part), "no {part}\n{status}");
    }
    let over = sh(&format!("yarn application -kill {}", fields[0])).expect_code(0).stdout;
    assert_eq!(over, format!("Application {} has already finished \n", fields[0]));
    let unknown =
        |verb: &str| sh(&format!("yarn application {verb} application_1_0001")).expect_code(255).stdout;
    assert_eq!(
        unknown("-status"),
        "Application with id 'application_1_0001' doesn't exist in RM or Timeline Server.\n"
    );
    assert_eq!(unknown("-kill"), "Application with id 'application_1_0001' doesn't exist in RM.\n");
    sh("yarn application").expect_code(255).expect_stderr(&["Invalid Command Usage : \n"]);
    let logs =
        sh(&format!("mapred job -logs {}", fields[0].replacen("application", "job", 1))).expect_code(0);
    assert!(logs.stdout.contains("subprocess failed with code 2"), "{}", logs.stdout);
}

#[test]
fn scripts_ask_after_the_cluster() {
    let place = Place::new();
    let check = |command: &str, code: i32, expect: &str| {
        let ended = place.sh(command).expect_code(code);
        assert!(format!("{}{}", ended.stdout, ended.stderr).starts_with(expect), "{}", ended.report());
    };
    check("hdfs getconf -confKey fs.defaultFS", 0, "hdfs:///\n");
    check("hdfs getconf -confKey fs.default.name", 0, "hdfs:///\n");
    check("hdfs getconf -confKey mapreduce.job.reduces", 0, "1\n");
    check("hdfs getconf -confKey my.own", 255, "Configuration my.own is missing.\n");
    check("hdfs getconf -namenodes", 0, "localhost\n");
    check("hdfs getconf", 255, "hdfs getconf is utility ");
    check("hdfs dfsadmin -safemode get", 0, "Safe mode is OFF\n");
    check("hdfs dfsadmin -safemode enter", 255, "Usage: hdfs dfsadmin\n");
    check("hdfs dfsadmin -report", 0, "Configured Capacity: ");
    check("hadoop checknative", 0, "Native library checking:\nhadoop:  true ");
    check("hadoop checknative -a", 1, "Native library checking:\n");
    let paths = place.sh("hadoop classpath --glob").expect_code(0).stdout;
    assert!(paths.ends_with("/hadoop/share/hadoop/tools/lib/hadoop-streaming-3.4.2.jar\n"), "{paths}");
}

#[test]
fn a_job_in_the_background_is_left_alone() {
    let place = Place::new();
    let home = place.dir.path("home").display().to_string();
    let sh = |script: &str| place.sh_with(script, &[("HOME", &home)]);
    let began =
        sh("hadoop jar streaming.jar -input 98.txt -output out -mapper 'sh -c \"cat; exit 4\"' -background");
    let said = messages(&began.expect_code(0).stderr);
    let application =
        said[0].strip_prefix("INFO impl.YarnClientImpl: Submitted application application_").unwrap();
    let expect = [
        "INFO streaming.StreamJob: Job is running in background.",
        &format!(
            "INFO streaming.StreamJob: HINT mr-stream jobs wait job_{application} waits for it and answers its exit \
             code; there are also show and kill"
        ),
        "INFO streaming.StreamJob: Output directory: out",
    ];
    assert_eq!(said[1..], expect);
    let mr_stream = env!("CARGO_BIN_EXE_mr-stream");
    sh(&format!("{mr_stream} jobs wait job_{application}")).expect_code(1);
    let log =
        sh(&format!("cat home/.local/state/mr-stream/jobs/job_{application}.log")).expect_code(0).stdout;
    let said = messages(&log);
    assert_eq!(said[0], format!("INFO mapreduce.Job: Running job: job_{application}"));
    assert!(log.contains("subprocess failed with code 4\n"), "{log}");
    assert!(log.ends_with("\nStreaming Command Failed!\n"), "{log}");
    let refused =
        sh("hadoop jar streaming.jar -input nope -output out -mapper cat -background").expect_code(5);
    assert_eq!(refused.stderr.matches("Streaming Command Failed!").count(), 1);
}

#[test]
fn the_list_of_commands_to_compare_has_every_verb() {
    let commands =
        std::fs::read_to_string(repository().join("scripts/compare_fs_shell/commands.txt")).unwrap();
    let usage = Place::new().sh("hadoop fs -usage").expect_code(0).stdout;
    let verbs: Vec<&str> =
        usage.lines().filter_map(|line| line.trim().strip_prefix('[')?.split([' ', ']']).next()).collect();
    assert!(verbs.len() > 30, "{usage}");
    // Two need other accounts than the user's, and each disk has its own size.
    let lacking: Vec<_> = verbs
        .iter()
        .filter(|verb| !["-chown", "-chgrp", "-df"].contains(verb))
        .filter(|verb| !commands.lines().any(|line| line.split(' ').any(|word| word == **verb)))
        .collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}

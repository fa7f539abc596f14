//! Commands around jobs, in the formats that scripts and programs read: history, typed bytes, daemons, file attributes.

use crate::shim::Place;
use std::collections::BTreeMap;

/// A place with a home folder, in which records of jobs are kept.
struct Home {
    place: Place,
    home: String,
}

impl Home {
    fn new() -> Self {
        let place = Place::new();
        let home = place.dir.path("home").display().to_string();
        Self { place, home }
    }

    fn sh(&self, script: &str) -> crate::harness::Output {
        self.place.sh_with(script, &[("HOME", &self.home)])
    }

    /// The name of the job that ran last.
    fn job(&self) -> String {
        let list = self.sh("mapred job -list all").expect_code(0).stdout;
        list.lines().last().unwrap().split_whitespace().next().unwrap().to_owned()
    }
}

#[test]
fn installed_commands_are_shell_scripts() {
    let home = Home::new();
    for command in ["hadoop", "hdfs", "mapred", "yarn"] {
        for shell in ["sh", "bash", ""] {
            let version = home.sh(&format!("{shell} hadoop/bin/{command} version")).expect_code(0).stdout;
            assert!(version.starts_with("Hadoop 3.4.2\n"), "{version}");
        }
        let script = std::fs::read_to_string(home.place.dir.path(&format!("hadoop/bin/{command}"))).unwrap();
        assert_eq!(script.lines().count(), 2, "{script}");
    }
    // Words with blanks and quotes stay words.
    let job =
        "sh hadoop/bin/mapred streaming -input 98.txt -output out -mapper \"sh -c 'echo \\\"a  b\\\"'\"";
    home.sh(job).expect_code(0);
    assert_eq!(home.sh("hdfs dfs -cat out/part-00000").stdout, "a  b\t\n");
    // A link elsewhere leads to the same folder, where logs of tasks are.
    let paths = home.sh("ln -s $PWD/hadoop/bin/hadoop h; ./h classpath").expect_code(0).stdout;
    assert!(paths.contains("/job/hadoop/share/hadoop/tools/lib/*"), "{paths}");
    let shown = home.sh("cat home/.local/state/mr-stream/jobs/*.json");
    assert!(shown.stdout.contains("hadoop/bin/mapred\",\"streaming\",\"-input\""), "{}", shown.stdout);
}

#[test]
fn nothing_needs_starting_or_formatting() {
    let home = Home::new();
    let scripts = [
        "start-dfs.sh",
        "stop-dfs.sh",
        "start-yarn.sh",
        "stop-yarn.sh",
        "start-all.sh",
        "stop-all.sh",
        "hadoop-daemon.sh start namenode",
        "yarn-daemon.sh start nodemanager",
        "mr-jobhistory-daemon.sh start historyserver",
    ];
    for script in scripts {
        let said = home.sh(&format!("hadoop/sbin/{script}")).expect_code(0).stdout;
        assert!(said.contains(": nothing needs st") && said.lines().count() == 1, "{script}: {said}");
    }
    for command in [
        "hdfs namenode -format -force",
        "hadoop namenode -format",
        "hdfs --daemon start datanode",
        "yarn --daemon stop resourcemanager",
        "mapred historyserver",
        "yarn nodemanager",
    ] {
        let said = home.sh(command).expect_code(0).stdout;
        assert!(said.ends_with("Nothing was done.\n"), "{command}: {said}");
    }
    let check = |command: &str, code: i32, expect: &str| {
        let ended = home.sh(command).expect_code(code);
        assert!(format!("{}{}", ended.stdout, ended.stderr).contains(expect), "{}", ended.report());
    };
    check("hdfs balancer", 0, "The cluster is balanced. Exiting...\n");
    check("hdfs lsSnapshottableDir", 0, "");
    check("hadoop archive -archiveName a.har x y", 1, "ERROR: hadoop archive is not built in here: ");
    check("hdfs haadmin -getServiceState nn1", 1, "ERROR: hdfs haadmin is not built in here: ");
}

#[test]
fn hadoop_hands_older_words_to_their_commands() {
    let home = Home::new();
    let check = |words: &str, to: &str, code: i32, expect: &str| {
        let ended = home.sh(&format!("hadoop {words}")).expect_code(code);
        let command = words.split(' ').next().unwrap();
        let warning = format!(
            "WARNING: Use of this script to execute {command} is deprecated.\nWARNING: Attempting to execute replacement \
             \"{to} {command}\" instead.\n\n"
        );
        assert!(ended.stderr.starts_with(&warning), "{}", ended.stderr);
        assert!(ended.stdout.contains(expect), "{}", ended.report());
    };
    check("dfsadmin -safemode get", "hdfs", 0, "Safe mode is OFF\n");
    check("dfs -ls /", "hdfs", 0, "");
    check("fsck /", "hdfs", 0, "\nThe filesystem under path '/' is HEALTHY\n");
    check("balancer", "hdfs", 0, "The cluster is balanced.");
    check("job -list", "mapred", 0, "Total jobs:0\n");
    check("queue -list", "mapred", 0, "Queue Name : default \nQueue State : running \n");
    home.sh("hadoop streaming -input 98.txt -output out -mapper cat").expect_code(0);
    home.sh("hadoop fs -test -e out/_SUCCESS").expect_code(0);
}

#[test]
fn fsck_counts_what_is_in_hdfs() {
    let home = Home::new();
    home.sh("hdfs dfs -mkdir -p /d/e && hdfs dfs -put 98.txt /d/e && hdfs dfs -touchz /d/empty")
        .expect_code(0);
    let report = home.sh("hdfs fsck /d -files -blocks -locations").expect_code(0).stdout;
    for part in [
        "FSCK started by ",
        " for path /d at ",
        "\n/d/e/98.txt 6 bytes, replicated: replication=1, 1 block(s):  OK\n",
        "\nStatus: HEALTHY\n Number of data-nodes:\t1\n",
        " Total dirs:\t\t\t2\n",
        " Total size:\t6 B\n Total files:\t2\n",
        " Total blocks (validated):\t1 (avg. block size 6 B)\n Minimally replicated blocks:\t1 (100.0 %)\n",
        " Corrupt blocks:\t\t0\n",
        " milliseconds\n\n\nThe filesystem under path '/d' is HEALTHY\n",
    ] {
        assert!(report.contains(part), "no {part}\n{report}");
    }
    home.sh("hdfs fsck /nope").expect_code(0).expect_stderr(&[
        "FileSystem is inaccessible due to:\njava.io.FileNotFoundException: File does not exist: /nope\nDFSck exiting.\n",
    ]);
    home.sh("hdfs fsck").expect_code(255).expect_stderr(&["Usage: hdfs fsck <path>"]);
}

#[test]
fn history_is_that_of_hadoops_printers() {
    let home = Home::new();
    let job = "hadoop jar streaming.jar -D mapred.job.name=words -input 98.txt -output out -mapper cat -reducer cat";
    home.sh(job).expect_code(0);
    let id = home.job();
    let text = home.sh(&format!("mapred job -history {id}")).expect_code(0).stdout;
    assert!(
        text.starts_with(&format!("\nHadoop job: {id}\n=====================================\nUser: ")),
        "{text}"
    );
    // A published pipeline takes the table apart by its bars.
    let mut totals = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with('|')).skip(1) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        assert_eq!(fields.len(), 6, "{line}");
        totals.insert(fields[2].to_owned(), [fields[3], fields[4], fields[5]].map(str::to_owned));
    }
    let numbers = |name: &str| totals[name].each_ref().map(String::as_str);
    assert_eq!(numbers("Map input records"), ["2", "0", "2"]);
    assert_eq!(numbers("Reduce input records"), ["0", "2", "2"]);
    assert_eq!(numbers("Launched map tasks"), ["0", "0", "1"]);
    for part in [
        "\nJobName: words\n",
        "\nStatus: SUCCEEDED\nCounters: \n\n|",
        "\nMap\t1\t1\t\t0\t0\t",
        "\nAnalysis\n=========\n",
    ] {
        assert!(text.contains(part), "no {part}\n{text}");
    }
    assert!(!text.contains("task list for"), "{text}");
    let all = home.sh(&format!("mapred job -history all {id}")).expect_code(0).stdout;
    assert!(all.contains(&format!("\nSUCCEEDED MAP task list for {id}\n")), "{all}");
    let read = |words: &str| -> serde_json::Value {
        serde_json::from_str(
            &home.sh(&format!("mapred job -history {words} -format json")).expect_code(0).stdout,
        )
        .unwrap()
    };
    let (json, name) = (read(&id), id.replacen("job", "task", 1));
    assert_eq!((json["hadoopJob"].as_str(), json["jobName"].as_str()), (Some(id.as_str()), Some("words")));
    let counters = json["counters"]["org.apache.hadoop.mapreduce.TaskCounter"].as_array().unwrap();
    let records = counters.iter().find(|counter| counter["counterName"] == "MAP_INPUT_RECORDS").unwrap();
    assert_eq!([&records["mapValue"], &records["reduceValue"], &records["totalValue"]], [2, 0, 2]);
    assert_eq!(json["tasks"].as_array().unwrap().len(), 0);
    assert_eq!(read(&format!("all {id}"))["tasks"][0]["taskId"], format!("{name}_m_000000"));
    home.sh(&format!("mapred job -history {id} -outfile h.json -format JSON")).expect_code(0);
    assert!(home.sh("cat h.json").stdout.starts_with("{\"hadoopJob\":"));
    home.sh(&format!("mapred job -history {id} -format xml"))
        .expect_code(1)
        .expect_stderr(&["Invalid format specified: xml\n"]);
    home.sh(&format!("mapred job -history {id} more"))
        .expect_code(255)
        .expect_stderr(&["Usage: job [-history"]);
    let events = home.sh(&format!("mapred job -events {id} 0 100")).expect_code(0).stdout;
    assert!(events.contains("\nNumber of events (from 0) are: 2\nSUCCEEDED attempt_"), "{events}");
    let ids = home.sh(&format!("mapred job -list-attempt-ids {id} MAP completed")).expect_code(0).stdout;
    assert_eq!(ids, format!("{}_m_000000_0\n", id.replacen("job", "attempt", 1)));
}

#[test]
fn history_of_a_failed_job_names_its_error() {
    let home = Home::new();
    home.sh("hadoop jar streaming.jar -input 98.txt -output out -mapper 'sh -c \"exit 3\"'").expect_code(1);
    let id = home.job();
    let text = home.sh(&format!("mapred job -history {id}")).expect_code(0).stdout;
    let task = id.replacen("job", "task", 1);
    for part in [
        "\nStatus: FAILED\n",
        "\nNo Analysis available as job did not finish\n",
        &format!("\nFAILED MAP task list for {id}\n"),
        "subprocess failed with code 3\t/default-rack/localhost\n",
        &format!(
            "\nFAILED task attempts by nodes\nHostname\tFailedTasks\n===============================\nlocalhost\t{task}_m_000000, \n"
        ),
    ] {
        assert!(text.contains(part), "no {part}\n{text}");
    }
}

#[test]
fn counters_of_the_job_itself_are_there_when_it_succeeds() {
    let home = Home::new();
    let job =
        "hadoop jar streaming.jar -D mapreduce.job.maps=1 -input 98.txt -output out -mapper cat -reducer cat";
    let ended = home.sh(job).expect_code(0);
    ended.expect_stderr(&["\n\tJob Counters \n\t\tLaunched map tasks=1\n\t\tLaunched reduce tasks=1\n\t\tData-local map tasks=1\n"]);
    let id = home.job();
    let counter = |name: &str| {
        let group = "org.apache.hadoop.mapreduce.JobCounter";
        home.sh(&format!("mapred job -counter {id} {group} {name}")).expect_code(0).stdout
    };
    assert_eq!(counter("TOTAL_LAUNCHED_MAPS"), "1\n");
    assert_eq!(counter("TOTAL_LAUNCHED_REDUCES"), "1\n");
    assert_eq!(counter("NUM_FAILED_MAPS"), "0\n");
    // Called by its own name the program counts as Hadoop's local mode does, which knows none of these.
    let ended = home.place.dir.run("-input 98.txt -output own -mapper cat").expect_code(0);
    assert!(!ended.stderr.contains("Job Counters"), "{}", ended.stderr);
}

#[test]
fn the_log_names_the_attempts_that_are_asked_for() {
    let home = Home::new();
    let run = |filter: &str, out: &str, mapper: &str, code: i32| {
        let job = format!(
            "hadoop jar streaming.jar -D mapreduce.client.output.filter={filter} -input 98.txt -output {out} -mapper '{mapper}'"
        );
        home.sh(&job).expect_code(code).stderr
    };
    let said = run("ALL", "a", "cat", 0);
    assert_eq!(said.matches("_0, Status : SUCCEEDED\n").count(), 2, "{said}");
    assert_eq!(run("SUCCEEDED", "b", "cat", 0).matches("_m_000000_0, Status : SUCCEEDED\n").count(), 1);
    assert!(!run("FAILED", "c", "cat", 0).contains("Task Id : "));
    assert!(run("ALL", "d", "sh -c \"exit 3\"", 1).contains("_m_000000_0, Status : FAILED\n"));
    assert!(!run("NONE", "e", "sh -c \"exit 3\"", 1).contains("Task Id : "));
    let said = run("some", "f", "cat", 1);
    assert!(said.contains("mapreduce.client.output.filter") && said.contains("SUCCEEDED or ALL"), "{said}");
}

#[test]
fn jobs_are_listed_with_their_queue() {
    let home = Home::new();
    let job = "hadoop jar streaming.jar -D mapred.job.queue.name=night -input 98.txt -output out -mapper cat";
    home.sh(job).expect_code(0);
    let list = home.sh("mapred job -list all").expect_code(0).stdout;
    let fields: Vec<&str> = list.lines().nth(2).unwrap().split('\t').map(str::trim).collect();
    assert_eq!(fields[5], "night", "{list}");
    let applications = home.sh("yarn application -list -appStates ALL").expect_code(0).stdout;
    assert_eq!(applications.lines().nth(2).unwrap().split('\t').nth(4).unwrap().trim(), "night");
}

#[test]
fn tasks_find_the_properties_of_the_job_in_a_file() {
    let home = Home::new();
    home.place.dir.script("m.sh", "#!/bin/sh\ncat job.xml\n");
    home.sh("hadoop jar streaming.jar -D my.own='a<b' -files m.sh -input 98.txt -output out -mapper m.sh -reducer NONE")
        .expect_code(0);
    let text = home.sh("hadoop fs -cat out/part-00000").stdout;
    for part in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>",
        "<property><name>my.own</name><value>a&lt;b</value><final>false</final>",
        "<property><name>mapreduce.job.reduces</name><value>0</value>",
        "</configuration>",
    ] {
        assert!(text.contains(part), "no {part}\n{text}");
    }
    // A shipped file of that name is the user's; without shipped files tasks run in the user's own folder.
    home.place.dir.write("job.xml", "mine\n");
    home.sh(
        "hadoop jar streaming.jar -files job.xml -input 98.txt -output b -mapper 'cat job.xml' -reducer NONE",
    )
    .expect_code(0);
    assert_eq!(home.sh("hadoop fs -cat b/part-00000").stdout, "mine\t\n");
    home.sh("rm job.xml; hadoop jar streaming.jar -input 98.txt -output c -mapper 'ls' -reducer NONE")
        .expect_code(0);
    assert!(!home.place.dir.path("job.xml").exists());
}

#[test]
fn logs_of_silent_tasks_are_empty_and_no_error() {
    let home = Home::new();
    home.sh("hadoop jar streaming.jar -input 98.txt -output out -mapper cat").expect_code(0);
    let application = home.job().replacen("job", "application", 1);
    let said = home.sh(&format!("yarn logs -applicationId {application}")).expect_code(0).stdout;
    assert_eq!(
        said,
        format!("The tasks of {application} wrote nothing on standard error, and none failed.\n")
    );
    home.sh(&format!("mapred job -logs {}", home.job())).expect_code(0);
    home.sh("yarn logs -applicationId application_1_0001")
        .expect_code(255)
        .expect_stderr(&["Can not find the logs for the application: application_1_0001"]);
}

#[test]
fn files_are_dumped_as_typed_bytes_and_loaded() {
    let home = Home::new();
    // A text: where each line begins, and the line.
    let hex =
        |script: &str| home.sh(&format!("{script} | od -An -v -tx1 | tr -d ' \\n'")).expect_code(0).stdout;
    let lines = "0400000000000000000700000003622061040000000000000004070000000161";
    assert_eq!(hex("hadoop jar hadoop-streaming.jar dumptb 98.txt"), lines);
    home.sh(
        "hadoop jar hadoop-streaming.jar dumptb 98.txt >t; hadoop jar x-streaming.jar loadtb new/t.seq <t",
    )
    .expect_code(0);
    let file = std::fs::read(
        home.place.dir.path("dfs/user").join(home.sh("id -un").stdout.trim()).join("new/t.seq"),
    )
    .unwrap();
    let class = b"\x2forg.apache.hadoop.typedbytes.TypedBytesWritable";
    let head =
        [&b"SEQ\x06"[..], class, class, b"\x01\x00\x2aorg.apache.hadoop.io.compress.DefaultCodec\0\0\0\0"]
            .concat();
    assert!(file.starts_with(&head), "{}", String::from_utf8_lossy(&file[..200.min(file.len())]));
    assert_eq!(
        hex(
            "mapred streaming -input new/t.seq -output n -mapper cat -inputformat SequenceFileAsTextInputFormat 2>/dev/null; hadoop jar x-streaming.jar dumptb new"
        ),
        lines
    );
    assert_eq!(hex("hadoop jar x-streaming.jar DUMPTB 'new/*.seq'"), lines);
    // A folder with a marker in it, as jobs leave it.
    let job = "hadoop jar streaming.jar -io typedbytes -inputformat org.apache.hadoop.streaming.AutoInputFormat \
               -outputformat org.apache.hadoop.mapred.SequenceFileOutputFormat -input new/t.seq -output out -mapper cat \
               -reducer NONE";
    home.sh(job).expect_code(0);
    assert_eq!(hex("hadoop jar x-streaming.jar dumptb out"), lines);
    let check = |script: &str, code: i32, expect: &str| {
        home.sh(script).expect_code(code).expect_stderr(&[expect, "Streaming Command Failed!\n"]);
    };
    check("hadoop jar x-streaming.jar loadtb new/t.seq <t", 255, "given path exists already!\n");
    check("hadoop jar x-streaming.jar dumptb 'nope*'", 255, "");
    check("hadoop jar x-streaming.jar dumptb nope", 1, "nope");
    check("hadoop jar x-streaming.jar dumptb", 1, "Too few arguments!\n");
    check("hadoop jar x-streaming.jar loadtb", 1, "Too few arguments!\n");
    check("printf '\\041' | hadoop jar x-streaming.jar loadtb bad", 1, "type code 33 is unknown");
    home.sh("hadoop fs -test -e bad").expect_code(1);
}

#[test]
fn owners_may_have_any_name() {
    let home = Home::new();
    home.sh("hadoop fs -mkdir -p /d/e && hadoop fs -put 98.txt /d/e").expect_code(0);
    let ended = home.sh("hdfs dfs -chown -R no-such-user:no-such-group /d").expect_code(0);
    if ended.stderr.contains("the disk cannot keep the name") {
        println!("skipped: no extended attributes in the folder for temporary files");
        return;
    }
    assert_eq!(ended.stderr, "");
    let owner = |path: &str| home.sh(&format!("hadoop fs -stat '%u:%g' {path}")).expect_code(0).stdout;
    assert_eq!(owner("/d/e/98.txt"), "no-such-user:no-such-group\n");
    home.sh("hadoop fs -chgrp other-group /d/e").expect_code(0);
    assert_eq!(owner("/d/e"), "no-such-user:other-group\n");
    let listed = home.sh("hadoop fs -ls /d/e").stdout;
    assert!(listed.contains(" no-such-user no-such-group "), "{listed}");
    // It is still the user's own, and a name that the machine knows takes its place.
    home.sh("hadoop fs -mv /d/e/98.txt /d/f && hadoop fs -cat /d/f && hadoop fs -chown $(id -un) /d/f")
        .expect_code(0);
    assert_eq!(owner("/d/f").split(':').next().unwrap(), home.sh("id -un").stdout.trim());
    // On the local disk a name must be an account.
    home.sh("hadoop fs -chown no-such-user file://$PWD/98.txt")
        .expect_code(1)
        .expect_stderr(&["no account of this machine has the name 'no-such-user'"]);
}

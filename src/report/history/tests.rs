use super::super::record::tests::record;
use super::*;
use crate::counters::{FileSystemCounter, TaskCounter};

/// 6-Oct-2011 19:15:01 GMT.
const BEGUN: i64 = 1_317_928_501_000;

fn attempt(number: u32, begun: i64, ended: i64, error: Option<&str>) -> AttemptRow {
    AttemptRow {
        number,
        begun_ms: BEGUN + begun * 1_000,
        ended_ms: Some(BEGUN + ended * 1_000),
        error: error.map(str::to_owned),
    }
}

/// A run of two maps and a reduce, which ended 3 670 s after it began.
fn run() -> RunRecord {
    let mut total = Counters::new();
    total.add(TaskCounter::MapInputRecords, 1_234_567);
    total.add(TaskCounter::ReduceInputRecords, 12);
    total.add(TaskCounter::SpilledRecords, 24);
    total.add_file_system("file", FileSystemCounter::BytesRead, 7);
    total.add_failed_attempts(TaskKind::Map, 1);
    total.add_user("Mine", "c", 3).unwrap();
    let mut reduces = Counters::new();
    reduces.add(TaskCounter::ReduceInputRecords, 12);
    reduces.add(TaskCounter::SpilledRecords, 10);
    reduces.add_user("Mine", "c", 1).unwrap();
    let row = |tries: Vec<AttemptRow>| {
        let ended_ms = tries.last().and_then(|attempt| attempt.ended_ms).unwrap();
        TaskRow { attempts: tries.len() as u32, failed: tries.len() as u32 - 1, ended_ms, done: true, tries }
    };
    let tasks: BTreeMap<TaskId, TaskRow> = [
        (TaskId::map(0), row(vec![attempt(0, 1, 4, None)])),
        (TaskId::map(1), row(vec![attempt(0, 1, 2, Some("Error: x")), attempt(1, 2, 72, None)])),
        (TaskId::reduce(0), row(vec![attempt(0, 72, 3_669, None)])),
    ]
    .into();
    RunRecord {
        id: "job_7_0001".into(),
        name: "my job".into(),
        begun_ms: BEGUN,
        ended_ms: Some(BEGUN + 3_670_000),
        history: Some(History::new(&total, &reduces, &tasks)),
        tasks: tasks.iter().map(|(task, row)| (task.to_string(), row.clone())).collect(),
        ..record()
    }
}

/// The times of the test, in the zone of this machine.
fn local(text: &str) -> String {
    let mut text = text.to_owned();
    for second in [0, 1, 2, 4, 72, 3_669, 3_670] {
        let shown = clock::local(BEGUN + second * 1_000, "%-d-%b-%Y %H:%M:%S");
        text = text.replace(&format!("@{second} "), &(shown.clone() + " "));
        text = text.replace(&format!("@{second};"), &shown);
    }
    text
}

#[test]
fn people_read_what_hadoops_printer_writes() {
    let expect = "\nHadoop job: job_7_0001\n\
        =====================================\n\
        User: ann\nJobName: my job\nJobConf: \n\
        Submitted At: @0;\nLaunched At: @0 (0sec)\nFinished At: @3670 (1hrs, 1mins, 10sec)\nStatus: SUCCEEDED\n\
        Counters: \n\n\
        |Group Name                    |Counter name                  |Map Value |Reduce Value|Total Value|\n\
        ---------------------------------------------------------------------------------------\n\
        |File System Counters          |FILE: Number of bytes read    |7         |0         |7         \n\
        |Job Counters                  |Failed map tasks              |0         |0         |1         \n\
        |Map-Reduce Framework          |Map input records             |1,234,567 |0         |1,234,567 \n\
        |Map-Reduce Framework          |Reduce input records          |0         |12        |12        \n\
        |Map-Reduce Framework          |Spilled Records               |14        |10        |24        \n\
        |Mine                          |c                             |2         |1         |3         \n\n\
        =====================================\n\n\
        Task Summary\n============================\n\
        Kind\tTotal\tSuccessful\tFailed\tKilled\tStartTime\tFinishTime\n\n\
        Setup\t0\t0\t\t0\t0\t\t\n\
        Map\t3\t2\t\t1\t0\t@1;\t@72 (1mins, 11sec)\n\
        Reduce\t1\t1\t\t0\t0\t@72;\t@3669 (59mins, 57sec)\n\
        Cleanup\t0\t0\t\t0\t0\t\t\n\
        ============================\n\n\n\
        Analysis\n=========\n\n\
        Time taken by best performing map task task_7_0001_m_000000: 3sec\n\
        Average time taken by map tasks: 36sec\n\
        Worse performing map tasks: \nTaskId\t\tTimetaken\n\
        task_7_0001_m_000001 1mins, 10sec\ntask_7_0001_m_000000 3sec\n\
        The last map task task_7_0001_m_000001 finished at (relative to the Job launch time): @72 (1mins, 12sec)\n\n\
        Time taken by best performing shuffle task task_7_0001_r_000000: 0sec\n\
        Average time taken by shuffle tasks: 0sec\n\
        Worse performing shuffle tasks: \nTaskId\t\tTimetaken\ntask_7_0001_r_000000 0sec\n\
        The last shuffle task task_7_0001_r_000000 finished at (relative to the Job launch time): @72 (1mins, 12sec)\n\n\
        Time taken by best performing reduce task task_7_0001_r_000000: 59mins, 57sec\n\
        Average time taken by reduce tasks: 59mins, 57sec\n\
        Worse performing reduce tasks: \nTaskId\t\tTimetaken\ntask_7_0001_r_000000 59mins, 57sec\n\
        The last reduce task task_7_0001_r_000000 finished at (relative to the Job launch time): @3669 (1hrs, 1mins, 9sec)\n\
        =========\n\n\
        FAILED task attempts by nodes\nHostname\tFailedTasks\n===============================\n\
        localhost\ttask_7_0001_m_000001, \n";
    assert_eq!(human(&run(), false), local(expect));
}

#[test]
fn all_tasks_and_attempts_are_listed_on_request() {
    let text = human(&run(), true);
    let rule = "=".repeat(52);
    for expect in [
        format!(
            "\nSUCCEEDED MAP task list for job_7_0001\nTaskId\t\tStartTime\tFinishTime\tError\tInputSplits\n{rule}\n\
             task_7_0001_m_000001\t@1;\t@72 (1mins, 11sec)\t\t/default-rack/localhost\n"
        ),
        format!(
            "\nSUCCEEDED REDUCE task list for job_7_0001\nTaskId\t\tStartTime\tFinishTime\tError\n{rule}\n\
             task_7_0001_r_000000\t@72;\t@3669 (59mins, 57sec)\t\n"
        ),
        format!(
            "\nMAP task list for job_7_0001\nTaskId\t\tStartTime\tFinishTime\tHostName\tError\tTaskLogs\n{rule}\n\
             attempt_7_0001_m_000000_0\t@1;\t@4 (3sec)\tlocalhost\tn/a\n\
             attempt_7_0001_m_000001_0\t@1;\t@2 (1sec)\tlocalhost\tError: xn/a\n"
        ),
        format!(
            "\nREDUCE task list for job_7_0001\nTaskId\t\tStartTime\tShuffleFinished\tSortFinished\tFinishTime\t\
             HostName\tError\tTaskLogs\n{rule}\n\
             attempt_7_0001_r_000000_0\t@72;\t@72 (0sec)\t@72 (0sec)@3669 (59mins, 57sec)\tlocalhost\tn/a\n"
        ),
    ] {
        assert!(text.contains(&local(&expect)), "no {expect}\n{text}");
    }
    let failed = human(&RunRecord { state: RunState::Failed, ..run() }, false);
    assert!(failed.contains("\nNo Analysis available as job did not finish\n"), "{failed}");
}

#[test]
fn programs_read_what_hadoops_printer_writes() {
    let counter = |name: &str, [map, reduce, total]: [i64; 3]| serde_json::json!({"counterName": name, "mapValue": map, "reduceValue": reduce, "totalValue": total});
    let read: serde_json::Value = serde_json::from_str(&json(&run(), false)).unwrap();
    let head = serde_json::json!([
        "job_7_0001",
        "ann",
        "my job",
        "",
        BEGUN,
        BEGUN,
        BEGUN + 3_670_000,
        "SUCCEEDED",
        []
    ]);
    let names = [
        "hadoopJob",
        "user",
        "jobName",
        "jobConf",
        "submittedAt",
        "launchedAt",
        "finishedAt",
        "status",
        "tasks",
    ];
    assert_eq!(names.iter().map(|name| read[name].clone()).collect::<serde_json::Value>(), head);
    let counters = serde_json::json!({
        "org.apache.hadoop.mapreduce.FileSystemCounter": [counter("FILE_BYTES_READ", [7, 0, 7])],
        "org.apache.hadoop.mapreduce.JobCounter": [counter("NUM_FAILED_MAPS", [0, 0, 1])],
        "org.apache.hadoop.mapreduce.TaskCounter": [
            counter("MAP_INPUT_RECORDS", [1_234_567, 0, 1_234_567]),
            counter("REDUCE_INPUT_RECORDS", [0, 12, 12]),
            counter("SPILLED_RECORDS", [14, 10, 24]),
        ],
        "Mine": [counter("c", [2, 1, 3])],
    });
    assert_eq!(read["counters"], counters);
    let map = serde_json::json!({
        "total": 3, "successful": 2, "failed": 1, "killed": 0, "startTime": BEGUN + 1_000,
        "finishTime": BEGUN + 72_000,
    });
    assert_eq!(read["taskSummary"]["map"], map);
    let none = serde_json::json!({
        "total": 0, "successful": 0, "failed": 0, "killed": 0, "startTime": 0, "finishTime": 0,
    });
    assert_eq!([&read["taskSummary"]["setup"], &read["taskSummary"]["cleanup"]], [&none, &none]);
    let read: serde_json::Value = serde_json::from_str(&json(&run(), true)).unwrap();
    let task = serde_json::json!({
        "taskId": "task_7_0001_r_000000", "type": "REDUCE", "status": "SUCCEEDED", "startTime": BEGUN + 72_000,
        "finishTime": BEGUN + 3_669_000,
        "attempts": {
            "attemptId": "attempt_7_0001_r_000000_0", "startTime": BEGUN + 72_000,
            "shuffleFinished": BEGUN + 72_000, "sortFinished": BEGUN + 72_000, "finishTime": BEGUN + 3_669_000,
            "hostName": "localhost",
        },
    });
    assert_eq!(read["tasks"][2], task);
    assert_eq!(read["tasks"][1]["attempts"]["attemptId"], "attempt_7_0001_m_000001_1");
    assert!(json(&run(), false).starts_with("{\"hadoopJob\":\"job_7_0001\",\"user\":\"ann\",\"jobName\":"));
}

#[test]
fn tasks_that_were_not_done_have_their_error() {
    let mut run = RunRecord { state: RunState::Failed, ..run() };
    let row = run.tasks.get_mut("m_000001").unwrap();
    row.done = false;
    row.tries.pop();
    row.ended_ms = BEGUN + 2_000;
    let row = run.tasks.get_mut("r_000000").unwrap();
    (row.done, row.tries[0].ended_ms) = (false, None);
    let read: serde_json::Value = serde_json::from_str(&json(&run, false)).unwrap();
    let tasks: Vec<_> = read["tasks"].as_array().unwrap().iter().map(|task| &task["status"]).collect();
    assert_eq!(tasks, ["FAILED", "KILLED"]);
    assert_eq!(read["tasks"][0]["error"], "Error: x");
    assert!(human(&run, false).contains("\ttask_7_0001_m_000001, \n\nKILLED task attempts by nodes\n"));
    assert_eq!(
        events(&run),
        [("FAILED", "attempt_7_0001_m_000001_0".into()), ("SUCCEEDED", "attempt_7_0001_m_000000_0".into())]
    );
    assert_eq!(successes(&run, TaskKind::Map), ["attempt_7_0001_m_000000_0"]);
}

#[test]
fn numbers_and_durations_are_written_as_java_does() {
    let check = |value: i64, expect: &str| assert_eq!(decimal(value), expect);
    check(0, "0");
    check(-999, "-999");
    check(1_000, "1,000");
    check(-1_234_567, "-1,234,567");
    check(i64::MIN, "-9,223,372,036,854,775,808");
    // StringUtils.formatTime
    assert_eq!([0, 60_000, 7_205_999].map(duration), ["0sec", "1mins, 0sec", "2hrs, 5sec"]);
}

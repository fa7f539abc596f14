//! Progress of a job: Hadoop's lines in a log, one line that rewrites itself on a terminal.
//!
//! The clock is the caller's: a [`Snapshot`] says how long the job has been running, so that nothing here
//! waits and every line can be tested.

use crate::printable::printable;
use crate::units;
use std::io::Write;
use std::time::Duration;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A line of its own whenever a percentage changes, as Hadoop's `Job.monitorAndPrintJob` does.
    Plain,
    /// One line that is drawn over, on a terminal.
    Live,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Share of the map work done, from 0 to 1.
    pub map: f64,
    /// Share of the reduce work done, from 0 to 1.
    pub reduce: f64,
    /// Bytes of input read so far, as stored.
    pub input_bytes: u64,
    /// Bytes of input in all.
    pub input_bytes_total: u64,
    /// Attempts at work.
    pub running: u32,
    /// Map and reduce tasks done.
    pub done: u32,
    /// Time since the job began.
    pub elapsed: Duration,
    /// Width of the terminal, which may change; 0 if it is not known.
    pub columns: u16,
}

/// Width of a terminal that does not say.
const COLUMNS_UNKNOWN: u16 = 80;

/// Shows the progress of one job.
///
/// A writer that fails is ignored: a job does not die of a closed terminal.
pub struct Progress {
    out: Box<dyn Write + Send>,
    style: Style,
    tasks: u32,
    has_reduces: bool,
    /// Percentages shown last.
    shown: Option<(u8, u8)>,
    /// What stands on the terminal's last line now.
    drawn: String,
    /// Width of the terminal when it was last asked for.
    columns: usize,
    /// The last time at which no record was reduced.
    reduce_began: Duration,
}

impl Progress {
    /// Shows a job of so many map and reduce tasks on `out`.
    pub fn new(style: Style, maps: u32, reduces: u32, out: Box<dyn Write + Send>) -> Self {
        let (tasks, has_reduces) = (maps.saturating_add(reduces), reduces > 0);
        Self {
            out,
            style,
            tasks,
            has_reduces,
            shown: None,
            drawn: String::new(),
            columns: COLUMNS_UNKNOWN.into(),
            reduce_began: Duration::ZERO,
        }
    }

    /// Shows how far the job is; draws nothing that stands there already.
    pub fn update(&mut self, now: &Snapshot) {
        let percents = (percent(now.map), percent(now.reduce));
        let changed = self.shown.replace(percents) != Some(percents);
        if now.reduce <= 0.0 {
            self.reduce_began = now.elapsed;
        }
        match self.style {
            Style::Plain if changed => self.put(&format!("{}\n", plain_line(percents))),
            Style::Plain => {}
            Style::Live => {
                self.columns = usize::from(if now.columns == 0 { COLUMNS_UNKNOWN } else { now.columns });
                let line = self.live_line(percents, now);
                if line != self.drawn || self.rows() > 1 {
                    self.put(&format!("{}{line}\x1b[K", self.to_its_start()));
                    self.drawn = line;
                }
            }
        }
    }

    /// Rows that the line takes which stands on the terminal: more than one when the terminal was narrowed.
    fn rows(&self) -> usize {
        self.drawn.chars().count().div_ceil(self.columns).max(1)
    }

    /// What leads to the start of the line that stands on the terminal. More than one row is erased.
    fn to_its_start(&self) -> String {
        match self.rows() - 1 {
            0 => "\r".to_owned(),
            above => format!("\r\x1b[{above}A\x1b[J"),
        }
    }

    /// Prints a line of something else above the progress; the newline is added. No terminal obeys what is in it, but
    /// a log gets every byte.
    pub fn print(&mut self, line: &[u8]) {
        let mut text = Vec::new();
        let erase = if self.drawn.is_empty() { String::new() } else { self.to_its_start() + "\x1b[K" };
        text.extend_from_slice(erase.as_bytes());
        match self.style {
            Style::Plain => text.extend_from_slice(line),
            Style::Live => text.extend_from_slice(printable(line).as_bytes()),
        }
        text.push(b'\n');
        text.extend_from_slice(self.drawn.as_bytes());
        self.put_bytes(&text);
    }

    /// Ends the display: a live line gives way to the last of Hadoop's lines.
    pub fn finish(mut self) {
        if let (Style::Live, Some(percents)) = (self.style, self.shown) {
            self.put(&format!("{}\x1b[K{}\n", self.to_its_start(), plain_line(percents)));
        }
    }

    /// The percentages, and of the rest as much as the terminal is wide enough for: the time left before the tasks, the
    /// tasks before the bytes.
    fn live_line(&self, percents: (u8, u8), now: &Snapshot) -> String {
        let left = self.time_left(now).map(|left| format!("{} left", units::duration(left)));
        let tasks = Some(format!("{} of {} tasks done, {} running", now.done, self.tasks, now.running));
        let mut fields = [Some(plain_line(percents)), bytes_field(now), tasks, left];
        let joined =
            |fields: &[Option<String>]| fields.iter().flatten().cloned().collect::<Vec<_>>().join("  ");
        // The last column stays empty: some terminals begin a new line when it is filled.
        let width = self.columns - 1;
        for dropped in [1, 2, 3] {
            if joined(&fields).chars().count() <= width {
                break;
            }
            fields[dropped] = None;
        }
        joined(&fields).chars().take(width).collect()
    }

    /// The time that what is left takes at the speed so far: of the map phase, or of the reduce phase once that has a
    /// speed; `None` before there is any.
    fn time_left(&self, now: &Snapshot) -> Option<Duration> {
        // Less than that foretells nothing.
        const DONE_MIN: f64 = 0.01;
        let at_speed = |done: f64, spent: Duration| {
            let known = (DONE_MIN..1.0).contains(&done);
            known.then(|| spent.as_secs_f64() * (1.0 - done) / done)
        };
        let left = if self.has_reduces && now.map >= 1.0 {
            at_speed(now.reduce, now.elapsed.saturating_sub(self.reduce_began))
        } else {
            at_speed(now.map, now.elapsed)
        };
        // Tenths of a second would only flicker.
        Some(Duration::from_secs(Duration::try_from_secs_f64(left?).ok()?.as_secs() + 1))
    }

    fn put(&mut self, text: &str) {
        self.put_bytes(text.as_bytes());
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.out.write_all(bytes).and_then(|()| self.out.flush()).ok();
    }
}

/// Bytes read, and how fast while there are more.
fn bytes_field(now: &Snapshot) -> Option<String> {
    let (read, total) = (units::bytes(now.input_bytes), units::bytes(now.input_bytes_total));
    let seconds = now.elapsed.as_secs_f64();
    let is_reading = seconds > 0.0 && now.input_bytes < now.input_bytes_total;
    let rate = units::bytes((now.input_bytes as f64 / seconds.max(f64::MIN_POSITIVE)) as u64);
    let rate = if is_reading { format!(", {rate}/s") } else { String::new() };
    (now.input_bytes_total > 0).then(|| format!("{read} of {total}{rate}"))
}

fn plain_line((map, reduce): (u8, u8)) -> String {
    format!(" map {map}% reduce {reduce}%")
}

/// Whole percents, halves up as Java rounds them. Hadoop: `StringUtils.formatPercent`.
fn percent(share: f64) -> u8 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is written while `act` shows a job of 3 maps and `reduces` reduces.
    fn check(style: Style, reduces: u32, act: impl FnOnce(Progress), expect: &str) {
        let screen = Screen::default();
        act(Progress::new(style, 3, reduces, Box::new(screen.clone())));
        let written = String::from_utf8(screen.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written, expect);
    }

    fn shares(map: f64, reduce: f64) -> Snapshot {
        Snapshot { map, reduce, ..Snapshot::default() }
    }

    #[test]
    fn plain_lines_come_when_a_number_changes() {
        let act = |mut progress: Progress| {
            for (map, reduce) in [
                (0.0, 0.0),
                (0.004, 0.0),
                (0.005, 0.0),
                (f64::NAN, 0.0),
                (0.335, 0.0),
                (1.0, 0.25),
                (7.0, -1.0),
            ] {
                progress.update(&shares(map, reduce));
            }
            progress.print(b"other");
            progress.finish();
        };
        let expect = [
            " map 0% reduce 0%",
            " map 1% reduce 0%",
            " map 0% reduce 0%",
            " map 34% reduce 0%",
            " map 100% reduce 25%",
            " map 100% reduce 0%",
            "other",
            "",
        ];
        check(Style::Plain, 2, act, &expect.join("\n"));
    }

    #[test]
    fn a_live_line_is_drawn_over_and_kept_below_other_lines() {
        let act = |mut progress: Progress| {
            let now = Snapshot {
                map: 0.5,
                reduce: 0.0,
                input_bytes: 3 << 20,
                input_bytes_total: 6 << 20,
                running: 2,
                done: 1,
                elapsed: Duration::from_secs(3),
                columns: 200,
            };
            progress.update(&now);
            progress.update(&now);
            progress.print(b"other");
            progress.update(&Snapshot {
                map: 1.0,
                reduce: 1.0,
                done: 5,
                columns: 200,
                ..Snapshot::default()
            });
            progress.finish();
        };
        let first =
            " map 50% reduce 0%  3.0 MiB of 6.0 MiB, 1.0 MiB/s  1 of 5 tasks done, 2 running  4.0 s left";
        let second = " map 100% reduce 100%  5 of 5 tasks done, 0 running";
        let expect =
            format!("\r{first}\x1b[K\r\x1b[Kother\n{first}\r{second}\x1b[K\r\x1b[K map 100% reduce 100%\n");
        check(Style::Live, 2, act, &expect);
    }

    fn at_width(columns: u16) -> Snapshot {
        let (elapsed, input_bytes_total) = (Duration::from_secs(3), 1 << 20);
        Snapshot { map: 0.5, input_bytes_total, running: 2, done: 1, elapsed, columns, ..Snapshot::default() }
    }

    #[test]
    fn a_live_line_drops_fields_to_fit_its_terminal() {
        let check_width = |columns: u16, expect: &str| {
            let act = |mut progress: Progress| progress.update(&at_width(columns));
            check(Style::Live, 0, act, &format!("\r{expect}\x1b[K"));
        };
        let whole = " map 50% reduce 0%  0 B of 1.0 MiB, 0 B/s  1 of 3 tasks done, 2 running  4.0 s left";
        check_width(200, whole);
        check_width(whole.len() as u16 + 1, whole);
        let tasks = " map 50% reduce 0%  1 of 3 tasks done, 2 running  4.0 s left";
        check_width(whole.len() as u16, tasks);
        // An unknown width is 80 columns.
        check_width(0, tasks);
        check_width(40, " map 50% reduce 0%  4.0 s left");
        check_width(30, " map 50% reduce 0%");
        check_width(10, " map 50% ");
        check(Style::Live, 0, |mut progress: Progress| progress.update(&at_width(1)), "");
    }

    #[test]
    fn a_line_on_a_narrowed_terminal_is_erased_with_all_its_rows() {
        let act = |mut progress: Progress| {
            progress.update(&at_width(80));
            progress.update(&at_width(40));
            progress.update(&at_width(40));
            progress.update(&at_width(20));
            progress.print(b"x");
        };
        let first = " map 50% reduce 0%  1 of 3 tasks done, 2 running  4.0 s left";
        let (second, third) = (" map 50% reduce 0%  4.0 s left", " map 50% reduce 0%");
        let expect = format!(
            "\r{first}\x1b[K\r\x1b[1A\x1b[J{second}\x1b[K\r\x1b[1A\x1b[J{third}\x1b[K\r\x1b[Kx\n{third}"
        );
        check(Style::Live, 0, act, &expect);
    }

    #[test]
    fn other_lines_reach_a_terminal_escaped() {
        let act = |mut progress: Progress| progress.print(b"\x1b[2Jx\xff");
        check(Style::Live, 0, act, "\\u{1b}[2Jx\\xff\n");
    }

    #[test]
    fn the_time_left_follows_the_speed_of_each_phase() {
        let left = |reduces, steps: &[(u64, f64, f64)]| {
            let mut progress = Progress::new(Style::Plain, 1, reduces, Box::new(Vec::new()));
            let mut left = None;
            for (seconds, map, reduce) in steps {
                let now = Snapshot { elapsed: Duration::from_secs(*seconds), ..shares(*map, *reduce) };
                progress.update(&now);
                left = progress.time_left(&now).map(|left| left.as_secs());
            }
            left
        };
        assert_eq!(left(0, &[(30, 0.0, 0.0)]), None);
        assert_eq!(left(0, &[(30, 0.75, 0.0)]), Some(11));
        // Reduces take what they take, whatever the maps took.
        assert_eq!(left(1, &[(30, 0.75, 0.0)]), Some(11));
        assert_eq!(left(1, &[(90, 0.9, 0.0)]), Some(11));
        assert_eq!(left(1, &[(100, 1.0, 0.0)]), None);
        assert_eq!(left(1, &[(100, 1.0, 0.0), (104, 1.0, 0.5)]), Some(5));
        assert_eq!(left(1, &[(100, 1.0, 0.0), (108, 1.0, 1.0)]), None);
        assert_eq!(left(0, &[(30, f64::NAN, 0.0)]), None);
    }
}

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
    /// One line that is drawn over, on a terminal of so many columns.
    Live {
        /// Width of the terminal.
        columns: u16,
    },
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
}

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
}

impl Progress {
    /// Shows a job of so many map and reduce tasks on `out`.
    pub fn new(style: Style, maps: u32, reduces: u32, out: Box<dyn Write + Send>) -> Self {
        let (tasks, has_reduces) = (maps.saturating_add(reduces), reduces > 0);
        Self { out, style, tasks, has_reduces, shown: None, drawn: String::new() }
    }

    /// Shows how far the job is; draws nothing that stands there already.
    pub fn update(&mut self, now: &Snapshot) {
        let percents = (percent(now.map), percent(now.reduce));
        let changed = self.shown.replace(percents) != Some(percents);
        match self.style {
            Style::Plain if changed => self.put(&format!("{}\n", plain_line(percents))),
            Style::Plain => {}
            Style::Live { columns } => {
                let line = self.live_line(percents, now);
                // The last column stays empty: some terminals begin a new line when it is filled.
                let line: String = line.chars().take(usize::from(columns).saturating_sub(1)).collect();
                if line != self.drawn {
                    self.put(&format!("\r{line}\x1b[K"));
                    self.drawn = line;
                }
            }
        }
    }

    /// Prints a line of something else above the progress; the newline is added. No terminal obeys what is in it, but
    /// a log gets every byte.
    pub fn print(&mut self, line: &[u8]) {
        let mut text = Vec::new();
        let erase = if self.drawn.is_empty() { "" } else { "\r\x1b[K" };
        text.extend_from_slice(erase.as_bytes());
        match self.style {
            Style::Plain => text.extend_from_slice(line),
            Style::Live { .. } => text.extend_from_slice(printable(line).as_bytes()),
        }
        text.push(b'\n');
        text.extend_from_slice(self.drawn.as_bytes());
        self.put_bytes(&text);
    }

    /// Ends the display: a live line gives way to the last of Hadoop's lines.
    pub fn finish(mut self) {
        if let (Style::Live { .. }, Some(percents)) = (self.style, self.shown) {
            self.put(&format!("\r\x1b[K{}\n", plain_line(percents)));
        }
    }

    fn live_line(&self, percents: (u8, u8), now: &Snapshot) -> String {
        let mut parts = vec![plain_line(percents)];
        let seconds = now.elapsed.as_secs_f64();
        if now.input_bytes_total > 0 {
            let (read, total) = (units::bytes(now.input_bytes), units::bytes(now.input_bytes_total));
            // While reducing, the rate of the input says nothing any more.
            if seconds > 0.0 && now.input_bytes < now.input_bytes_total {
                let rate = units::bytes((now.input_bytes as f64 / seconds) as u64);
                parts.push(format!("{read} of {total}, {rate}/s"));
            } else {
                parts.push(format!("{read} of {total}"));
            }
        }
        parts.push(format!("{} of {} tasks done, {} running", now.done, self.tasks, now.running));
        if let Some(left) = self.time_left(now) {
            parts.push(format!("{} left", units::duration(left)));
        }
        parts.join("  ")
    }

    /// The time that what is left takes at the speed so far; `None` before there is a speed.
    fn time_left(&self, now: &Snapshot) -> Option<Duration> {
        let done = if self.has_reduces { f64::midpoint(now.map, now.reduce) } else { now.map };
        // Less than that foretells nothing.
        if !(0.01..1.0).contains(&done) {
            return None;
        }
        let left = Duration::try_from_secs_f64(now.elapsed.as_secs_f64() * (1.0 - done) / done).ok()?;
        // Tenths of a second would only flicker.
        Some(Duration::from_secs(left.as_secs() + 1))
    }

    fn put(&mut self, text: &str) {
        self.put_bytes(text.as_bytes());
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.out.write_all(bytes).and_then(|()| self.out.flush()).ok();
    }
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
            };
            progress.update(&now);
            progress.update(&now);
            progress.print(b"other");
            progress.update(&Snapshot { map: 1.0, reduce: 1.0, done: 5, ..Snapshot::default() });
            progress.finish();
        };
        let first =
            " map 50% reduce 0%  3.0 MiB of 6.0 MiB, 1.0 MiB/s  1 of 5 tasks done, 2 running  10.0 s left";
        let second = " map 100% reduce 100%  5 of 5 tasks done, 0 running";
        let expect =
            format!("\r{first}\x1b[K\r\x1b[Kother\n{first}\r{second}\x1b[K\r\x1b[K map 100% reduce 100%\n");
        check(Style::Live { columns: 200 }, 2, act, &expect);
    }

    #[test]
    fn a_live_line_fits_its_terminal() {
        let act = |mut progress: Progress| progress.update(&shares(0.0, 0.0));
        check(Style::Live { columns: 10 }, 0, act, "\r map 0% r\x1b[K");
        check(Style::Live { columns: 0 }, 0, act, "");
        let act = |mut progress: Progress| progress.print(b"\x1b[2Jx\xff");
        check(Style::Live { columns: 10 }, 0, act, "\\u{1b}[2Jx\\xff\n");
    }

    #[test]
    fn the_time_left_follows_the_work_done() {
        let left = |reduces, map, reduce| {
            let progress = Progress::new(Style::Plain, 1, reduces, Box::new(Vec::new()));
            let now = Snapshot { elapsed: Duration::from_secs(30), ..shares(map, reduce) };
            progress.time_left(&now).map(|left| left.as_secs())
        };
        assert_eq!(left(0, 0.0, 0.0), None);
        assert_eq!(left(0, 0.75, 0.0), Some(11));
        assert_eq!(left(1, 1.0, 0.5), Some(11));
        assert_eq!(left(1, 1.0, 1.0), None);
        assert_eq!(left(0, f64::NAN, 0.0), None);
    }
}

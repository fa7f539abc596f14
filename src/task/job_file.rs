//! `job.xml`, the properties of a job as a file in the attempt's folder. Hadoop: `Configuration.writeXml`.

use crate::error::{At, IoError};
use crate::local_fs::Scratch;
use crate::plan::JobPlan;
use crate::sync::lock;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

/// Its name in an attempt's folder.
pub(super) const NAME: &str = "job.xml";

/// The file of a job, written when the first attempt wants it.
#[derive(Debug, Default)]
pub(super) struct JobFile(Mutex<Option<PathBuf>>);

impl JobFile {
    /// Where it is; `None` if the attempts have no folders of their own.
    pub(super) fn of(&self, plan: &JobPlan, scratch: &Scratch) -> Result<Option<PathBuf>, IoError> {
        let properties = &plan.children.environment.properties;
        let mut written = lock(&self.0);
        if written.is_none() && !properties.is_empty() {
            let path = scratch.first_dir().join(NAME);
            crate::fs::write(&path, text(properties)).at("write", &path)?;
            *written = Some(path);
        }
        Ok(written.clone())
    }
}

fn text(properties: &[(String, String)]) -> String {
    let mut text =
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n<configuration>\n".to_owned();
    // No XML can hold control characters.
    let can_stand = |letter: char| !letter.is_control() || "\t\n\r".contains(letter);
    for (name, value) in
        properties.iter().filter(|(name, value)| (name.to_owned() + value).chars().all(can_stand))
    {
        let (name, value) = (escaped(name), escaped(value));
        writeln!(
            text,
            "<property><name>{name}</name><value>{value}</value><final>false</final><source>job.xml</source></property>"
        )
        .expect("a string takes everything");
    }
    text + "</configuration>\n"
}

fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            // A parser would make a line feed of it.
            '\r' => plain.push_str("&#13;"),
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_what_no_xml_can_hold_is_left_out() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let text = text(&[pair("a", "<&>\r\n"), pair("b", "\u{1}"), pair("c", "")]);
        let property = |name: &str, value: &str| {
            format!(
                "<property><name>{name}</name><value>{value}</value><final>false</final><source>job.xml</source></property>\n"
            )
        };
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n<configuration>\n";
        let properties = property("a", "&lt;&amp;&gt;&#13;\n") + &property("c", "");
        assert_eq!(text, format!("{head}{properties}</configuration>\n"));
    }
}

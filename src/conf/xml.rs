//! Configuration files: `<configuration>` of `<property>`s with `<name>`, `<value>` and `<final>`.
//!
//! Follows the parser inside Hadoop's `Configuration`: a value keeps its blanks, a name does not; an empty
//! `<value>` says nothing; name, value and final may also stand as attributes of `<property>`; any other
//! element is passed over; `xi:include` reads another local file in place, relative to the first one, with
//! `xi:fallback` for one that does not exist. A document type is passed over, its entities are not known,
//! and nothing is ever fetched. No more than [`BYTES_MAX`] bytes are read of a file and those that it includes.

use super::error::ConfError;
use crate::error::At;
use crate::local_fs;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// How deep inclusions may be nested; more is a file that includes itself.
const INCLUSIONS_MAX: usize = 20;

/// Most bytes of a file and of those that it includes: 64 MiB. An endless file ends there, and so do files that
/// include themselves again and again.
const BYTES_MAX: u64 = /* 64 MiB */ 64 * 1_024 * 1_024;

/// What reading a file takes of that, whatever its size.
const BYTES_PER_FILE: u64 = 4 * 1_024;

/// Most attributes of an element: each is compared with all others.
const ATTRIBUTES_MAX: usize = 1_000;

/// One `<property>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileProperty {
    /// Its name, as given.
    pub(crate) name: String,
    /// Its value, if it says one.
    pub(crate) value: Option<String>,
    /// No later file may change it.
    pub(crate) is_final: bool,
}

/// Reads a configuration file; `None` if there is none, as Hadoop passes over a missing `-conf` file.
pub(crate) fn read_file(path: &Path) -> Result<Option<Vec<FileProperty>>, ConfError> {
    let base = path.parent().unwrap_or(Path::new("/"));
    read_nested(path, base, (0, &mut { BYTES_MAX }))
}

/// `left` is how many bytes may still be read.
fn read_nested(
    path: &Path,
    base: &Path,
    (depth, left): (usize, &mut u64),
) -> Result<Option<Vec<FileProperty>>, ConfError> {
    let bytes = match local_fs::read_small(path, *left) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        bytes => bytes.at("read", path)?,
    };
    *left = left.saturating_sub(bytes.len() as u64 + BYTES_PER_FILE);
    let Some(text) = decode(&bytes) else {
        let what = "bytes that are no text: expected UTF-8 or a declared ISO-8859-1".to_owned();
        return Err(ConfError::Xml { path: path.to_path_buf(), line: 1, column: 1, what });
    };
    let mut file =
        File { path, base, depth, left, text: &text, properties: Vec::new(), open: Open::default() };
    file.parse()?;
    Ok(Some(file.properties))
}

/// The text of a file in UTF-8, or in ISO-8859-1 if it says so.
fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(Cow::Borrowed(text));
    }
    let declaration = bytes.split(|byte| *byte == b'>').next()?.to_ascii_lowercase();
    let declared = String::from_utf8_lossy(&declaration).contains("iso-8859-1");
    declared.then(|| bytes.iter().map(|byte| char::from(*byte)).collect())
}

/// A file being read.
struct File<'a> {
    path: &'a Path,
    /// What inclusions are relative to.
    base: &'a Path,
    depth: usize,
    left: &'a mut u64,
    text: &'a str,
    properties: Vec<FileProperty>,
    open: Open,
}

/// What the elements around the current place have said so far.
#[derive(Default)]
struct Open {
    elements: usize,
    root_seen: bool,
    token: String,
    name: Option<String>,
    value: Option<String>,
    is_final: bool,
    /// The file that could not be included.
    missing: Option<PathBuf>,
    fallback: bool,
}

impl File<'_> {
    fn parse(&mut self) -> Result<(), ConfError> {
        let mut reader = Reader::from_str(self.text);
        reader.config_mut().expand_empty_elements = true;
        loop {
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(self.malformed(reader.error_position(), error.to_string())),
            };
            let at = reader.buffer_position();
            match event {
                Event::Start(element) => self.start(&element, at)?,
                Event::End(element) => self.end(element.local_name().as_ref(), at)?,
                Event::Text(text) => self.text(&text.xml10_content(), at)?,
                Event::CData(text) => self.text(&text.xml10_content(), at)?,
                Event::GeneralRef(reference) => {
                    let text = self.reference(&reference, at)?;
                    self.text(&text, at)?;
                }
                Event::Eof if self.open.elements > 0 => {
                    return Err(self.malformed(at, "the file ends inside an element".into()));
                }
                Event::Eof if !self.open.root_seen => {
                    return Err(self.malformed(at, "no element: expected <configuration>".into()));
                }
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    fn start(&mut self, element: &BytesStart<'_>, at: u64) -> Result<(), ConfError> {
        if self.open.elements == 0 && self.open.root_seen {
            return Err(self.malformed(at, "an element after the end of the first one".into()));
        }
        self.open.root_seen = true;
        self.open.elements += 1;
        match element.local_name().as_ref() {
            "property" => self.start_property(element, at),
            "name" | "value" | "final" => {
                self.open.token.clear();
                Ok(())
            }
            "include" => self.include(element, at),
            "fallback" => {
                self.open.fallback = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn start_property(&mut self, element: &BytesStart<'_>, at: u64) -> Result<(), ConfError> {
        let open = &mut self.open;
        (open.name, open.value, open.is_final) = (None, None, false);
        for (key, text) in self.attributes(element, at)? {
            match key.as_str() {
                "name" => self.open.name = Some(text),
                "value" => self.open.value = Some(text),
                "final" => self.open.is_final = text == "true",
                _ => {}
            }
        }
        Ok(())
    }

    fn end(&mut self, element: &str, at: u64) -> Result<(), ConfError> {
        let open = &mut self.open;
        open.elements = open.elements.saturating_sub(1);
        match element {
            "name" if !open.token.is_empty() => open.name = Some(open.token.trim().to_owned()),
            "value" if !open.token.is_empty() => open.value = Some(open.token.clone()),
            "final" => open.is_final = open.token == "true",
            "property" => self.end_property(),
            "include" => {
                let covered = std::mem::take(&mut open.fallback);
                if let Some(missing) = open.missing.take().filter(|_| !covered) {
                    let what = format!("cannot include {}: no such file and no fallback", missing.display());
                    return Err(self.malformed(at, what));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end_property(&mut self) {
        let open = &mut self.open;
        // A fallback counts only when the file is missing.
        let unwanted = open.fallback && open.missing.is_none();
        if let Some(name) = open.name.clone().filter(|_| !unwanted) {
            self.properties.push(FileProperty { name, value: open.value.clone(), is_final: open.is_final });
        }
    }

    fn include(&mut self, element: &BytesStart<'_>, at: u64) -> Result<(), ConfError> {
        let href = self.attributes(element, at)?.into_iter().find(|(key, _)| key == "href");
        let Some((_, href)) = href else { return Ok(()) };
        if self.depth == INCLUSIONS_MAX {
            return Err(self.malformed(at, format!("inclusions are nested more than {INCLUSIONS_MAX} deep")));
        }
        let local = href.strip_prefix("file:").unwrap_or(&href);
        if local.contains("://") {
            return Err(self.malformed(at, format!("cannot include {href}: expected a local file")));
        }
        let path = self.base.join(local);
        match read_nested(&path, self.base, (self.depth + 1, &mut *self.left))? {
            Some(properties) => self.properties.extend(properties),
            None => self.open.missing = Some(path),
        }
        Ok(())
    }

    fn attributes(&self, element: &BytesStart<'_>, at: u64) -> Result<Vec<(String, String)>, ConfError> {
        let mut found = Vec::new();
        for attribute in element.attributes() {
            if found.len() == ATTRIBUTES_MAX {
                return Err(
                    self.malformed(at, format!("an element with more than {ATTRIBUTES_MAX} attributes"))
                );
            }
            let attribute = attribute.map_err(|error| self.malformed(at, error.to_string()))?;
            let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
            let value = value.map_err(|error| self.malformed(at, error.to_string()))?;
            found.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
        }
        Ok(found)
    }

    fn text(&mut self, text: &str, at: u64) -> Result<(), ConfError> {
        if self.open.elements == 0 && !text.trim().is_empty() {
            return Err(self.malformed(at, "text outside of elements".into()));
        }
        self.open.token.push_str(text);
        Ok(())
    }

    fn reference(&self, reference: &BytesRef<'_>, at: u64) -> Result<String, ConfError> {
        match reference.resolve_char_ref() {
            Ok(Some(letter)) => return Ok(letter.into()),
            Ok(None) => {}
            Err(error) => return Err(self.malformed(at, error.to_string())),
        }
        let known = resolve_xml_entity(reference).map(str::to_owned);
        known.ok_or_else(|| self.malformed(at, format!("unknown entity &{};", &**reference)))
    }

    fn malformed(&self, at: u64, what: String) -> ConfError {
        let before = &self.text.as_bytes()[..self.text.len().min(at as usize)];
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
        ConfError::Xml { path: self.path.to_path_buf(), line, column, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &[u8])]) -> Result<Option<Vec<FileProperty>>, ConfError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        read_file(&folder.path().join("job.xml"))
    }

    /// Checks what one file says, as `name=value`, `name` for no value, with ` final`.
    fn check(files: &[(&str, &[u8])], expect: &[&str]) {
        let said = |property: FileProperty| {
            let value = property.value.map(|value| format!("={value}")).unwrap_or_default();
            format!("{}{value}{}", property.name, if property.is_final { " final" } else { "" })
        };
        let properties = read(files).unwrap().unwrap();
        assert_eq!(properties.into_iter().map(said).collect::<Vec<_>>(), expect);
    }

    fn check_error(content: &[u8], expect: &str) {
        let error = read(&[("job.xml", content)]).unwrap_err().to_string();
        assert!(error.ends_with(expect), "{error}");
    }

    #[test]
    fn properties_are_read() {
        let property = b"<?xml version=\"1.0\"?>\n<configuration><property><name> a </name>\
            <value> 1 &amp; &#50;<!-- x --><![CDATA[<3>]]>\r\n</value><description>d</description></property>\
            <property><name>b</name><value></value><final>true</final></property>\
            <property><value>nameless</value></property>\
            <property name=\"c\" value=\"x &lt; y\" final=\"true\"/></configuration>\n";
        check(&[("job.xml", property)], &["a= 1 & 2<3>\n", "b final", "c=x < y final"]);
    }

    #[test]
    fn encodings_are_known_by_mark_and_declaration() {
        let body = "<c><property><name>é</name><value>ß</value></property></c>";
        check(&[("job.xml", body.as_bytes())], &["é=ß"]);
        check(&[("job.xml", format!("\u{feff}{body}").as_bytes())], &["é=ß"]);
        let declared = format!("<?xml version='1.0' encoding='ISO-8859-1'?>{body}");
        let latin: Vec<u8> = declared.chars().map(|letter| letter as u8).collect();
        check(&[("job.xml", &latin)], &["é=ß"]);
        check_error(
            b"<c>\xff</c>",
            "line 1, column 1: bytes that are no text: expected UTF-8 or a declared ISO-8859-1",
        );
    }

    #[test]
    fn local_files_are_included() {
        let included = b"<c><property><name>in</name><value>1</value></property></c>";
        let including = b"<c xmlns:xi='x'><xi:include href='b.xml'/>\
            <property><name>out</name><value>2</value></property></c>";
        check(&[("job.xml", including), ("b.xml", included)], &["in=1", "out=2"]);
        let fallback = b"<c><xi:include href='b.xml'><xi:fallback>\
            <property><name>f</name><value>3</value></property></xi:fallback></xi:include></c>";
        check(&[("job.xml", fallback)], &["f=3"]);
        check(&[("job.xml", fallback), ("b.xml", included)], &["in=1"]);
        check_error(
            b"<c>\n<i:include href='http://h/b.xml'/></c>",
            "cannot include http://h/b.xml: expected a local file",
        );
        check_error(b"<c><i:include href='job.xml'/></c>", "inclusions are nested more than 20 deep");
        check_error(b"<c><i:include href='b.xml'/></c>", "b.xml: no such file and no fallback");
    }

    #[test]
    fn malformed_files_are_refused_with_the_place() {
        check_error(
            b"<c>\n <property></c>",
            "line 2, column 12: ill-formed document: expected `</property>`, but `</c>` was found",
        );
        check_error(b"<c><property>", "the file ends inside an element");
        check_error(b"", "no element: expected <configuration>");
        check_error(b"<c/>\n<d/>", "an element after the end of the first one");
        check_error(b"just text", "text outside of elements");
        check_error(b"<!DOCTYPE c [<!ENTITY e SYSTEM '/etc/passwd'>]><c>&e;</c>", "unknown entity &e;");
    }

    #[test]
    fn endless_files_are_refused() {
        let refused = |result: Result<_, ConfError>| crate::error::chain(&result.map(drop).unwrap_err());
        let text = refused(read_file(Path::new("/dev/zero")));
        let expect = "cannot read /dev/zero: it has more than 64.0 MiB, the most that is read of such a file";
        assert!(text.ends_with(expect), "{text}");
        // Two inclusions of itself, 20 deep, are a million files.
        let twice = b"<c><i:include href='job.xml'><i:fallback/></i:include><i:include href='job.xml'/></c>";
        check_error(twice, "inclusions are nested more than 20 deep");
        let levels: Vec<(String, String)> = (0..20)
            .map(|level| {
                let include = format!("<i:include href='{}.xml'/>", level + 1);
                (format!("{level}.xml"), format!("<c>{include}{include}</c>"))
            })
            .collect();
        let mut files: Vec<(&str, &[u8])> =
            levels.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
        files.extend([("20.xml", &b"<c/>"[..]), ("job.xml", levels[0].1.as_bytes())]);
        let text = refused(read(&files));
        assert!(text.contains("it has more than 0 B, the most that is read"), "{text}");
        let attributes =
            (0..=ATTRIBUTES_MAX).map(|number| format!(" a{number}=''")).collect::<Vec<_>>().concat();
        let many = format!("<c><property{attributes}/></c>");
        check_error(many.as_bytes(), "an element with more than 1000 attributes");
    }

    #[test]
    fn a_missing_file_is_passed_over() {
        assert_eq!(read(&[]).unwrap(), None);
    }
}

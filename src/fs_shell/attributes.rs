//! `-getfattr`, `-setfattr`, and names that are kept beside a file: extended attributes of the local disk. Those of the
//! name space `user` are kept; the others are root's or the system's. Hadoop: `XAttrCommands`, `XAttrHelper`.

use super::Call;
use super::acl::one_path;
use super::error::FsError;
use super::item::Item;
use super::options::Format;
use super::stat::Names;
use crate::dfs::Purpose;
use rustix::fs::{XattrFlags, getxattr, listxattr, removexattr, setxattr};
use rustix::io::Errno;
use std::io;
use std::path::Path;

/// Longest value, and longest list of names, that Linux allows.
const BYTES_MAX: usize = /* 64 KiB */ 64 << 10;

/// The value of an attribute; `None` if the file has none of that name, or its disk keeps no attributes.
pub(super) fn get(path: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    // Most values are short; of the others the first call says so.
    let mut value = vec![0; 256];
    loop {
        match getxattr(path, name, value.as_mut_slice()) {
            Ok(length) => {
                value.truncate(length);
                return Ok(Some(value));
            }
            Err(Errno::RANGE) if value.len() < BYTES_MAX => value.resize(BYTES_MAX, 0),
            Err(Errno::NODATA | Errno::NOTSUP) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sets an attribute.
pub(super) fn set(path: &Path, name: &str, value: &[u8]) -> io::Result<()> {
    Ok(setxattr(path, name, value, XattrFlags::empty())?)
}

/// Removes an attribute; false if there was none.
pub(super) fn remove(path: &Path, name: &str) -> io::Result<bool> {
    match removexattr(path, name) {
        Ok(()) => Ok(true),
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The names of the attributes of the user's own, in order.
fn names(path: &Path) -> io::Result<Vec<String>> {
    let mut list = vec![0; BYTES_MAX];
    let length = match listxattr(path, list.as_mut_slice()) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => 0,
        Err(error) => return Err(error.into()),
    };
    let names =
        list[..length].split(|byte| *byte == 0).map(|name| String::from_utf8_lossy(name).into_owned());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with("user.") && !Names::ATTRIBUTES.contains(&name.as_str()))
        .collect();
    names.sort();
    Ok(names)
}

/// How values are shown.
#[derive(Clone, Copy)]
enum Encoding {
    Text,
    Hex,
    Base64,
}

impl Encoding {
    fn parse(name: &str) -> Result<Self, FsError> {
        match name.to_ascii_uppercase().as_str() {
            "TEXT" => Ok(Self::Text),
            "HEX" => Ok(Self::Hex),
            "BASE64" => Ok(Self::Base64),
            name => {
                let class = "org.apache.hadoop.fs.shell.XAttrCommands.ENCODE";
                Err(FsError::Usage(format!("No enum constant {class}.{name}")))
            }
        }
    }

    fn show(self, value: &[u8]) -> String {
        match self {
            Self::Text => format!("\"{}\"", String::from_utf8_lossy(value)),
            Self::Hex => {
                let digits = value.iter().flat_map(|byte| [byte >> 4, byte & 15]);
                let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
                "0x".chars().chain(digits).collect()
            }
            Self::Base64 => "0s".to_owned() + &base64(value),
        }
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(value: &[u8]) -> String {
    let mut text = String::new();
    for chunk in value.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// What is no digit is passed over, as commons-codec does.
fn from_base64(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter_map(|byte| BASE64.iter().position(|digit| *digit == byte));
    let (mut value, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits {
        (bits, count) = (bits << 6 | digit as u32, count + 6);
        if count >= 8 {
            count -= 8;
            value.push((bits >> count) as u8);
        }
    }
    value
}

/// The value that a word means. Hadoop: `XAttrCommands.convert`.
fn value_of(word: &str) -> Result<Vec<u8>, FsError> {
    if let Some(text) = word.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        return Ok(text.as_bytes().to_vec());
    }
    match word.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => {
            let digits: Option<Vec<u8>> =
                word[2..].chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
            let digits = digits.filter(|digits| digits.len().is_multiple_of(2));
            let digits = digits.ok_or_else(|| FsError::Other(format!("{word} is no hexadecimal number")))?;
            Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
        }
        Some("0s") => Ok(from_base64(&word[2..])),
        _ => Ok(word.as_bytes().to_vec()),
    }
}

/// Takes an option and its value off. Hadoop: `StringUtils.popOptionWithArgument`.
fn take(words: &mut Vec<String>, option: &str) -> Result<Option<String>, FsError> {
    let ends = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let Some(at) = words[..ends].iter().position(|word| word == option) else { return Ok(None) };
    words.remove(at);
    if at >= words.len() {
        return Err(FsError::Usage(format!("option {option} requires 1 argument.")));
    }
    Ok(Some(words.remove(at)))
}

/// Refuses names that HDFS refuses, and name spaces that are not the user's.
fn check_name(name: &str) -> Result<(), FsError> {
    match name.split_once('.').map(|(space, _)| space.to_ascii_lowercase()).as_deref() {
        Some("user") => Ok(()),
        Some("trusted" | "security" | "system" | "raw") => {
            Err(FsError::Other(format!("{name}: only attributes of the name space user are kept here")))
        }
        _ => {
            let what =
                "An XAttr name must be prefixed with user/trusted/security/system/raw, followed by a '.'";
            Err(FsError::Usage(what.to_owned()))
        }
    }
}

pub(super) fn get_verb(call: &mut Call<'_, '_>, mut words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(0, usize::MAX, &["d", "R"]);
    let name = take(&mut words, "-n")?;
    let encoding = take(&mut words, "-e")?.map_or(Ok(Encoding::Text), |name| Encoding::parse(&name))?;
    let given = FORMAT.parse(words)?;
    if name.is_none() && !given.has("d") {
        return Err(FsError::Usage("Must specify '-n name' or '-d' option.".to_owned()));
    }
    one_path(&given.args)?;
    let name = name.filter(|_| !given.has("d"));
    let show = |call: &mut Call<'_, '_>, item: &Item| {
        call.line(&format!("# file: {}", item.shown))?;
        let failed = |error: io::Error| FsError::io(&item.shown, &error);
        let wanted = match &name {
            None => names(&item.path).map_err(failed)?,
            Some(name) => {
                check_name(name)?;
                vec![name.clone()]
            }
        };
        for wanted in wanted {
            match get(&item.path, &wanted).map_err(failed)? {
                Some(value) if value.is_empty() => call.line(&wanted)?,
                Some(value) => call.line(&format!("{wanted}={}", encoding.show(&value)))?,
                None => {
                    let what = "At least one of the attributes provided was not found.";
                    return Err(FsError::Other(what.to_owned()));
                }
            }
        }
        Ok(())
    };
    call.each(&given.args, Purpose::Read, |call, item| {
        if given.has("R") {
            call.descend(item, 0, &mut |call, item, _| show(call, item))
        } else {
            show(call, item)
        }
    })
}

pub(super) fn set_verb(call: &mut Call<'_, '_>, mut words: Vec<String>) -> Result<(), FsError> {
    let name = take(&mut words, "-n")?;
    let value = take(&mut words, "-v")?.map_or(Ok(Vec::new()), |word| value_of(&word))?;
    let removed = take(&mut words, "-x")?;
    let (name, is_set) = match (name, removed) {
        (Some(_), Some(_)) => {
            return Err(FsError::Usage("Can not specify both '-n name' and '-x name' option.".to_owned()));
        }
        (Some(name), None) => (name, true),
        (None, Some(name)) => (name, false),
        (None, None) => {
            return Err(FsError::Usage("Must specify '-n name' or '-x name' option.".to_owned()));
        }
    };
    one_path(&words)?;
    call.each(&words, Purpose::Write, |_, item| {
        check_name(&name)?;
        let failed = |error: io::Error| FsError::io(&item.shown, &error);
        if is_set {
            return set(&item.path, &name, &value).map_err(failed);
        }
        if remove(&item.path, &name).map_err(failed)? {
            Ok(())
        } else {
            Err(FsError::Other("No matching attributes found for remove operation".to_owned()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_shown_as_hadoop_does() {
        let check = |word: &str, value: &[u8], hex: &str, base64: &str| {
            assert_eq!(value_of(word).unwrap(), value, "{word}");
            assert_eq!(Encoding::Hex.show(value), hex, "{word}");
            assert_eq!(Encoding::Base64.show(value), base64, "{word}");
        };
        check("abc", b"abc", "0x616263", "0sYWJj");
        check("\"a\"", b"a", "0x61", "0sYQ==");
        check("0X6162", b"ab", "0x6162", "0sYWI=");
        check("0sYWI=", b"ab", "0x6162", "0sYWI=");
        assert!(value_of("0x6").is_err() && value_of("0xzz").is_err());
        assert_eq!(Encoding::Text.show(b"a b"), "\"a b\"");
    }
}

//! Plans and task reports as bytes and as JSON. The only room that knows bincode.
//!
//! A document is a magic, a version, a checksum (xxh3) of the rest, and a bincode payload. Another version is refused by
//! number: a plan lives as long as its job, so there is nothing to migrate.

use super::JobPlan;
use crate::checksum;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// First bytes of every document.
const MAGIC: &[u8; 8] = b"mrstream";

/// Version of the documents this build reads and writes. Raise it with every change to a type that is
/// written: bincode does not describe itself, so an old payload would decode into nonsense.
pub const VERSION: u32 = 11;

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Not one of ours.
    #[error("not an mr-stream document: it does not begin with {:?}", String::from_utf8_lossy(MAGIC))]
    Magic,
    /// Written by another build.
    #[error(
        "the document has version {found}; this mr-stream reads version {VERSION}: use the build that wrote it"
    )]
    Version {
        /// The document's version.
        found: u32,
    },
    /// Cut short or damaged: a bit that flipped could still be a plan, but not this one.
    #[error("the document is damaged: it does not match its checksum")]
    Checksum,
    /// Not what this build writes, though it has the version.
    #[error("the document is damaged")]
    Payload(#[source] bincode::error::DecodeError),
    /// Bytes after the end.
    #[error("the document has {extra} bytes after its end")]
    Trailing {
        /// How many.
        extra: usize,
    },
}

/// Writes a document.
pub fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    let payload = bincode::serde::encode_to_vec(value, bincode::config::standard())
        .expect("plain data in memory always encodes");
    bytes.extend_from_slice(&checksum::of(&payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    bytes
}

/// Reads a document.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    let rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or(WireError::Magic)?;
    let (version, payload) = rest.split_first_chunk::<4>().ok_or(WireError::Magic)?;
    let found = u32::from_le_bytes(*version);
    if found != VERSION {
        return Err(WireError::Version { found });
    }
    let (stored, payload) = payload.split_first_chunk::<8>().ok_or(WireError::Checksum)?;
    if checksum::of(payload) != u64::from_le_bytes(*stored) {
        return Err(WireError::Checksum);
    }
    // A limit, because a damaged length must not make us reserve the machine's memory.
    let config = bincode::config::standard().with_limit::<{ 1 << 30 }>();
    let (value, used) = bincode::serde::decode_from_slice(payload, config).map_err(WireError::Payload)?;
    match payload.len() - used {
        0 => Ok(value),
        extra => Err(WireError::Trailing { extra }),
    }
}

/// A plan as indented JSON, for people.
pub fn to_json(plan: &JobPlan) -> String {
    serde_json::to_string_pretty(plan).expect("a plan has only string keys")
}

/// Paths as bytes in documents, since a path need not be UTF-8; as text in JSON.
pub mod path_bytes {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(&path.to_string_lossy());
        }
        serializer.serialize_bytes(path.as_os_str().as_bytes())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Ok(PathBuf::from(OsString::from_vec(Vec::<u8>::deserialize(deserializer)?)))
    }
}

/// Lists of paths, as [`path_bytes`].
pub mod paths_bytes {
    use serde::ser::SerializeSeq;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::path::PathBuf;

    #[derive(Serialize, Deserialize)]
    struct Item(#[serde(with = "super::path_bytes")] PathBuf);

    pub(crate) fn serialize<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(paths.len()))?;
        for path in paths {
            seq.serialize_element(&Item(path.clone()))?;
        }
        seq.end()
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
        Ok(Vec::<Item>::deserialize(deserializer)?.into_iter().map(|item| item.0).collect())
    }
}

/// A path that may not be there, as a list of one or none.
pub mod optional_path_bytes {
    use super::paths_bytes;
    use serde::{Deserializer, Serializer};
    use std::path::PathBuf;

    #[expect(clippy::ref_option, reason = "serde passes the field")]
    pub(crate) fn serialize<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
        paths_bytes::serialize(path.as_slice(), serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        Ok(paths_bytes::deserialize(deserializer)?.pop())
    }
}

/// Names and values of environment variables, which need not be UTF-8 either.
pub mod os_pairs {
    use serde::ser::SerializeSeq;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::ffi::OsString;
    use std::path::PathBuf;

    #[derive(Serialize, Deserialize)]
    struct Item(#[serde(with = "super::path_bytes")] PathBuf, #[serde(with = "super::path_bytes")] PathBuf);

    pub(crate) fn serialize<S: Serializer>(
        pairs: &[(OsString, OsString)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(pairs.len()))?;
        for (name, value) in pairs {
            seq.serialize_element(&Item(name.into(), value.into()))?;
        }
        seq.end()
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(OsString, OsString)>, D::Error> {
        let items = Vec::<Item>::deserialize(deserializer)?;
        Ok(items.into_iter().map(|Item(name, value)| (name.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_seen() {
        let sent = vec!["one".to_owned(), "two".to_owned()];
        let good = to_bytes(&sent);
        assert_eq!(from_bytes::<Vec<String>>(&good).unwrap(), sent);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(from_bytes::<Vec<String>>(&bad).is_err(), "bit {bit}");
            assert!(from_bytes::<Vec<String>>(&good[..bit / 8]).is_err(), "cut at {}", bit / 8);
        }
    }
}

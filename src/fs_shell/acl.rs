//! `-getfacl`, `-setfacl`: the permissions of user, group and other. Entries for other users and groups have no meaning
//! on a machine with one user; they are accepted, said, and not kept. Hadoop: `AclCommands`, `AclEntry`.

use super::Call;
use super::error::FsError;
use super::item::Item;
use super::options::Format;
use crate::dfs::Purpose;
use crate::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

pub(super) fn get(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(0, usize::MAX, &["R"]);
    let given = FORMAT.parse(words)?;
    one_path(&given.args)?;
    call.each(&given.args, Purpose::Read, |call, item| {
        if given.has("R") {
            call.descend(item, 0, &mut |call, item, _| show(call, item))
        } else {
            show(call, item)
        }
    })
}

/// The arguments must be one path.
pub(super) fn one_path(args: &[String]) -> Result<(), FsError> {
    match args.len() {
        0 => Err(FsError::Usage("<path> is missing".to_owned())),
        1 => Ok(()),
        _ => Err(FsError::Usage("Too many arguments".to_owned())),
    }
}

fn show(call: &mut Call<'_, '_>, item: &Item) -> Result<(), FsError> {
    let (stat, accounts) = (item.stat()?, &call.shell.accounts);
    let (owner, group) = (stat.owner(accounts), stat.group(accounts));
    let mut text = format!("# file: {}\n# owner: {owner}\n# group: {group}\n", item.shown);
    if stat.mode & 0o1000 != 0 {
        text.push_str(if stat.mode & 1 == 1 { "# flags: --t\n" } else { "# flags: --T\n" });
    }
    for (word, shift) in [("user", 6), ("group", 3), ("other", 0)] {
        let bits = stat.mode >> shift;
        let letters = [(4, 'r'), (2, 'w'), (1, 'x')];
        let letters = letters.map(|(bit, letter)| if bits & bit == 0 { '-' } else { letter });
        text.extend([word, "::"].into_iter().flat_map(str::chars).chain(letters).chain(['\n']));
    }
    call.line(&text)
}

/// One entry of an ACL.
struct Entry {
    is_default: bool,
    /// Bits to shift the permissions by; `None` for a mask.
    shift: Option<u32>,
    name: String,
    /// `None` where entries are to be removed.
    bits: Option<u32>,
}

impl Entry {
    /// Hadoop: `AclEntry.parseAclEntry`.
    fn parse(text: &str, with_bits: bool) -> Result<Self, FsError> {
        let wrong = |what: &str| FsError::Usage(format!("{what} in <aclSpec> : {text}"));
        let (is_default, rest) = match text.strip_prefix("default:") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let parts: Vec<&str> = rest.split(':').collect();
        if parts.len() > 3 || parts.len() < if with_bits { 3 } else { 2 } {
            return Err(FsError::Usage(format!("Invalid <aclSpec> : {text}")));
        }
        let shift = match parts[0].to_ascii_lowercase().as_str() {
            "user" => Some(6),
            "group" => Some(3),
            "other" => Some(0),
            "mask" => None,
            _ => return Err(wrong("Invalid type of acl")),
        };
        let bits = if with_bits {
            let letters: Vec<char> = parts[2].chars().collect();
            let bit = |at: usize, letter: char, bit: u32| match letters.get(at) {
                Some(given) if *given == letter => Some(bit),
                Some('-') => Some(0),
                _ => None,
            };
            let bits = [bit(0, 'r', 4), bit(1, 'w', 2), bit(2, 'x', 1)];
            let sum = bits.into_iter().sum::<Option<u32>>().filter(|_| letters.len() == 3);
            Some(sum.ok_or_else(|| wrong("Invalid permission"))?)
        } else {
            None
        };
        Ok(Self { is_default, shift, name: parts[1].to_owned(), bits })
    }

    /// Whether the permissions of a file hold it.
    fn is_base(&self) -> bool {
        !self.is_default && self.name.is_empty() && self.shift.is_some()
    }
}

pub(super) fn set(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(0, usize::MAX, &["b", "k", "R", "m", "x", "-set"]);
    let mut given = FORMAT.parse(words)?;
    let [b, k, m, x, set] = ["b", "k", "m", "x", "-set"].map(|switch| given.has(switch));
    if (b && k) || (m && x) || ((b || k) && (m || x)) || (set && (b || k || m || x)) {
        return Err(FsError::Usage("Specified flags contains both remove and modify flags".to_owned()));
    }
    let mut entries = Vec::new();
    if m || x || set {
        if given.args.len() < 2 {
            return Err(FsError::Usage("<acl_spec> is missing".to_owned()));
        }
        let spec = given.args.remove(0);
        let parts = spec.split(',').map(str::trim).filter(|part| !part.is_empty());
        entries = parts.map(|part| Entry::parse(part, !x)).collect::<Result<Vec<_>, _>>()?;
    }
    one_path(&given.args)?;
    let has = |shift| entries.iter().any(|entry| entry.is_base() && entry.shift == Some(shift));
    if set && !(has(6) && has(3) && has(0)) {
        let what = "Invalid ACL: the user, group and other entries are required.";
        return Err(FsError::Other(what.to_owned()));
    }
    if (m || set) && !entries.iter().all(Entry::is_base) {
        call.warn("entries for names, masks and defaults are not kept: files here belong to one user");
    }
    let change = |item: &Item| {
        let stat = item.stat()?;
        let mut mode = stat.mode;
        for entry in entries.iter().filter(|entry| entry.is_base()) {
            if let (Some(shift), Some(bits)) = (entry.shift, entry.bits) {
                mode = mode & !(7 << shift) | bits << shift;
            }
        }
        if mode == stat.mode {
            return Ok(());
        }
        let set = crate::fs::set_permissions(&item.path, Permissions::from_mode(mode));
        set.map_err(|error| FsError::io(&item.shown, &error))
    };
    call.each(&given.args, Purpose::Write, |call, item| {
        if given.has("R") { call.descend(item, 0, &mut |_, item, _| change(item)) } else { change(item) }
    })
}

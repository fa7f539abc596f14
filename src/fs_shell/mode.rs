//! What `-chmod` is told, and what it makes of a file's permissions. Hadoop: `ChmodParser`, `PermissionParser`.

/// A change of permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// All bits, the sticky bit included.
    Exact(u32),
    /// One after the other.
    Changes(Vec<Change>),
}

/// `ug+rw`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Bits of those who are meant: `0o700` for the owner.
    who: u32,
    how: char,
    /// `rwx` of one of them.
    bits: u32,
    /// `X`: as `x`, but of files only where somebody may run them.
    runs_if_any: bool,
    is_sticky: bool,
}

impl Mode {
    /// Reads a mode; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().trim_start_matches('+');
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let sticky_fits =
                digits.len() == 3 || (digits.len() == 4 && matches!(digits.as_bytes()[0], b'0' | b'1'));
            return u32::from_str_radix(digits, 8).ok().filter(|_| sticky_fits).map(Self::Exact);
        }
        let changes: Option<Vec<Change>> = text.split(',').map(|part| Change::parse(part.trim())).collect();
        changes.map(Self::Changes)
    }

    /// The permissions of a file or folder that had `mode`.
    pub(super) fn apply(&self, mode: u32, is_dir: bool) -> u32 {
        match self {
            Self::Exact(bits) => *bits,
            Self::Changes(changes) => {
                // Whether anybody may run it is asked before the first change.
                let runs = is_dir || mode & 0o111 != 0;
                changes.iter().fold(mode, |mode, change| change.apply(mode, runs))
            }
        }
    }
}

impl Change {
    fn parse(text: &str) -> Option<Self> {
        let at = text.find(['+', '-', '='])?;
        let (who, rest) = text.split_at(at);
        let (signs, letters) = rest.split_at(rest.find(|c| !matches!(c, '+' | '-' | '='))?);
        let mut meant = 0;
        for letter in who.chars() {
            meant |= match letter {
                'u' => 0o700,
                'g' => 0o070,
                'o' => 0o007,
                'a' => 0,
                _ => return None,
            };
        }
        let mut change = Self {
            who: if meant == 0 { 0o777 } else { meant },
            how: signs.chars().next_back()?,
            bits: 0,
            runs_if_any: false,
            is_sticky: false,
        };
        for letter in letters.chars() {
            match letter {
                'r' => change.bits |= 4,
                'w' => change.bits |= 2,
                'x' => change.bits |= 1,
                'X' => change.runs_if_any = true,
                't' => change.is_sticky = true,
                _ => return None,
            }
        }
        Some(change)
    }

    fn apply(&self, mode: u32, runs: bool) -> u32 {
        let bits = self.bits | u32::from(self.runs_if_any && runs);
        let mut meant = (bits * 0o111) & self.who;
        // The sticky bit goes with the others' permissions.
        let mut reach = self.who;
        if self.who & 0o007 != 0 {
            meant |= u32::from(self.is_sticky) << 9;
            reach |= 0o1000;
        }
        match self.how {
            '+' => mode | meant,
            '-' => mode & !meant,
            _ => (mode & !reach) | meant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_hadoop_reads_them() {
        // ChmodParser
        let check = |text: &str, mode: u32, is_dir: bool, expect: u32| {
            let changed = Mode::parse(text).unwrap().apply(mode, is_dir);
            assert_eq!(changed, expect, "{text} on {mode:o}: {changed:o}");
        };
        check("755", 0o644, false, 0o755);
        check("1777", 0, true, 0o1777);
        check("0644", 0o1777, true, 0o644);
        check("+x", 0o644, false, 0o755);
        check("a-w", 0o666, false, 0o444);
        check("u=rwx,go=r", 0o000, false, 0o744);
        check("g+X", 0o644, false, 0o644);
        check("g+X", 0o744, false, 0o754);
        check("o+X", 0o644, true, 0o645);
        check("+t", 0o755, true, 0o1755);
        for bad in ["", "9", "77", "2755", "u+q", "z+r", "rwx", "+"] {
            assert_eq!(Mode::parse(bad), None, "{bad}");
        }
    }
}

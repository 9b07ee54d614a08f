//! A second version of the server: the one that was given, or the same one with its function library under another name.
//!
//! A library's version is in its name and in the names of its functions, and nowhere else. A copy of the program in
//! which these names are other ones of the same length therefore loads and calls a library of its own, as a server of
//! another version does, and both act on the same channels.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::Options;

/// What is found, and what stands there instead.
const NAMES: [(&[u8], &[u8]); 2] = [(b"fanline_1", b"fanline_0"), (b"fl1_", b"fl0_")];
const FILE: &str = "other-fanline";

/// Where it is.
pub(super) fn program(options: &Options, directory: &Path) -> Result<PathBuf> {
    if let Some(given) = &options.other_program {
        return Ok(given.clone());
    }
    let mut program = fs::read(&options.program)
        .with_context(|| format!("cannot read {}", options.program.display()))?;
    for (name, other) in NAMES {
        let count = rename(&mut program, name, other);
        ensure!(
            count > 0,
            "the program has no library {}: the lab's own list of names is out of date",
            String::from_utf8_lossy(name)
        );
    }
    let path = directory.join(FILE);
    fs::write(&path, program).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
    Ok(path)
}

fn rename(program: &mut [u8], name: &[u8], other: &[u8]) -> usize {
    let mut count = 0;
    let mut from = 0;
    while let Some(rest) = program.get_mut(from..) {
        let Some(at) = rest.windows(name.len()).position(|here| here == name) else {
            break;
        };
        if let Some(place) = rest.get_mut(at..at + name.len()) {
            place.copy_from_slice(other);
        }
        from += at + name.len();
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_another_one_and_nothing_else_changes() {
        let mut program = b"xfl1_afl1_fl1".to_vec();
        assert_eq!(rename(&mut program, b"fl1_", b"fl0_"), 2);
        assert_eq!(program, b"xfl0_afl0_fl1");
    }
}

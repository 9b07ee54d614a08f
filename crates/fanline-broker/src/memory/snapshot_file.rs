//! The file that carries a snapshot over a clean stop.
//!
//! What was loaded once must never be loaded again: messages published after it would get the same
//! positions as before. So [`take`] removes the file durably before it answers, and the server takes it
//! before it opens a listener; after a crash there is nothing to load, and every channel begins a new epoch.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Reads the snapshot and removes it for good; `None` if there is none.
pub fn take(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    std::fs::remove_file(path)?;
    sync_directory(path)?;
    Ok(Some(bytes))
}

/// Writes the snapshot, whole or not at all, readable by nobody else.
pub fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = unfinished(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    sync_directory(path)
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

/// A file's name is durable once its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_snapshot_is_taken_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("replay");
        assert_eq!(take(&path).unwrap(), None);
        put(&path, b"first").unwrap();
        put(&path, b"second").unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(take(&path).unwrap().as_deref(), Some(&b"second"[..]));
        assert_eq!(take(&path).unwrap(), None);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_was_left_unfinished_is_never_taken() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("replay");
        std::fs::write(unfinished(&path), b"half").unwrap();
        assert_eq!(take(&path).unwrap(), None);
        put(&path, b"whole").unwrap();
        assert_eq!(take(&path).unwrap().as_deref(), Some(&b"whole"[..]));
    }
}

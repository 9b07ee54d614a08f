//! The data directory: everything that an embedded node must find again, locked by the one process
//! that may use it.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// A data directory that this process has locked. The lock goes with it.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// Another process has it.
    #[error(
        "the data directory {path} is in use by another fanline process: stop that one, or give \
         this one a directory of its own with --data-dir (`serve`: data_dir)"
    )]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be made, read or locked.
    #[error(
        "the data directory {path} cannot be used: {error}; name another one with --data-dir \
         (`serve`: data_dir)"
    )]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

// === impl DataDir ===

impl DataDir {
    /// Makes the directory if it is missing, and locks it.
    ///
    /// # Errors
    /// Another process has it, or it cannot be written.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |error| DataDirError::Unusable {
            path: path.to_owned(),
            error,
        };
        make_private(path).map_err(unusable)?;
        let path = path.canonicalize().map_err(unusable)?;
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join("lock"))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::Locked { path }),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Its absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The embedded store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path.join("fanline.db")
    }

    /// The replay buffers of a clean stop.
    #[must_use]
    pub fn snapshot(&self) -> PathBuf {
        self.path.join("replay.snapshot")
    }

    /// The keys of the installation.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.path.join("keys.json")
    }
}

/// What `fanline dev` made: see [`crate::credentials`].
#[must_use]
pub fn credentials(data_dir: &Path) -> PathBuf {
    data_dir.join("credentials.json")
}

/// Makes a directory that only its owner may look into. One that is there stays as it is.
fn make_private(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        // Another process was faster; the lock decides.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_second_user_of_a_data_directory_is_told_so_and_a_later_one_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        let refused = DataDir::open(&path).unwrap_err();
        assert!(matches!(refused, DataDirError::Locked { .. }));
        assert!(refused.to_string().contains("--data-dir"), "{refused}");
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_names_the_flag() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let refused = DataDir::open(&file.join("below")).unwrap_err();
        assert!(matches!(refused, DataDirError::Unusable { .. }));
        assert!(refused.to_string().contains("--data-dir"), "{refused}");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_look_into_a_new_data_directory() {
        use std::os::unix::fs::PermissionsExt as _;
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        DataDir::open(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}

//! The file itself.

use std::sync::Arc;

use fanline_model::{SeededRandom, SystemClock};
use fanline_store::{Store, StoreError};

use crate::world::{World, vault};

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().await;
    for name in ["fanline.db", "fanline.db-wal"] {
        let mode = std::fs::metadata(world.folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let file = std::path::Path::new("/nonexistent/fanline.db");
    let opened = Store::open(
        file,
        vault(),
        Arc::new(SystemClock),
        Arc::new(SeededRandom::new(1)),
    )
    .await;
    let error = opened.unwrap_err();
    assert!(
        matches!(&error, StoreError::Create { path, .. } if path == file),
        "{error}"
    );
    assert!(
        error.to_string().contains("choose a data directory"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fanline.db");
    std::fs::write(
        &file,
        "not a database, and longer than a header of one hundred bytes".repeat(10),
    )
    .unwrap();
    let opened = Store::open(
        &file,
        vault(),
        Arc::new(SystemClock),
        Arc::new(SeededRandom::new(1)),
    )
    .await;
    assert!(opened.is_err());
}

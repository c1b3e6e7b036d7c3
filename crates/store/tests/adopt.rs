//! Files that somebody else wrote and that become blobs.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use entrepot_oci::{Algorithm, Digest};
use entrepot_store::{Adopted, Adoption, Error, Sharing, Store};
use tempfile::TempDir;
use uuid::Uuid;

const BYTES: &[u8] = b"what another registry wrote";

/// A store, and a directory of another registry on the same file system.
struct Place {
    store: Store,
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let store = Store::open(&directory.path().join("data")).unwrap();
        Self { store, directory }
    }

    fn old(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    async fn adopt(&self, file: &Path, digest: &Digest, sharing: Sharing) -> Result<Adoption, Error> {
        let adopted = self.store.adopt(Uuid::now_v7(), file, digest, sharing).await;
        assert!(self.store.staged().await.unwrap().is_empty(), "something is left among the uploads");
        adopted
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.directory.path().join("data/blobs").join(digest.algorithm().name()).join(&hex[..2]).join(hex)
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

fn inode(path: &Path) -> u64 {
    path.metadata().unwrap().ino()
}

#[tokio::test]
async fn a_file_gets_a_second_name() {
    let place = Place::new();
    for digest in [digest(BYTES), Digest::of(Algorithm::Sha512, BYTES)] {
        let old = place.old("old", BYTES);
        let Adoption::Taken { size, adopted: Adopted::Linked { owner } } =
            place.adopt(&old, &digest, Sharing::Link).await.unwrap()
        else {
            panic!("it is not linked")
        };
        assert_eq!((size, owner), (BYTES.len() as u64, old.metadata().unwrap().uid()));
        assert_eq!(inode(&place.blob(&digest)), inode(&old));
        // Once more, as after a crash.
        place.adopt(&old, &digest, Sharing::Link).await.unwrap();
        assert_eq!(inode(&place.blob(&digest)), inode(&old));
        fs::remove_file(&old).unwrap();
        let blob = place.store.get(&digest, &[], BYTES.len() as u64).unwrap();
        assert_eq!(blob.read_all().await.unwrap(), BYTES);
    }
}

#[tokio::test]
async fn a_file_is_copied_if_it_may_not_be_shared() {
    let place = Place::new();
    let old = place.old("old", BYTES);
    let adopted = place.adopt(&old, &digest(BYTES), Sharing::Copy).await.unwrap();
    assert_eq!(adopted, Adoption::Taken { size: BYTES.len() as u64, adopted: Adopted::Copied });
    let blob = place.blob(&digest(BYTES));
    assert_ne!(inode(&blob), inode(&old));
    assert_eq!(fs::read(&blob).unwrap(), BYTES);
    assert_eq!(blob.metadata().unwrap().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_file_of_another_file_system_is_copied() {
    let place = Place::new();
    let memory = Path::new("/dev/shm");
    let other = |path: &Path| {
        path.metadata().is_ok_and(|metadata| metadata.dev() != place.directory.path().metadata().unwrap().dev())
    };
    if !other(memory) {
        assert!(std::env::var_os("CI").is_none(), "cannot run: there is no second file system at /dev/shm");
        return;
    }
    let elsewhere = TempDir::new_in(memory).unwrap();
    let old = elsewhere.path().join("old");
    fs::write(&old, BYTES).unwrap();
    let adopted = place.adopt(&old, &digest(BYTES), Sharing::Link).await.unwrap();
    assert_eq!(adopted, Adoption::Taken { size: BYTES.len() as u64, adopted: Adopted::Copied });
    assert_eq!(fs::read(place.blob(&digest(BYTES))).unwrap(), BYTES);
}

#[tokio::test]
async fn other_bytes_are_no_blob() {
    let place = Place::new();
    let old = place.old("old", b"rotten");
    for sharing in [Sharing::Link, Sharing::Copy] {
        let adopted = place.adopt(&old, &digest(BYTES), sharing).await.unwrap();
        assert_eq!(adopted, Adoption::Mismatch { found: digest(b"rotten") });
        assert!(!place.blob(&digest(BYTES)).exists());
    }
    assert_eq!(fs::read(&old).unwrap(), b"rotten");
    assert_eq!(old.metadata().unwrap().nlink(), 1);
}

#[tokio::test]
async fn what_is_no_file_is_not_adopted() {
    let place = Place::new();
    let old = place.old("old", BYTES);
    let (link, directory, pipe) =
        (old.with_file_name("link"), old.with_file_name("directory"), old.with_file_name("pipe"));
    symlink(&old, &link).unwrap();
    fs::create_dir(&directory).unwrap();
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
    for path in [&link, &directory, &pipe, &old.with_file_name("nothing")] {
        for sharing in [Sharing::Link, Sharing::Copy] {
            let adopted = place.adopt(path, &digest(BYTES), sharing).await;
            assert!(matches!(adopted, Err(Error::Io(_) | Error::Missing(_))), "{}: {adopted:?}", path.display());
        }
    }
    assert!(!place.blob(&digest(BYTES)).exists());
    assert_eq!(old.metadata().unwrap().nlink(), 1);
}

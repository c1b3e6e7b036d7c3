//! A full disk and lost permissions, with the real file system.
//!
//! These need root. Without it they say so and pass, except where `CI` is set in the environment.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest};
use entrepot_store::{Checkpoint, Error, Finish, Store};
use nix::unistd::{Uid, chown, geteuid, setfsuid};
use tempfile::TempDir;
use uuid::Uuid;

const MIB: usize = 1024 * 1024;

/// A user that owns nothing else.
const NOBODY: u32 = 65534;

fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "cannot run: {why}");
    eprintln!("skipped: {why}");
}

/// A file system of its own, unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(megabytes: usize) -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let options = format!("size={megabytes}m,mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "entrepot-test"])
            .arg(directory.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            skip("mounting a small tmpfs is not permitted");
        }
        mounted.then_some(Self(directory))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

fn start() -> Checkpoint {
    Checkpoint::start(Algorithm::Sha256)
}

#[tokio::test]
async fn a_full_disk_loses_nothing_acknowledged() {
    let Some(disk) = SmallDisk::mount(8) else { return };
    let store = Store::open(&disk.path().join("data")).unwrap();
    let id = Uuid::now_v7();
    let mut upload = store.resume(id, start()).await.unwrap();
    let chunk = Bytes::from(vec![1; MIB]);
    for _ in 0..3 {
        upload.write(chunk.clone()).await.unwrap();
    }
    let at = upload.checkpoint().await.unwrap().at;

    // Ten MiB more do not fit; the error may come with a later chunk, and then stays.
    let mut failed = None;
    for _ in 0..10 {
        if let Err(error) = upload.write(chunk.clone()).await {
            failed = Some(error);
            break;
        }
    }
    let failed = failed.unwrap();
    assert!(matches!(failed, Error::Full(_)) && failed.is_temporary(), "{failed}");
    for error in [upload.write(chunk.clone()).await.err(), upload.checkpoint().await.err()] {
        assert!(matches!(error, Some(Error::Full(_))), "{error:?}");
    }
    drop(upload);

    // What was not acknowledged has given its space back, so the service goes on.
    assert_eq!(store.staged().await.unwrap()[0].size, 3 * MIB as u64);
    store.probe().await.unwrap();
    let mut other = store.resume(Uuid::now_v7(), start()).await.unwrap();
    other.write(Bytes::from(vec![2; 2 * MIB])).await.unwrap();
    let digest = Digest::of(Algorithm::Sha256, &vec![2; 2 * MIB]);
    assert!(matches!(other.publish(&digest).await.unwrap(), Finish::Published { .. }));

    let mut upload = store.resume(id, at).await.unwrap();
    upload.write(chunk).await.unwrap();
    let digest = Digest::of(Algorithm::Sha256, &vec![1; 4 * MIB]);
    assert!(matches!(upload.publish(&digest).await.unwrap(), Finish::Published { .. }));
    assert_eq!(store.get(&digest, &[], 0).unwrap().read_all().await.unwrap(), vec![1; 4 * MIB]);
}

/// So large that the end goes past the page cache, or would if the file system could do that.
#[tokio::test]
async fn a_disk_that_a_large_blob_fills_loses_nothing_acknowledged() {
    let Some(disk) = SmallDisk::mount(24) else { return };
    let store = Store::open(&disk.path().join("data")).unwrap();
    let id = Uuid::now_v7();
    let mut upload = store.resume(id, start()).await.unwrap();
    let content = Bytes::from((0..20 * MIB).map(|at| (at >> 4) as u8).collect::<Vec<_>>());
    let acknowledged = 18 * MIB + 4097;
    upload.write(content.slice(..acknowledged)).await.unwrap();
    let at = upload.checkpoint().await.unwrap().at;
    upload.write(Bytes::from(vec![0xff; 8 * MIB])).await.unwrap();
    let error = upload.checkpoint().await.unwrap_err();
    assert!(matches!(error, Error::Full(_)), "{error}");
    drop(upload);
    assert_eq!(store.staged().await.unwrap()[0].size, acknowledged as u64);

    let mut upload = store.resume(id, at).await.unwrap();
    upload.write(content.slice(acknowledged..)).await.unwrap();
    let digest = Digest::of(Algorithm::Sha256, &content);
    assert!(matches!(upload.publish(&digest).await.unwrap(), Finish::Published { .. }));
    assert!(store.get(&digest, &[], 0).unwrap().read_all().await.unwrap() == content);
}

#[tokio::test]
async fn a_disk_without_any_space_is_not_ready() {
    let Some(disk) = SmallDisk::mount(4) else { return };
    let store = Store::open(&disk.path().join("data")).unwrap();
    let filler = disk.path().join("filler");
    fs::write(&filler, vec![0; 5 * MIB]).unwrap_err();
    let error = store.probe().await.unwrap_err();
    assert!(matches!(error, Error::Full(_)), "{error}");

    // The first write of an upload, and the one trip of a small blob.
    let mut upload = store.resume(Uuid::now_v7(), start()).await.unwrap();
    upload.write(Bytes::from_static(b"small")).await.unwrap();
    let error = upload.publish(&Digest::of(Algorithm::Sha256, b"small")).await.unwrap_err();
    assert!(matches!(error, Error::Full(_)), "{error}");
    assert!(store.blobs(None, 1).await.unwrap().is_empty());

    fs::remove_file(filler).unwrap();
    store.probe().await.unwrap();
}

/// Runs `test` on threads whose file access is that of an ordinary user.
fn as_nobody<F: Future<Output = ()> + 'static>(test: impl FnOnce(TempDir) -> F + Send + 'static) {
    if !geteuid().is_root() {
        return skip("only root can take the part of another user");
    }
    let directory = TempDir::new().unwrap();
    chown(directory.path(), Some(NOBODY.into()), None).unwrap();
    let drop_rights = || {
        // For the calling thread only; it takes root's right to pass over permissions away too.
        setfsuid(Uid::from_raw(NOBODY));
    };
    let thread = std::thread::spawn(move || {
        drop_rights();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).on_thread_start(drop_rights).build().unwrap();
        runtime.block_on(test(directory));
    });
    thread.join().unwrap();
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn lost_permissions_are_said_and_can_come_back() {
    as_nobody(|directory| async move {
        let root = directory.path().join("data");
        let store = Store::open(&root).unwrap();
        let (uploads, digest) = (root.join("uploads"), Digest::of(Algorithm::Sha256, b"content"));
        let fan = root.join("blobs/sha256").join(&digest.hex()[..2]);

        // Not even the staged file can be made.
        set_mode(&uploads, 0o500);
        let id = Uuid::now_v7();
        let mut upload = store.resume(id, start()).await.unwrap();
        upload.write(Bytes::from_static(b"content")).await.unwrap();
        let error = upload.checkpoint().await.unwrap_err();
        assert!(matches!(error, Error::Denied(_)) && !error.is_temporary(), "{error}");
        assert_eq!(
            error.to_string(),
            format!("cannot open {}: Permission denied (os error 13)", uploads.join(id.to_string()).display())
        );
        assert!(matches!(store.probe().await, Err(Error::Denied(_))));
        drop(upload);
        set_mode(&uploads, 0o700);
        store.probe().await.unwrap();

        // It cannot be published.
        let mut upload = store.resume(id, start()).await.unwrap();
        upload.write(Bytes::from_static(b"content")).await.unwrap();
        upload.checkpoint().await.unwrap();
        drop(upload);
        fs::create_dir(&fan).unwrap();
        set_mode(&fan, 0o500);
        assert!(matches!(store.publish(id, &digest, 7).await, Err(Error::Denied(_))));
        assert!(matches!(store.get(&digest, &[], 0), Err(Error::Missing(_))));
        set_mode(&fan, 0o700);
        store.publish(id, &digest, 7).await.unwrap();

        // It cannot be read, listed or removed.
        set_mode(&fan, 0o000);
        assert!(matches!(store.get(&digest, &[], 0), Err(Error::Denied(_))));
        assert!(matches!(store.remove(&digest, &[]).await, Err(Error::Denied(_))));
        assert!(matches!(store.blobs(None, 1).await, Err(Error::Denied(_))));
        set_mode(&fan, 0o700);
        assert_eq!(store.get(&digest, &[], 0).unwrap().read_all().await.unwrap(), "content");
    });
}

/// Does something as root, from a thread of [`as_nobody`].
fn as_root<T>(act: impl FnOnce() -> T) -> T {
    setfsuid(Uid::from_raw(0));
    let done = act();
    setfsuid(Uid::from_raw(NOBODY));
    done
}

/// As after an import, by root or from a registry that ran as another user.
#[test]
fn a_blob_of_somebody_else_is_pushed_again() {
    as_nobody(|directory| async move {
        let root = directory.path().join("data");
        let store = Store::open(&root).unwrap();
        let digest = Digest::of(Algorithm::Sha256, b"content");
        let blob = root.join("blobs/sha256").join(&digest.hex()[..2]).join(digest.hex());
        let push = async || {
            let mut upload = store.resume(Uuid::now_v7(), start()).await.unwrap();
            upload.write(Bytes::from_static(b"content")).await.unwrap();
            upload.publish(&digest).await
        };
        let give_away = |mode| {
            as_root(|| {
                chown(&blob, Some(0.into()), None).unwrap();
                set_mode(&blob, mode);
            });
        };
        let owner = || blob.metadata().unwrap().uid();
        push().await.unwrap();

        // One that it may write to is made young.
        give_away(0o666);
        let long_ago = SystemTime::now() - Duration::from_secs(1_000_000);
        as_root(|| fs::File::options().write(true).open(&blob).unwrap().set_modified(long_ago).unwrap());
        push().await.unwrap();
        assert_eq!(owner(), 0);
        assert!(blob.metadata().unwrap().modified().unwrap() > long_ago + Duration::from_secs(900_000));

        // One that it may only read stays with a repetition of what was done, and of what was begun.
        give_away(0o644);
        store.publish(Uuid::now_v7(), &digest, 7).await.unwrap();
        let id = Uuid::now_v7();
        as_root(|| fs::hard_link(&blob, root.join("uploads").join(id.to_string())).unwrap());
        store.publish(id, &digest, 7).await.unwrap();
        assert_eq!(owner(), 0);
        assert!(store.staged().await.unwrap().is_empty(), "the second name of the blob is left");

        // A push puts its own file there.
        push().await.unwrap();
        assert_eq!(owner(), NOBODY);
        assert!(store.staged().await.unwrap().is_empty(), "something is left among the uploads");
        assert_eq!(store.get(&digest, &[], 0).unwrap().read_all().await.unwrap(), "content");
    });
}

#[test]
fn a_directory_that_cannot_be_written_to_is_not_opened() {
    as_nobody(|directory| async move {
        set_mode(directory.path(), 0o500);
        let root = directory.path().join("data");
        let error = Store::open(&root).unwrap_err();
        assert!(matches!(error, Error::Denied(_)), "{error}");
        assert_eq!(
            error.to_string(),
            format!("cannot make the directory {}: Permission denied (os error 13)", root.display())
        );
        set_mode(directory.path(), 0o700);
        drop(Store::open(&root).unwrap());
        set_mode(&root.join("uploads"), 0o500);
        assert!(matches!(Store::open(&root), Err(Error::Denied(_))));
    });
}

#[test]
fn something_else_in_the_way() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file).unwrap_err();
    assert!(matches!(error, Error::Io(_)), "{error}");
    let error = Store::open(&file.join("below")).unwrap_err();
    assert!(matches!(error, Error::Io(_)), "{error}");
}

//! A small disk of a test's own.

use std::env;
use std::os::unix::fs::symlink;

use anyhow::{Context as _, Result, bail};
use entrepot_test_harness::Registry;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount, umount};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

use crate::program;

/// A memory file system of a given size.
///
/// It is mounted in a mount namespace of the thread that makes it, and of what that thread starts: when the test ends,
/// however it ends, nothing of it is left.
#[derive(Debug)]
pub(crate) struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    /// Mounts one; `None`, with the reason printed, where that is not allowed. In CI (`CI` is set) that is an error, so
    /// that a test cannot be left out unnoticed.
    pub(crate) fn mount(mebibytes: u64) -> Result<Option<Self>> {
        let directory = TempDir::new()?;
        match unshare(CloneFlags::CLONE_NEWNS) {
            Ok(()) => {}
            Err(Errno::EPERM) if env::var_os("CI").is_none() => {
                eprintln!("skipped: only root (or CAP_SYS_ADMIN) may mount a small disk to fill it");
                return Ok(None);
            }
            Err(error) => bail!("cannot have mounts of its own, which this test needs: {error}"),
        }
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).context("cannot keep mounts private")?;
        let options = format!("size={mebibytes}m,mode=0700");
        mount(Some("tmpfs"), directory.path(), Some("tmpfs"), MsFlags::empty(), Some(&*options))
            .context("cannot mount a tmpfs")?;
        Ok(Some(Self { directory }))
    }

    /// Makes it larger or smaller while it is in use.
    pub(crate) fn resize(&self, mebibytes: u64) -> Result<()> {
        let (none, options) = (None::<&str>, format!("size={mebibytes}m"));
        mount(none, self.directory.path(), none, MsFlags::MS_REMOUNT, Some(&*options))
            .context("cannot resize the tmpfs")
    }

    /// A registry whose data is on it.
    pub(crate) fn registry(&self, settings: &[(&str, &str)]) -> Result<Registry> {
        let directory = TempDir::new()?;
        symlink(self.directory.path(), directory.path().join("data"))?;
        Registry::of(&program::ordinary()?, settings, directory)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // If something still uses it, it goes with the namespace.
        let _busy = umount(self.directory.path());
    }
}

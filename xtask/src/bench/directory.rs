//! The directory in which one candidate works, and its removal.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Threads that remove: a file system that hands freed blocks back one by one is waited for, not computed.
const THREADS: usize = 8;

/// A directory that is removed with all that is in it when dropped. Registries leave hundreds of thousands of small
/// files, so removing takes a while.
#[derive(Debug)]
pub(super) struct Directory(PathBuf);

impl Directory {
    /// Makes a new directory below `parent` with `name` in its name, on a disk with at least `needed` bytes free.
    pub(super) fn create(parent: &Path, name: &str, needed: u64) -> Result<Self> {
        fs::create_dir_all(parent)?;
        let disk = nix::sys::statvfs::statvfs(parent).context("asking for free disk space")?;
        let free = disk.blocks_available() * disk.fragment_size();
        let gibibytes = |bytes: u64| bytes as f64 / super::load::GIBIBYTE;
        ensure!(
            free >= needed,
            "{} has {:.1} GiB free and {:.1} GiB are needed; smaller blobs (--large) need less",
            parent.display(),
            gibibytes(free),
            gibibytes(needed)
        );
        let path = parent.join(format!("{name}-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}

/// Removes `root`: the deepest directories first, each with its files, many at once.
fn remove(root: &Path) -> io::Result<()> {
    let mut levels = vec![vec![root.to_owned()]];
    while let Some(level) = levels.last().filter(|level| !level.is_empty()) {
        let mut below = Vec::new();
        for directory in level {
            for entry in fs::read_dir(directory)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    below.push(entry.path());
                }
            }
        }
        levels.push(below);
    }
    for level in levels.iter().rev() {
        std::thread::scope(|scope| {
            let share = level.len().div_ceil(THREADS).max(1);
            let workers: Vec<_> = level
                .chunks(share)
                .map(|part| scope.spawn(move || part.iter().try_for_each(|one| empty(one))))
                .collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())))
        })?;
    }
    Ok(())
}

/// Removes a directory that has no directories in it any more.
fn empty(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        fs::remove_file(entry?.path())?;
    }
    fs::remove_dir(directory)
}

#[cfg(test)]
mod tests {
    use super::Directory;

    #[test]
    fn goes_with_all_that_is_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let directory = Directory::create(parent.path(), "one", 1).unwrap();
        let path = directory.path().to_owned();
        for number in 0..20 {
            let deep = path.join(format!("a/{}/{number}", number % 3));
            std::fs::create_dir_all(&deep).unwrap();
            std::fs::write(deep.join("file"), "x").unwrap();
        }
        std::os::unix::fs::symlink("/", path.join("a/link")).unwrap();
        drop(directory);
        assert!(!path.exists());
        assert!(std::path::Path::new("/").exists());
    }

    #[test]
    fn refuses_a_disk_that_is_too_small() {
        let parent = tempfile::tempdir().unwrap();
        let error = Directory::create(parent.path(), "one", u64::MAX).unwrap_err();
        assert!(error.to_string().contains("are needed"), "{error}");
    }
}

//! The real components that tests and benchmarks use, each pinned.

mod origin;
mod pinned;

use std::env;
use std::path::{Path, PathBuf};

pub use self::origin::Origin;
pub use self::pinned::COMPONENTS;

/// A program that tests or benchmarks run.
#[derive(Debug)]
pub struct Component {
    /// What people call it; unique in [`COMPONENTS`].
    pub name: &'static str,
    /// The file name of the program; of an npm package, what is used of it, below `node_modules`.
    pub program: &'static str,
    /// What it is used for, in a few words.
    pub purpose: &'static str,
    /// What fails without it.
    pub needed_for: NeededFor,
    /// Where it comes from.
    pub origin: Origin,
}

/// What a component is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeededFor {
    /// The tests do not pass without it.
    Tests,
    /// Only the benchmark compares with it, and it does without, as tests do.
    Benchmark,
}

impl Component {
    /// The component of that name.
    pub fn named(name: &str) -> Option<&'static Component> {
        COMPONENTS.iter().find(|component| component.name == name)
    }

    /// The program, if it is installed.
    pub fn locate(&self) -> Option<PathBuf> {
        if let Some(home) = self.home() {
            let complete = !self.origin.is_marked() || Self::mark(&home).is_file();
            let program = home.join(self.origin.programs()).join(self.program);
            return Some(program).filter(|path| complete && path.is_file());
        }
        self.system_directories().into_iter().map(|directory| directory.join(self.program)).find(|path| path.is_file())
    }

    /// The program, or what to do about its absence: say so and go on without what needs it.
    ///
    /// # Panics
    /// It is not installed and the variable `CI` is set: there nothing may be left out.
    pub fn require(name: &str) -> Option<PathBuf> {
        let program = Self::named(name).and_then(Self::locate);
        if program.is_none() {
            skip(&format!("{name} is not installed (cargo xtask tools --install {name})"));
        }
        program
    }

    /// Where it is installed, if that is not the system's business: a directory a version, so that a new pin is installed
    /// anew.
    pub fn home(&self) -> Option<PathBuf> {
        Some(cache_dir().join(format!("{}-{}", self.name, self.origin.version()?)))
    }

    /// The file in `home` that says that an installation of many files is complete. Written by the installer.
    pub fn mark(home: &Path) -> PathBuf {
        home.join("installed")
    }

    fn system_directories(&self) -> Vec<PathBuf> {
        if let Origin::Debian { directory: Some(directory), .. } = self.origin {
            return vec![PathBuf::from(directory)];
        }
        // Debian's own places first: a newer program of the same name in /usr/local is not what was pinned.
        let known = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].into_iter().map(PathBuf::from);
        known.chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())).collect()
    }
}

/// Says why a test does nothing.
///
/// # Panics
/// The variable `CI` is set.
pub fn skip(because: &str) {
    assert!(env::var_os("CI").is_none(), "nothing may be skipped here: {because}");
    println!("skipped: {because}");
}

/// Where tools live that are not the system's, outside the tree: `ENTREPOT_TOOLS`, else `entrepot-tools` in the user's
/// cache directory.
pub fn cache_dir() -> PathBuf {
    if let Some(directory) = env::var_os("ENTREPOT_TOOLS") {
        return PathBuf::from(directory);
    }
    env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .unwrap_or_else(env::temp_dir)
        .join("entrepot-tools")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (index, component) in COMPONENTS.iter().enumerate() {
            assert!(COMPONENTS[..index].iter().all(|other| other.name != component.name), "{}", component.name);
        }
    }

    #[test]
    fn a_pinned_tool_has_a_directory_of_its_own_version() {
        let home = |name| Component::named(name).unwrap().home();
        assert!(home("crane").unwrap().ends_with("crane-v0.21.9"));
        assert!(home("seaweedfs").unwrap().ends_with("seaweedfs-4.48"));
        assert!(home("azurite").unwrap().ends_with("azurite-3.35.0"));
        assert_eq!(home("podman"), None);
    }
}

//! Where components come from.

/// Where a component comes from.
#[derive(Debug)]
pub enum Origin {
    /// A Debian package; its version is the distribution's.
    Debian {
        /// The package that has the program.
        package: &'static str,
        /// Packages that are needed beside it and that it does not name itself.
        beside: &'static [&'static str],
        /// Where the program is, if that is not in PATH.
        directory: Option<&'static str>,
    },
    /// A Go command, built with `go install`.
    Go {
        /// The command's import path.
        package: &'static str,
        /// The module version.
        version: &'static str,
        /// Build tags.
        tags: &'static [&'static str],
        /// Variables that the build needs.
        environment: &'static [(&'static str, &'static str)],
    },
    /// A Python package, in a virtual environment of its own.
    Wheel {
        /// The package's name.
        package: &'static str,
        /// Its version.
        version: &'static str,
    },
    /// An npm package, in a directory of its own.
    Npm {
        /// The package's name.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// What is installed beside it, each a package, an `@` and a version.
        beside: &'static [&'static str],
    },
}

impl Origin {
    /// The pinned version; none where the distribution chooses it.
    pub fn version(&self) -> Option<&'static str> {
        match self {
            Self::Debian { .. } => None,
            Self::Go { version, .. } | Self::Wheel { version, .. } | Self::Npm { version, .. } => Some(version),
        }
    }

    /// Where the program is in the directory that the component is installed into.
    pub(super) fn programs(&self) -> &'static str {
        match self {
            Self::Npm { .. } => "node_modules",
            Self::Debian { .. } | Self::Go { .. } | Self::Wheel { .. } => "bin",
        }
    }

    /// Whether the installer leaves a file behind when it is through. Only Go puts its one program there as its last act.
    pub(super) fn is_marked(&self) -> bool {
        matches!(self, Self::Wheel { .. } | Self::Npm { .. })
    }
}

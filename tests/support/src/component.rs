//! The real components that tests and benchmarks use, each pinned.

use std::env;
use std::path::PathBuf;

/// A program that tests or benchmarks run.
#[derive(Debug)]
pub struct Component {
    /// What people call it; unique in [`COMPONENTS`].
    pub name: &'static str,
    /// The file name of the program.
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
    /// Only the benchmark compares with it, and it does without.
    Benchmark,
}

/// Where a component comes from.
#[derive(Debug)]
pub enum Origin {
    /// A Debian package; its version is the distribution's.
    Debian {
        /// The package's name.
        package: &'static str,
    },
    /// A Go command, built with `go install` into [`cache_dir`].
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
}

const fn debian(
    name: &'static str,
    program: &'static str,
    package: &'static str,
    needed_for: NeededFor,
    purpose: &'static str,
) -> Component {
    Component { name, program, purpose, needed_for, origin: Origin::Debian { package } }
}

const fn go(
    name: &'static str,
    program: &'static str,
    package: &'static str,
    version: &'static str,
    needed_for: NeededFor,
    purpose: &'static str,
) -> Component {
    Component {
        name,
        program,
        purpose,
        needed_for,
        origin: Origin::Go { package, version, tags: &[], environment: &[] },
    }
}

/// Every component, the quickly installed first.
pub const COMPONENTS: &[Component] = &[
    debian("curl", "curl", "curl", NeededFor::Tests, "plain requests beside every client"),
    debian("dockerd", "dockerd", "docker.io", NeededFor::Tests, "docker engine"),
    debian("docker", "docker", "docker.io", NeededFor::Tests, "docker command line"),
    debian("containerd", "containerd", "containerd", NeededFor::Tests, "containerd"),
    debian("ctr", "ctr", "containerd", NeededFor::Tests, "containerd command line"),
    debian("podman", "podman", "podman", NeededFor::Tests, "podman"),
    debian("buildah", "buildah", "buildah", NeededFor::Tests, "buildah"),
    debian("skopeo", "skopeo", "skopeo", NeededFor::Tests, "skopeo"),
    debian(
        "docker-registry",
        "docker-registry",
        "docker-registry",
        NeededFor::Benchmark,
        "distribution 2.8, to compare with",
    ),
    debian("nginx", "nginx", "nginx-light", NeededFor::Benchmark, "sendfile, to compare with"),
    go(
        "conformance",
        "conformance",
        "github.com/opencontainers/distribution-spec/conformance",
        "v0.0.0-20260831232431-97274622c111",
        NeededFor::Tests,
        "OCI distribution conformance suite, main branch",
    ),
    go(
        "crane",
        "crane",
        "github.com/google/go-containerregistry/cmd/crane",
        "v0.21.9",
        NeededFor::Tests,
        "crane (go-containerregistry)",
    ),
    go("oras", "oras", "oras.land/oras/cmd/oras", "v1.3.3", NeededFor::Tests, "oras"),
    go(
        "regctl",
        "regctl",
        "github.com/regclient/regclient/cmd/regctl",
        "v0.11.5",
        NeededFor::Tests,
        "regctl (regclient)",
    ),
    go("helm", "helm", "helm.sh/helm/v4/cmd/helm", "v4.3.1", NeededFor::Tests, "helm charts"),
    go(
        "distribution",
        "registry",
        "github.com/distribution/distribution/v3/cmd/registry",
        "v3.1.1",
        NeededFor::Benchmark,
        "distribution 3.1, to compare with",
    ),
    Component {
        name: "zot",
        program: "zot",
        purpose: "zot, to compare with",
        needed_for: NeededFor::Benchmark,
        origin: Origin::Go {
            package: "zotregistry.dev/zot/v2/cmd/zot",
            version: "v2.1.20",
            // The registry alone: no extension costs it anything in a comparison.
            tags: &[],
            environment: &[("GOEXPERIMENT", "jsonv2"), ("CGO_ENABLED", "0")],
        },
    },
];

impl Component {
    /// The component of that name.
    pub fn named(name: &str) -> Option<&'static Component> {
        COMPONENTS.iter().find(|component| component.name == name)
    }

    /// The program, if it is installed.
    pub fn locate(&self) -> Option<PathBuf> {
        match &self.origin {
            Origin::Go { version, .. } => Some(self.cached(version)).filter(|path| path.is_file()),
            // Debian's own places first: a newer program of the same name in /usr/local is not what was pinned.
            Origin::Debian { .. } => ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]
                .into_iter()
                .map(PathBuf::from)
                .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default()))
                .map(|directory| directory.join(self.program))
                .find(|path| path.is_file()),
        }
    }

    /// Where `go install` puts the program: one directory a version, so that a new pin is a new build.
    fn cached(&self, version: &str) -> PathBuf {
        cache_dir().join(format!("{}-{version}", self.name)).join("bin").join(self.program)
    }

    /// The directory that `GOBIN` names for this component; `None` for what `go install` does not build.
    pub fn go_bin(&self) -> Option<PathBuf> {
        match &self.origin {
            Origin::Go { version, .. } => self.cached(version).parent().map(PathBuf::from),
            Origin::Debian { .. } => None,
        }
    }
}

/// Where built tools live, outside the tree: `ENTREPOT_TOOLS`, else `entrepot-tools` in the user's cache directory.
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
    fn a_go_tool_has_a_directory_of_its_own_version() {
        let crane = Component::named("crane").unwrap();
        assert!(crane.go_bin().unwrap().ends_with("crane-v0.21.9/bin"));
        assert_eq!(Component::named("podman").unwrap().go_bin(), None);
    }
}

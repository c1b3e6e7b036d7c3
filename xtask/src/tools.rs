//! `cargo xtask tools`: the real components that tests and benchmarks use.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use entrepot_test_support::{COMPONENTS, Component, NeededFor, Origin, cache_dir};
use nix::unistd::geteuid;

/// The oldest Go that builds every pinned tool (helm asks for the most).
const GO: (u32, u32) = (1, 26);

/// From this version on, Go fetches the newer version that a module asks for.
const GO_FETCHES_NEWER: (u32, u32) = (1, 21);

/// Shows the programs that tests and benchmarks use, and installs them
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Installs what is missing: Debian packages (as root) and Go tools (into a cache outside the tree)
    #[arg(long)]
    install: bool,
    /// Only these
    names: Vec<String>,
    /// Leaves out what only the benchmark compares with
    #[arg(long, conflicts_with = "names")]
    tests_only: bool,
}

/// Lists the components, after installing the missing ones if asked.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut chosen = chosen(&arguments.names)?;
    chosen.retain(|component| !arguments.tests_only || component.needed_for == NeededFor::Tests);
    if arguments.install {
        install(&chosen)?;
    }
    for component in &chosen {
        println!("{}", line(component));
    }
    println!("\nGo tools live in {} (ENTREPOT_TOOLS names another place).", cache_dir().display());
    let absent: Vec<&str> = chosen.iter().filter(|c| missing(c)).map(|c| c.name).collect();
    if !absent.is_empty() && !arguments.install {
        println!("Missing: {}. Install with: cargo xtask tools --install", absent.join(", "));
    }
    Ok(())
}

/// Installs what is missing of `components`; those that only the benchmark compares with may stay missing.
pub(crate) fn install(components: &[&Component]) -> Result<()> {
    install_packages(components)?;
    for component in components {
        if missing(component)
            && let Origin::Go { .. } = component.origin
            && let Err(error) = build(component)
        {
            if component.needed_for == NeededFor::Tests {
                return Err(error);
            }
            println!("going on without {}, which only the benchmark compares with: {error:#}", component.name);
        }
    }
    if let Some(component) = components.iter().find(|c| missing(c) && c.needed_for == NeededFor::Tests) {
        bail!("{} is still missing after installing it", component.name);
    }
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Component>> {
    if names.is_empty() {
        return Ok(COMPONENTS.iter().collect());
    }
    names
        .iter()
        .map(|name| {
            Component::named(name).with_context(|| {
                let known: Vec<&str> = COMPONENTS.iter().map(|component| component.name).collect();
                format!("no component is called {name}; there are: {}", known.join(", "))
            })
        })
        .collect()
}

fn missing(component: &Component) -> bool {
    component.locate().is_none()
}

fn line(component: &Component) -> String {
    let version = match &component.origin {
        Origin::Debian { package } => {
            format!("Debian {}", package_version(package).unwrap_or_else(|| (*package).into()))
        }
        Origin::Go { version, .. } => (*version).to_owned(),
    };
    let place = component.locate().map_or_else(|| "missing".to_owned(), |path| path.display().to_string());
    format!("{:<16} {:<46} {:<48} {place}", component.name, version, component.purpose)
}

/// The version of an installed package.
fn package_version(package: &str) -> Option<String> {
    let output = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn install_packages(components: &[&Component]) -> Result<()> {
    let mut packages: Vec<&str> = components
        .iter()
        .filter(|component| missing(component))
        .filter_map(|component| match component.origin {
            Origin::Debian { package } => Some(package),
            Origin::Go { .. } => None,
        })
        .collect();
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    install_debian_packages(&packages)
}

fn install_debian_packages(packages: &[&str]) -> Result<()> {
    let by_hand = format!("apt-get update && apt-get install -y --no-install-recommends {}", packages.join(" "));
    if !geteuid().is_root() {
        bail!("installing Debian packages needs root; run this, then this task again:\n  sudo sh -c '{by_hand}'");
    }
    println!("{by_hand}");
    let _no_services = NoServices::arrange()?;
    let install = [&["install", "-y", "--no-install-recommends"], packages].concat();
    for arguments in [&["update"][..], &install] {
        let status = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .status()
            .context("cannot run apt-get: on a system other than Debian, install the programs above by hand")?;
        anyhow::ensure!(status.success(), "apt-get {} failed ({status})", arguments.join(" "));
    }
    Ok(())
}

/// While it exists, installing a package starts none of its services: docker-registry would take port 5000 and nginx
/// port 80, and the tests start what they use by themselves. This is Debian's own way to say so (invoke-rc.d(8)).
struct NoServices {
    /// The policy to remove again; none if the machine has one of its own.
    policy: Option<&'static Path>,
}

impl NoServices {
    fn arrange() -> Result<Self> {
        let policy = Path::new("/usr/sbin/policy-rc.d");
        if policy.exists() {
            return Ok(Self { policy: None });
        }
        fs::write(policy, "#!/bin/sh\nexit 101\n").with_context(|| format!("cannot write {}", policy.display()))?;
        let arranged = Self { policy: Some(policy) };
        fs::set_permissions(policy, fs::Permissions::from_mode(0o755))?;
        Ok(arranged)
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(policy) = self.policy
            && let Err(error) = fs::remove_file(policy)
        {
            println!("remove {} by hand: {error}", policy.display());
        }
    }
}

/// Builds a Go tool into its place in the cache.
fn build(component: &Component) -> Result<()> {
    let (Origin::Go { package, version, tags, environment }, Some(directory)) = (&component.origin, component.go_bin())
    else {
        return Ok(());
    };
    require_go()?;
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let mut command = Command::new("go");
    command.arg("install");
    if !tags.is_empty() {
        command.args(["-tags", &tags.join(",")]);
    }
    let module = format!("{package}@{version}");
    println!("go install {module}");
    let status = command
        .arg(&module)
        .env("GOBIN", &directory)
        // A flag meant for the user's own modules (-mod=vendor, say) would break the build of this one.
        .env_remove("GOFLAGS")
        .envs(environment.iter().copied())
        .status()
        .context("cannot run go")?;
    anyhow::ensure!(status.success(), "go install {module} failed ({status})");
    Ok(())
}

/// Checks that Go is there and new enough; installs Debian's if there is none and Debian's is new enough.
fn require_go() -> Result<()> {
    let wanted = format!("Go {}.{} or newer is needed to build the pinned tools", GO.0, GO.1);
    let from = "install it from https://go.dev/dl/ and put its bin directory into PATH";
    if go_version().is_none() {
        match debian_go_version() {
            Some(version) if version >= GO_FETCHES_NEWER => install_debian_packages(&["golang-go"])?,
            Some((major, minor)) => bail!("{wanted}; there is none, and Debian's is {major}.{minor}: {from}"),
            None => bail!("{wanted}, and there is none: {from}"),
        }
    }
    match go_version() {
        None => bail!("{wanted}, and there is none: {from}"),
        Some((major, minor)) if (major, minor) < GO_FETCHES_NEWER => {
            bail!("{wanted}, and this one is {major}.{minor}: {from}")
        }
        Some((major, minor)) => {
            if (major, minor) < GO {
                println!("{wanted}; this one ({major}.{minor}) fetches it unless GOTOOLCHAIN=local");
            }
            Ok(())
        }
    }
}

/// The version of Go that this Debian offers.
fn debian_go_version() -> Option<(u32, u32)> {
    let output = Command::new("apt-cache").args(["show", "--no-all-versions", "golang-go"]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().find_map(|line| line.strip_prefix("Version: "))?;
    // "2:1.19~1" has an epoch in front.
    parse_version(version.split_once(':').map_or(version, |(_, version)| version))
}

/// Major and minor version of the `go` in PATH.
fn go_version() -> Option<(u32, u32)> {
    let output = Command::new("go").args(["env", "GOVERSION"]).output().ok()?;
    parse_version(String::from_utf8_lossy(&output.stdout).strip_prefix("go")?)
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().split('.');
    let major = numbers.next()?.parse().ok()?;
    // "1.26rc1" has letters behind the number.
    let minor = numbers.next()?;
    let digits = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    Some((major, minor[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_of_go() {
        assert_eq!(parse_version("1.26.8\n"), Some((1, 26)));
        assert_eq!(parse_version("1.19~1"), Some((1, 19)));
        assert_eq!(parse_version("1.26rc1 X:nocoverageredesign"), Some((1, 26)));
        assert_eq!(parse_version("devel"), None);
    }
}

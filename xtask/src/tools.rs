//! `cargo xtask tools`: the real components that tests and benchmarks use.

mod debian;
mod go;
mod npm;
mod wheel;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use entrepot_test_support::{COMPONENTS, Component, NeededFor, Origin, cache_dir};

use self::go::GoCommand;

/// Shows the programs that tests and benchmarks use, and installs them
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Installs what is missing: Debian packages (as root); Go, Python and npm packages (into a cache outside the tree)
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
    println!("\nWhat is not Debian's lives in {} (ENTREPOT_TOOLS names another place).", cache_dir().display());
    let absent: Vec<&str> = chosen.iter().filter(|c| missing(c)).map(|c| c.name).collect();
    if !absent.is_empty() && !arguments.install {
        println!("Missing: {}. Install with: cargo xtask tools --install", absent.join(", "));
    }
    Ok(())
}

/// Installs what the tests need.
pub(crate) fn install_for_tests() -> Result<()> {
    let needed: Vec<_> = COMPONENTS.iter().filter(|component| component.needed_for == NeededFor::Tests).collect();
    install(&needed)
}

/// Installs what is missing of `components`; those that only the benchmark compares with may stay missing.
pub(crate) fn install(components: &[&Component]) -> Result<()> {
    install_packages(components)?;
    for component in components.iter().filter(|component| missing(component)) {
        if let Err(error) = install_pinned(component) {
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
        Origin::Debian { package, .. } => {
            format!("Debian {}", debian::package_version(package).unwrap_or_else(|| (*package).into()))
        }
        Origin::Go { version, .. } => (*version).to_owned(),
        Origin::Wheel { package, version } | Origin::Npm { package, version, .. } => format!("{package} {version}"),
    };
    let place = component.locate().map_or_else(|| "missing".to_owned(), |path| path.display().to_string());
    format!("{:<16} {:<46} {:<48} {place}", component.name, version, component.purpose)
}

fn install_packages(components: &[&Component]) -> Result<()> {
    let mut packages: Vec<&str> = components
        .iter()
        .filter(|component| missing(component))
        .filter_map(|component| match component.origin {
            Origin::Debian { package, beside, .. } => Some([&[package], beside].concat()),
            Origin::Go { .. } | Origin::Wheel { .. } | Origin::Npm { .. } => None,
        })
        .flatten()
        .collect();
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() { Ok(()) } else { debian::install(&packages) }
}

/// Installs a component that has a directory of its own.
fn install_pinned(component: &Component) -> Result<()> {
    let Some(home) = component.home() else { return Ok(()) };
    match component.origin {
        Origin::Debian { .. } => {}
        Origin::Go { package, version, tags, environment } => {
            go::install(&home, &GoCommand { package, version, tags, environment })?;
        }
        Origin::Wheel { package, version } => anew(&home, || wheel::install(&home, package, version))?,
        Origin::Npm { package, version, beside } => anew(&home, || npm::install(&home, package, version, beside))?,
    }
    Ok(())
}

/// Removes what an interrupted installation may have left in `home`, installs, and marks the result as complete.
fn anew(home: &Path, install: impl FnOnce() -> Result<()>) -> Result<()> {
    if home.exists() {
        fs::remove_dir_all(home).with_context(|| format!("cannot remove {}", home.display()))?;
    }
    fs::create_dir_all(home).with_context(|| format!("cannot create {}", home.display()))?;
    install()?;
    let mark = Component::mark(home);
    fs::write(&mark, "").with_context(|| format!("cannot write {}", mark.display()))
}

/// Whether `command` can be run and succeeds, whatever it prints.
fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

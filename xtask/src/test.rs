//! `cargo xtask test`: every test of the project, after installing what they need.

use anyhow::Result;

use crate::{shell, tools};

/// Run every test, after installing the components that they drive
///
/// Debian packages need root, and Go tools need Go; what cannot be installed is named. Without the variable CI, a test whose
/// component is missing says so and passes; with it, it fails.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Use the components that are there, and install none
    #[arg(long)]
    no_install: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if !arguments.no_install
        && let Err(error) = tools::install_for_tests()
    {
        if std::env::var_os("CI").is_some() {
            return Err(error);
        }
        eprintln!("warning: {error:#}; tests that need it will be skipped");
    }
    // The tests drive the real binary. One build with fail points serves them all: they do nothing unless FAILPOINTS is set.
    shell::run(shell::cargo().args(["build", "--package", "entrepot", "--features", "failpoints"]))?;
    let mut test = shell::cargo();
    test.args(["test", "--workspace", "--features", "entrepot/failpoints"]);
    shell::run(test.env("ENTREPOT_FAILPOINTS_BIN", entrepot_test_support::entrepot_binary()?))
}

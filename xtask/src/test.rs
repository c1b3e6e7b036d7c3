//! `cargo xtask test`: every test of the project, after installing what they need.

use anyhow::Result;
use entrepot_test_support::{Component, entrepot_binary};

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
    let binary = entrepot_binary()?;
    let cargo_test = || {
        let mut test = shell::cargo();
        test.args(["test", "--workspace", "--features", "entrepot/failpoints"]);
        test.env("ENTREPOT_FAILPOINTS_BIN", &binary);
        test
    };
    shell::run(&mut cargo_test())?;
    // The same protocol again over what replicas share.
    if ["postgresql", "seaweedfs"].iter().all(|name| Component::require(name).is_some()) {
        shell::run(cargo_test().args(["--test", "protocol"]).env("ENTREPOT_TEST_OVER", "s3-postgres"))?;
    }
    Ok(())
}

//! Debian packages: asking for their versions, and installing them as root.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use nix::unistd::geteuid;

/// The version of an installed package.
pub(super) fn package_version(package: &str) -> Option<String> {
    let output = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Installs packages, without starting what they serve.
pub(super) fn install(packages: &[&str]) -> Result<()> {
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

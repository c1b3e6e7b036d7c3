//! skopeo, which fills old registries and empties new ones.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use entrepot_client_tests::blob::Blob;
use entrepot_client_tests::image::{Image, MultiPlatform, check_layout};
use entrepot_client_tests::tool::Tool;

/// skopeo with a directory for its images.
pub(crate) struct Skopeo {
    tool: Tool,
    directory: PathBuf,
}

impl Skopeo {
    /// `None` if it is not installed.
    pub(crate) fn find(directory: &Path) -> Result<Option<Self>> {
        let directory = directory.join("skopeo");
        std::fs::create_dir(&directory)?;
        let Some(tool) = Tool::find("skopeo", &directory) else { return Ok(None) };
        let tool =
            tool.with_arguments(["--insecure-policy"]).with_arguments(["--tmpdir".as_ref(), directory.as_os_str()]);
        Ok(Some(Self { tool, directory }))
    }

    /// Pushes an index and everything under it.
    pub(crate) fn push(&self, images: &MultiPlatform, to: SocketAddr, name: &str) -> Result<()> {
        let layout = self.layout("pushed")?;
        images.write_layout(&layout, "v")?;
        self.copy(&format!("oci:{}:v", layout.display()), &format!("docker://{to}/{name}"))
    }

    /// Pushes one image.
    pub(crate) fn push_image(&self, image: &Image, to: SocketAddr, name: &str) -> Result<()> {
        let layout = self.layout("pushed")?;
        image.write_layout(&layout, "v")?;
        self.copy(&format!("oci:{}:v", layout.display()), &format!("docker://{to}/{name}"))
    }

    /// Pulls something, and compares every byte of it.
    pub(crate) fn pull<'a>(&self, from: SocketAddr, name: &str, blobs: impl Iterator<Item = &'a Blob>) -> Result<()> {
        let layout = self.layout("pulled")?;
        self.copy(&format!("docker://{from}/{name}"), &format!("oci:{}:v", layout.display()))?;
        check_layout(&layout, blobs)
    }

    /// Copies with all platforms, and no byte changed.
    pub(crate) fn copy(&self, from: &str, to: &str) -> Result<()> {
        let mut arguments = vec!["copy", "--quiet", "--all", "--preserve-digests"];
        if from.starts_with("docker:") {
            arguments.push("--src-tls-verify=false");
        }
        if to.starts_with("docker:") {
            arguments.push("--dest-tls-verify=false");
        }
        self.tool.run(arguments.into_iter().chain([from, to])).map(drop)
    }

    /// An empty directory.
    fn layout(&self, name: &str) -> Result<PathBuf> {
        let layout = self.directory.join(name);
        if layout.exists() {
            std::fs::remove_dir_all(&layout)?;
        }
        std::fs::create_dir(&layout)?;
        Ok(layout)
    }
}

//! buildah, oras and cosign, as this test uses them.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::engine::is_root;
use entrepot_client_tests::image::FILE;
use entrepot_client_tests::registry::Registry;
use entrepot_client_tests::tool::Tool;
use serde_json::Value;

const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];
const SBOM: &str = "application/vnd.acme.sbom";
const BY_TAG: &str = "v1.1-referrers-tag";
/// Nothing is written into a public log, or read from one.
const OWN_LOG: [&str; 2] = ["--insecure-ignore-tlog=true", "--private-infrastructure=true"];

/// The tools, and where they push to.
pub(crate) struct Tools {
    host: String,
    buildah: Tool,
    oras: Tool,
    cosign: Tool,
}

/// Images that were built, of each version one for each architecture.
pub(crate) struct Images(Vec<(&'static str, &'static str, String)>);

impl Tools {
    /// `None` if one is not installed.
    pub(crate) fn find(registry: &Registry) -> Result<Option<Self>> {
        let home = registry.directory();
        let (Some(buildah), Some(oras), Some(cosign), true) = (
            Tool::find("buildah", home),
            Tool::find("oras", home),
            Tool::find("cosign", home),
            is_root("buildah with a storage of its own")?,
        ) else {
            return Ok(None);
        };
        let place = home.join("buildah");
        let buildah = buildah
            .with_arguments(["--root".as_ref(), place.join("root").as_os_str()])
            .with_arguments(["--runroot".as_ref(), place.join("run").as_os_str()])
            .with_arguments(["--storage-driver=vfs"]);
        let cosign = cosign.with_variable("COSIGN_PASSWORD", "").with_variable("COSIGN_EXPERIMENTAL", "1");
        cosign.run(["generate-key-pair"])?;
        fs::write(home.join("sbom.json"), br#"{"packages":[]}"#)?;
        Ok(Some(Self { host: registry.host.clone(), buildah, oras, cosign }))
    }

    /// Builds two versions of an image, each for two architectures.
    pub(crate) fn build(&self) -> Result<Images> {
        let mut images = Vec::new();
        for version in ["v1", "v2"] {
            for architecture in ARCHITECTURES {
                let container = self.buildah.run(["from", "scratch"])?.trim().to_owned();
                let source = format!("{version}-{architecture}");
                fs::write(self.buildah.home().join(&source), format!("{version} for {architecture}\n"))?;
                self.buildah.run(["copy", &container, &source, &format!("/{FILE}")])?;
                self.buildah.run(["config", "--arch", architecture, &container])?;
                let id = self.buildah.run(["commit", "--quiet", "--format=oci", &container])?.trim().to_owned();
                images.push((version, architecture, id));
            }
        }
        Ok(Images(images))
    }

    /// Pushes an index with the images of a version, and returns its digest.
    pub(crate) fn push(&self, images: &Images, repository: &str, version: &str) -> Result<String> {
        let list = format!("{repository}-{version}-list").replace('/', "-");
        self.buildah.run(["manifest", "create", &list])?;
        for (_, architecture, id) in images.0.iter().filter(|image| image.0 == version) {
            self.buildah.run([
                "manifest",
                "add",
                "--arch",
                architecture,
                &list,
                &format!("containers-storage:{id}"),
            ])?;
        }
        let destination = format!("docker://{}/{repository}:{version}", self.host);
        let digest = self.buildah.home().join("digest");
        self.buildah.run([
            "manifest".as_ref(),
            "push".as_ref(),
            "--all".as_ref(),
            "--tls-verify=false".as_ref(),
            "--digestfile".as_ref(),
            digest.as_os_str(),
            list.as_ref(),
            destination.as_ref(),
        ])?;
        Ok(fs::read_to_string(digest)?.trim().to_owned())
    }

    /// Pulls an index for each architecture with buildah, and looks at what is in it.
    pub(crate) fn pull(&self, repository: &str, digest: &str) -> Result<()> {
        for architecture in ARCHITECTURES {
            let name = self.name(repository, digest);
            let pull = ["pull", "--quiet", "--tls-verify=false", "--policy=always", "--arch", architecture, &name];
            let id = self.buildah.run(pull)?.trim().to_owned();
            let config: Value = serde_json::from_str(&self.buildah.run(["inspect", "--type=image", &id])?)?;
            ensure!(config["OCIv1"]["architecture"] == architecture, "{name}: {}", config["OCIv1"]);
        }
        Ok(())
    }

    /// The digests of an index's platforms, as oras reads it.
    pub(crate) fn platforms(&self, repository: &str, index: &str) -> Result<Vec<String>> {
        let index = self.oras.run(["manifest", "fetch", "--plain-http", &self.name(repository, index)])?;
        let index: Value = serde_json::from_str(&index)?;
        let manifests = index["manifests"].as_array().context("no index")?;
        Ok(manifests.iter().filter_map(|one| one["digest"].as_str()).map(str::to_owned).collect())
    }

    /// Attaches an SBOM by its subject.
    pub(crate) fn attach(&self, repository: &str, digest: &str) -> Result<()> {
        self.attach_with(&[], repository, digest)
    }

    /// Attaches one as for registries without the referrers API.
    pub(crate) fn attach_by_tag(&self, repository: &str, digest: &str) -> Result<()> {
        self.attach_with(&["--distribution-spec", BY_TAG], repository, digest)
    }

    fn attach_with(&self, how: &[&str], repository: &str, digest: &str) -> Result<()> {
        let name = self.name(repository, digest);
        let fixed = ["attach", "--plain-http", "--artifact-type", SBOM];
        self.oras.run(fixed.iter().chain(how).chain(&[name.as_str(), "sbom.json:application/json"]))?;
        Ok(())
    }

    /// That oras finds the SBOM, and can pull it.
    pub(crate) fn discover(&self, repository: &str, digest: &str) -> Result<()> {
        self.discover_with(&[], repository, digest)
    }

    /// The same as for registries without the referrers API.
    pub(crate) fn discover_by_tag(&self, repository: &str, digest: &str) -> Result<()> {
        self.discover_with(&["--distribution-spec", BY_TAG], repository, digest)
    }

    fn discover_with(&self, how: &[&str], repository: &str, digest: &str) -> Result<()> {
        let name = self.name(repository, digest);
        let fixed = ["discover", "--plain-http", "--format", "json", "--artifact-type", SBOM];
        let found = self.oras.run(fixed.iter().chain(how).chain(&[name.as_str()]))?;
        let found: Value = serde_json::from_str(&found)?;
        let entries = found["referrers"].as_array().or_else(|| found["manifests"].as_array()).context("no list")?;
        ensure!(entries.len() == 1, "{found}");
        let sbom = entries[0]["digest"].as_str().context("no digest")?;
        let place = self.oras.home().join("pulled");
        self.oras.run([
            "pull".as_ref(),
            "--plain-http".as_ref(),
            "--output".as_ref(),
            place.as_os_str(),
            self.name(repository, sbom).as_ref(),
        ])?;
        ensure!(fs::read(place.join("sbom.json"))? == br#"{"packages":[]}"#);
        Ok(fs::remove_dir_all(place)?)
    }

    /// Signs an index and its platforms, each signature under a tag.
    pub(crate) fn sign(&self, repository: &str, digest: &str) -> Result<()> {
        self.cosign_with(
            &["sign", "--recursive", "--key=cosign.key", "--tlog-upload=false", "--yes"],
            repository,
            digest,
        )
    }

    /// Signs an index, the signature being a referrer.
    pub(crate) fn sign_as_referrer(&self, repository: &str, digest: &str) -> Result<()> {
        let how = ["sign", "--registry-referrers-mode=oci-1-1", "--key=cosign.key", "--tlog-upload=false", "--yes"];
        self.cosign_with(&how, repository, digest)
    }

    /// Attests an SBOM of an index.
    pub(crate) fn attest(&self, repository: &str, digest: &str) -> Result<()> {
        let how =
            ["attest", "--key=cosign.key", "--tlog-upload=false", "--yes", "--predicate=sbom.json", "--type=custom"];
        self.cosign_with(&how, repository, digest)
    }

    /// That the index and its platforms are signed.
    pub(crate) fn verify(&self, repository: &str, digest: &str) -> Result<()> {
        for one in self.platforms(repository, digest)?.iter().chain([&digest.to_owned()]) {
            self.cosign_with(&[&["verify", "--key=cosign.pub"], &OWN_LOG[..]].concat(), repository, one)?;
        }
        Ok(())
    }

    /// That the index is signed by a referrer.
    pub(crate) fn verify_referrer(&self, repository: &str, digest: &str) -> Result<()> {
        let how = [&["verify", "--experimental-oci11", "--key=cosign.pub"], &OWN_LOG[..]].concat();
        self.cosign_with(&how, repository, digest)
    }

    /// That the SBOM of the index is attested.
    pub(crate) fn verify_attestation(&self, repository: &str, digest: &str) -> Result<()> {
        let how = [&["verify-attestation", "--key=cosign.pub", "--type=custom"], &OWN_LOG[..]].concat();
        self.cosign_with(&how, repository, digest)
    }

    fn cosign_with(&self, how: &[&str], repository: &str, digest: &str) -> Result<()> {
        let name = self.name(repository, digest);
        self.cosign.run(how.iter().chain(&["--allow-http-registry", name.as_str()]))?;
        Ok(())
    }

    fn name(&self, repository: &str, digest: &str) -> String {
        format!("{}/{repository}@{digest}", self.host)
    }
}

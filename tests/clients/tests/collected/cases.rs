//! The table of cases.

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::registry::Registry;
use serde_json::Value;

use super::tools::Tools;

/// Something that people attach to an image.
pub(crate) struct Case {
    /// Where it is pushed.
    pub(crate) repository: &'static str,
    /// Attaches it to the index of this digest.
    pub(crate) attach: fn(&Tools, &str, &str) -> Result<()>,
    /// Looks with the tool that attached it, whether it is there.
    check: fn(&Tools, &str, &str) -> Result<()>,
    /// Manifests of one version, at least: the index, its platforms, and what was attached.
    pub(crate) least: usize,
}

pub(crate) const CASES: [Case; 7] = [
    Case { repository: "acme/plain", attach: |_, _, _| Ok(()), check: |_, _, _| Ok(()), least: 3 },
    Case { repository: "acme/sbom", attach: Tools::attach, check: Tools::discover, least: 4 },
    Case {
        repository: "acme/platform-sbom",
        attach: |tools, repository, index| {
            tools.platforms(repository, index)?.iter().try_for_each(|one| tools.attach(repository, one))
        },
        check: |tools, repository, index| {
            tools.platforms(repository, index)?.iter().try_for_each(|one| tools.discover(repository, one))
        },
        least: 5,
    },
    // For registries that know no referrers: the list of them is an index with a tag. Ours knows them, so there are both.
    Case { repository: "acme/fallback", attach: Tools::attach_by_tag, check: Tools::discover_by_tag, least: 5 },
    Case { repository: "acme/signed", attach: Tools::sign, check: Tools::verify, least: 6 },
    Case {
        repository: "acme/signed-referrer",
        attach: Tools::sign_as_referrer,
        check: Tools::verify_referrer,
        least: 4,
    },
    Case { repository: "acme/attested", attach: Tools::attest, check: Tools::verify_attestation, least: 4 },
];

impl Case {
    /// The one in `acme/NAME`.
    pub(crate) fn named(name: &str) -> &'static Self {
        CASES.iter().find(|case| case.repository.strip_prefix("acme/") == Some(name)).expect("a case of that name")
    }

    /// Everything of the image is there, byte for byte, and the tools say so too.
    pub(crate) fn expect(&self, registry: &Registry, tools: &Tools, reference: &str) -> Result<()> {
        let (index, _) = registry.expect_complete(self.repository, reference)?;
        for digest in self.belonging(registry, &index)? {
            registry.expect_complete(self.repository, &digest)?;
        }
        tools.pull(self.repository, &index)?;
        (self.check)(tools, self.repository, &index).with_context(|| format!("{}: {reference}", self.repository))
    }

    /// The digests of the index, of its platforms, and of what belongs to any of them: by subject, or by a tag.
    pub(crate) fn belonging(&self, registry: &Registry, reference: &str) -> Result<Vec<String>> {
        let (index, manifest) = registry.expect_complete(self.repository, reference)?;
        let platforms = manifest["manifests"].as_array().context("no index")?;
        ensure!(platforms.len() == 2, "{manifest}");
        let mut all = vec![index];
        all.extend(platforms.iter().filter_map(|platform| platform["digest"].as_str()).map(str::to_owned));
        let tags = registry.tags(self.repository)?;
        for subject in all.clone() {
            let own = subject.replace(':', "-");
            for tag in tags.iter().filter(|tag| tag.starts_with(&own)) {
                let (list, content) = registry.expect_complete(self.repository, tag)?;
                all.push(list);
                all.extend(digests(&content));
            }
            all.extend(registry.referrers(self.repository, &subject)?);
        }
        let mut known = Vec::new();
        all.retain(|digest| {
            !known.contains(digest) && {
                known.push(digest.clone());
                true
            }
        });
        Ok(all)
    }
}

fn digests(index: &Value) -> Vec<String> {
    let manifests = index["manifests"].as_array().into_iter().flatten();
    manifests.filter_map(|manifest| manifest["digest"].as_str()).map(str::to_owned).collect()
}

//! How to import.

use entrepot_access::Pattern;
use entrepot_import::Options;
use entrepot_oci::RepositoryName;
use entrepot_store::Sharing;

use crate::config::Config;

/// How to import, whatever it is from.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportOptions {
    /// Only repositories whose name there matches, with * for any characters: acme/*
    #[arg(long, value_name = "PATTERN")]
    repository: Option<Pattern>,
    /// Put every repository under this name: with old, acme/app becomes old/acme/app
    #[arg(long, value_name = "NAME")]
    into: Option<RepositoryName>,
    /// Let everybody see the repositories that are new here [default: those who are given a role]
    #[arg(long)]
    public: bool,
    /// Remove tags that are here and not there, of the repositories that are there
    #[arg(long)]
    delete: bool,
    /// Copy files instead of giving them a second name
    #[arg(long)]
    copy: bool,
    /// Say what would be imported, and import nothing; the bytes of blobs are not read
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl ImportOptions {
    /// What they mean with this configuration.
    pub(super) fn meant(&self, config: &Config) -> Options {
        Options {
            only: self.repository.clone(),
            into: self.into.clone(),
            public: self.public,
            delete: self.delete,
            dry_run: self.dry_run,
            sharing: if self.copy { Sharing::Copy } else { Sharing::Link },
            max_manifest_bytes: config.registry.max_manifest_bytes.0,
        }
    }

    /// Who sees what is new.
    pub(super) fn visibility(&self) -> &'static str {
        if self.public { "public" } else { "private" }
    }
}

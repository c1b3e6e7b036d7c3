//! One repository.

use entrepot_access::Visibility;
use entrepot_oci::RepositoryName;
use entrepot_registry::gate::{Grant, Pull, Push};

use crate::source::{Contents, Source};
use crate::{Error, Import};

/// A repository, in the old registry and here.
pub(crate) struct At<'a> {
    /// Its name there.
    pub(crate) old: &'a str,
    /// What it has there.
    pub(crate) contents: &'a Contents,
    /// That it may be read here.
    pub(crate) pull: Grant<Pull>,
    /// That it may be written to; nothing is in a dry run.
    pub(crate) push: Option<Grant<Push>>,
}

impl<S: Source> Import<S> {
    /// Imports a repository, as far as it can be.
    pub(crate) async fn repository(&self, old: &str) -> Result<(), Error> {
        match self.whole(old).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let why = error.left_out()?;
                self.summary.lock().leave(old, "", why);
                Ok(())
            }
        }
    }

    async fn whole(&self, old: &str) -> Result<(), Error> {
        self.summary.lock().repositories += 1;
        let name = match self.name(old).parse::<RepositoryName>() {
            Ok(name) => name,
            Err(why) => {
                self.summary.lock().leave(old, "", why.to_string());
                return Ok(());
            }
        };
        let contents = self.source.contents(old).await?;
        {
            let mut summary = self.summary.lock();
            summary.unfinished += contents.unfinished as u64;
            for sentence in &contents.odd {
                summary.leave(old, "", sentence);
            }
        }
        // One to which nothing was ever pushed, or of which everything was deleted, is none here.
        let is_empty = contents.manifests.is_empty() && contents.tags.is_empty();
        let push = if is_empty { None } else { self.begin(&name).await? };
        let pull = self.gate.authorize(&self.caller, name).await?;
        let at = At { old, contents: &contents, pull, push };
        let here = self.manifests(&at).await?;
        self.tags(&at, &here).await
    }

    /// The name that a repository gets here.
    fn name(&self, old: &str) -> String {
        match &self.options.into {
            Some(prefix) => format!("{}/{old}", prefix.as_str()),
            None => old.to_owned(),
        }
    }

    /// Lets the rules know of the repository, and asks them to let it be pushed to.
    async fn begin(&self, name: &RepositoryName) -> Result<Option<Grant<Push>>, Error> {
        let access = self.gate.policy();
        match access.repository(&self.caller, name).await {
            Ok(_) => {}
            Err(entrepot_access::Error::NotFound { .. }) => {
                if !self.options.dry_run {
                    let visibility = if self.options.public { Visibility::Public } else { Visibility::Private };
                    let permit = access.permit_repository(&self.caller, name).await?;
                    access.create_repository(&permit, Some(visibility)).await?;
                }
                self.summary.lock().new_repositories += 1;
            }
            Err(error) => return Err(error.into()),
        }
        if self.options.dry_run {
            return Ok(None);
        }
        Ok(Some(self.gate.authorize(&self.caller, name.clone()).await?))
    }
}

//! A registry that runs, asked over its API (distribution-spec). Whatever it keeps its data in, what its tags lead to comes
//! along; what has no tag cannot be asked for, but for what refers to something that came.

mod asked;
mod login;

use std::collections::HashSet;

use bytes::Bytes;
use entrepot_oci::{Digest, ManifestKind, Tag};
use entrepot_registry::BodyError;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Response;
use serde::Deserialize;

use self::asked::Asked;
pub use self::login::{InvalidUpstream, Login, UpstreamAddress};
use crate::Error;
use crate::index::{self, Index};
use crate::source::{Body, Contents, Place, RawManifest, Source};

/// Requests for the manifests of one repository at once.
const AT_ONCE: usize = 8;
/// Largest page of a list, and largest manifest that is looked into, in bytes.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;
/// What is asked for where a list is wanted; that of referrers is an index.
const LISTS: &str = "application/json, application/vnd.oci.image.index.v1+json";
/// Pages of one list at most: with 100 entries on each, more than any registry is known to have.
const MOST_PAGES: usize = 50_000;
/// How often the bytes of one blob are asked for again, from where they broke off, without any coming.
const ATTEMPTS: u32 = 5;

/// A running registry.
pub struct Upstream {
    asked: Asked,
}

#[derive(Deserialize)]
struct Catalog {
    #[serde(default)]
    repositories: Vec<String>,
}

#[derive(Deserialize)]
struct Tags {
    /// Some say `null` where there is none.
    tags: Option<Vec<String>>,
}

impl Upstream {
    /// The registry at an address, as somebody or as nobody. It is asked whether it is one.
    ///
    /// # Errors
    /// [`Error::NoSource`].
    pub async fn at(
        address: UpstreamAddress,
        login: Option<Login>,
        ca_file: Option<&std::path::Path>,
    ) -> Result<Self, Error> {
        let asked = Asked::new(address, login, ca_file)?;
        asked.get("/v2/", "").await?.ok_or_else(|| asked.no_source("it has no registry API"))?;
        Ok(Self { asked })
    }

    /// All pages of a list; none if there is no such list.
    async fn pages<T: serde::de::DeserializeOwned>(&self, first: String) -> Result<Vec<T>, Error> {
        let (mut pages, mut asked) = (Vec::new(), HashSet::new());
        let mut next = Some(first);
        while let Some(target) = next {
            if !asked.insert(target.clone()) || asked.len() > MOST_PAGES {
                return Err(self.asked.unreadable(&target, "its pages go round in a circle, or there are too many"));
            }
            let Some(answer) = self.asked.get(&target, LISTS).await? else {
                // What is on a page that is missing would count as gone.
                return if pages.is_empty() {
                    Ok(pages)
                } else {
                    Err(self.asked.unreadable(&target, "the page is not there"))
                };
            };
            next = asked::next_page(&answer);
            let content = self.asked.content(answer, MAX_ANSWER).await?;
            pages.push(serde_json::from_slice(&content).map_err(|error| self.asked.unreadable(&target, error))?);
        }
        Ok(pages)
    }

    /// What a tag shows, and of what kind that is; `None` if it was deleted meanwhile.
    async fn shown(&self, repository: &str, tag: &str) -> Result<Option<(Digest, ManifestKind)>, Error> {
        let target = format!("/v2/{repository}/manifests/{tag}");
        // Before it is part of an address.
        tag.parse::<Tag>().map_err(|why| self.asked.unreadable(&target, why))?;
        let Some(answer) = self.asked.head(&target, index::MANIFEST_TYPES).await? else { return Ok(None) };
        if let Some(digest) = asked::header(&answer, "docker-content-digest").and_then(|text| text.parse().ok()) {
            return Ok(Some((digest, kind(&answer))));
        }
        let Some(answer) = self.asked.get(&target, index::MANIFEST_TYPES).await? else { return Ok(None) };
        let kind = kind(&answer);
        let content = self.asked.content(answer, MAX_ANSWER).await?;
        Ok(Some((Digest::of(entrepot_oci::Algorithm::Sha256, &content), kind)))
    }

    /// What a manifest leads to: those that it names, and those that refer to it. Its kind is asked for if it is not known.
    async fn leads_to(
        &self,
        repository: &str,
        digest: Digest,
        known: Option<ManifestKind>,
    ) -> Result<Vec<Digest>, Error> {
        let target = format!("/v2/{repository}/manifests/{digest}");
        let mut found = self.referrers(repository, &digest).await?;
        let kind = match known {
            Some(kind) => kind,
            None => match self.asked.head(&target, index::MANIFEST_TYPES).await? {
                Some(answer) => kind(&answer),
                None => return Ok(found),
            },
        };
        if matches!(kind, ManifestKind::Index | ManifestKind::Other)
            && let Some(answer) = self.asked.get(&target, index::MANIFEST_TYPES).await?
        {
            found.extend(index::children(&self.asked.content(answer, MAX_ANSWER).await?));
        }
        Ok(found)
    }

    async fn referrers(&self, repository: &str, digest: &Digest) -> Result<Vec<Digest>, Error> {
        // Registries that do not know the question say 404.
        let pages: Vec<Index> = self.pages(format!("/v2/{repository}/referrers/{digest}")).await?;
        Ok(pages.iter().flat_map(Index::digests).collect())
    }

    /// The bytes of a blob, asked for when they are wanted, and again where they break off.
    fn body(&self, target: String, size: u64) -> Body {
        struct Reading {
            asked: Asked,
            target: String,
            at: u64,
            size: u64,
            attempts: u32,
            open: Option<Response>,
        }
        let reading = Reading { asked: self.asked.clone(), target, at: 0, size, attempts: 0, open: None };
        Box::pin(stream::try_unfold(reading, async |mut reading| {
            while reading.at < reading.size {
                let answer = match reading.open.take() {
                    Some(answer) => Ok(answer),
                    None => reading.asked.from(&reading.target, reading.at).await,
                };
                let why = match answer {
                    Err(error) => error.to_string(),
                    Ok(mut answer) => match answer.chunk().await {
                        Ok(Some(bytes)) => {
                            reading.at += bytes.len() as u64;
                            reading.attempts = 0;
                            reading.open = Some(answer);
                            return Ok::<_, BodyError>(Some((bytes, reading)));
                        }
                        Ok(None) => "it ends early".to_owned(),
                        Err(error) => asked::explained(&error),
                    },
                };
                reading.attempts += 1;
                if reading.attempts == ATTEMPTS {
                    return Err(BodyError(why));
                }
                tokio::time::sleep(std::time::Duration::from_millis(200) * 2_u32.pow(reading.attempts)).await;
            }
            Ok(None)
        }))
    }
}

/// What kind of manifest is answered.
fn kind(answer: &Response) -> ManifestKind {
    ManifestKind::of(asked::header(answer, "content-type").unwrap_or_default())
}

impl Source for Upstream {
    async fn repositories(&self) -> Result<Vec<String>, Error> {
        let pages: Vec<Catalog> = self.pages("/v2/_catalog?n=500".to_owned()).await?;
        let mut names: Vec<String> = pages.into_iter().flat_map(|page| page.repositories).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn contents(&self, repository: &str) -> Result<Contents, Error> {
        let mut contents = Contents::default();
        let pages: Vec<Tags> = self.pages(format!("/v2/{repository}/tags/list?n=500")).await?;
        let tags = pages.into_iter().flat_map(|page| page.tags.unwrap_or_default());
        let shown = tags.map(async |tag| {
            let shown = self.shown(repository, &tag).await;
            (tag, shown)
        });
        let mut shown = stream::iter(shown).buffered(AT_ONCE);
        let mut pending = Vec::new();
        while let Some((tag, shown)) = shown.next().await {
            match shown {
                Ok(None) => {}
                Ok(Some((digest, kind))) => {
                    pending.push((digest, Some(kind)));
                    contents.tags.insert(tag, Ok(digest));
                }
                Err(error) => {
                    contents.tags.insert(tag, Err(error.left_out()?));
                }
            }
        }
        drop(shown);
        while !pending.is_empty() {
            pending.retain(|(digest, _)| contents.manifests.insert(*digest));
            let asked = std::mem::take(&mut pending).into_iter();
            let asked = asked.map(|(digest, kind)| self.leads_to(repository, digest, kind));
            let found: Vec<Vec<Digest>> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
            pending = found.into_iter().flatten().map(|digest| (digest, None)).collect();
        }
        Ok(contents)
    }

    async fn manifest(&self, repository: &str, digest: &Digest, limit: u64) -> Result<RawManifest, Error> {
        let target = format!("/v2/{repository}/manifests/{digest}");
        let answer = self.asked.get(&target, index::MANIFEST_TYPES).await?;
        let answer = answer.ok_or_else(|| self.asked.unreadable(&target, "it is not there"))?;
        let media_type = asked::header(&answer, "content-type").map(str::to_owned);
        let content: Bytes = self.asked.content(answer, limit).await?;
        Ok(RawManifest { content, media_type })
    }

    async fn blob(&self, repository: &str, digest: &Digest) -> Result<Option<Place>, Error> {
        let target = format!("/v2/{repository}/blobs/{digest}");
        let Some(answer) = self.asked.head(&target, "*/*").await? else { return Ok(None) };
        let size = asked::header(&answer, "content-length").and_then(|text| text.parse().ok());
        let size = size.ok_or_else(|| self.asked.unreadable(&target, "its size is not said"))?;
        Ok(Some(Place::Stream { size, body: self.body(target, size) }))
    }
}

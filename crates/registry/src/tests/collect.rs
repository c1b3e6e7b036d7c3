//! What stays of images, platforms, signatures and SBOMs when something of them goes; and that nobody who was told that a blob is
//! there finds it gone.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_test_engines::{Place, on_both_engines};

use super::later::later;
use super::*;
use crate::{Fate, Reason};

on_both_engines! {
    what_belongs_together_goes_together,
    whoever_is_told_of_a_blob_has_a_grace_from_then,
    what_comes_after_the_manifest_that_names_it_stays,
    what_is_deleted_can_be_restored_complete,
    what_a_restored_tag_would_have_kept_is_looked_at,
    a_tag_is_rolled_back_also_to_what_was_deleted,
    a_repository_is_deleted_and_restored_as_a_whole,
    every_fate_is_explained,
}

const NAME: &str = "acme/app";
const GRACE: Duration = Duration::from_hours(10);
const HOUR: Duration = Duration::from_hours(1);

fn options() -> Options {
    Options { grace: GRACE, untagged_after: None, trash_for: Duration::ZERO, ..Options::default() }
}

fn with_trash() -> Options {
    Options { trash_for: Duration::from_hours(100), ..options() }
}

/// A manifest of a case: what it is called there, under which tag it is pushed, what it names and what it is about.
struct Part {
    name: &'static str,
    tag: Option<&'static str>,
    children: &'static [&'static str],
    subject: Option<&'static str>,
}

const fn image(name: &'static str, tag: Option<&'static str>) -> Part {
    Part { name, tag, children: &[], subject: None }
}

const fn index(name: &'static str, tag: Option<&'static str>, children: &'static [&'static str]) -> Part {
    Part { name, tag, children, subject: None }
}

const fn about(name: &'static str, tag: Option<&'static str>, subject: &'static str) -> Part {
    Part { name, tag, children: &[], subject: Some(subject) }
}

/// Manifests, which of them is deleted, and which stay. A tag `(name).sig` is one that cosign makes for the manifest of that name, and
/// `(name)` that of clients without the referrers API.
struct Case {
    what: &'static str,
    parts: &'static [Part],
    deleted: &'static str,
    untagged_go: bool,
    stay: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        what: "an image for two platforms goes with its platforms",
        parts: &[image("amd64", None), image("arm64", None), index("app", Some("v1"), &["amd64", "arm64"])],
        deleted: "app",
        untagged_go: false,
        stay: &[],
    },
    Case {
        what: "a platform that has a tag of its own stays",
        parts: &[image("amd64", Some("v1-amd64")), image("arm64", None), index("app", Some("v1"), &["amd64", "arm64"])],
        deleted: "app",
        untagged_go: true,
        stay: &["amd64"],
    },
    Case {
        what: "a platform that another index has stays",
        parts: &[
            image("amd64", None),
            image("arm64", None),
            index("old", Some("v1"), &["amd64", "arm64"]),
            index("new", Some("v2"), &["arm64"]),
        ],
        deleted: "old",
        untagged_go: true,
        stay: &["arm64", "new"],
    },
    Case {
        what: "an index within an index goes with it",
        parts: &[image("amd64", None), index("inner", None, &["amd64"]), index("outer", Some("v1"), &["inner"])],
        deleted: "outer",
        untagged_go: false,
        stay: &[],
    },
    Case {
        what: "signatures and SBOMs go with what they are about, and so do their own",
        parts: &[
            image("app", Some("v1")),
            about("signature", None, "app"),
            about("sbom", None, "app"),
            about("signature of the sbom", None, "sbom"),
        ],
        deleted: "app",
        untagged_go: false,
        stay: &[],
    },
    Case {
        what: "an SBOM with a tag of its own stays, and so does its signature",
        parts: &[
            image("app", Some("v1")),
            about("sbom", Some("v1-sbom"), "app"),
            about("signature of the sbom", None, "sbom"),
        ],
        deleted: "app",
        untagged_go: true,
        stay: &["sbom", "signature of the sbom"],
    },
    Case {
        what: "what cosign signs by tags goes with it",
        parts: &[
            image("app", Some("v1")),
            image("signature", Some("(app).sig")),
            image("attestation", Some("(app).att")),
            image("of another", Some("(elsewhere).sig")),
        ],
        deleted: "app",
        untagged_go: false,
        stay: &["of another"],
    },
    Case {
        what: "the list of referrers that a client keeps goes with its subject, and takes them along",
        parts: &[
            image("app", Some("v1")),
            about("signature", None, "app"),
            index("list", Some("(app)"), &["signature"]),
        ],
        deleted: "app",
        untagged_go: false,
        stay: &[],
    },
    Case {
        what: "platforms, signatures and SBOMs of what stays are not untagged manifests",
        parts: &[
            image("amd64", None),
            index("app", Some("v1"), &["amd64"]),
            about("signature", None, "app"),
            about("signature of the platform", None, "amd64"),
            image("other", Some("v2")),
        ],
        deleted: "other",
        untagged_go: true,
        stay: &["amd64", "app", "signature", "signature of the platform"],
    },
    Case {
        what: "a signature of what was never there stays, unless untagged manifests go",
        parts: &[about("early", None, "elsewhere"), image("other", Some("v2"))],
        deleted: "other",
        untagged_go: false,
        stay: &["early"],
    },
    Case {
        what: "untagged manifests go if they are to",
        parts: &[image("loose", None), about("early", None, "elsewhere"), image("other", Some("v2"))],
        deleted: "other",
        untagged_go: true,
        stay: &[],
    },
];

impl Fixture {
    /// Pushes the manifests of a case; each has a config of its own.
    async fn push_parts(&self, parts: &'static [Part]) -> BTreeMap<&'static str, (Digest, Bytes, &'static str)> {
        let mut pushed: BTreeMap<&'static str, (Digest, Bytes, &'static str)> = BTreeMap::new();
        for part in parts {
            let descriptor = |name: &str| match pushed.get(name) {
                Some((digest, content, media_type)) => {
                    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{}}}"#, content.len())
                }
                None => format!(r#"{{"mediaType":"a/b","digest":"{}","size":1}}"#, digest(name.as_bytes())),
            };
            let subject = part.subject.map(|name| format!(r#","subject":{}"#, descriptor(name))).unwrap_or_default();
            let (content, media_type) = if part.children.is_empty() {
                let config = self.push_blob(NAME, part.name.as_bytes()).await;
                let size = part.name.len();
                let config = format!(r#"{{"mediaType":"a/b","digest":"{config}","size":{size}}}"#);
                let content = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]{subject}}}"#);
                (content, media_type::IMAGE_MANIFEST)
            } else {
                let children = part.children.iter().map(|name| descriptor(name)).collect::<Vec<_>>().join(",");
                (format!(r#"{{"schemaVersion":2,"manifests":[{children}]{subject}}}"#), media_type::IMAGE_INDEX)
            };
            let tag = part.tag.map(|tag| match tag.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
                Some((of, suffix)) => {
                    let of = pushed.get(of).map_or_else(|| digest(of.as_bytes()), |(digest, ..)| *digest);
                    format!("{}{suffix}", of.referrers_tag())
                }
                None => tag.to_owned(),
            });
            let content = Bytes::from(content);
            let of = digest(&content);
            let destination = match &tag {
                Some(tag) => Destination::Tag(tag.parse().unwrap()),
                None => Destination::Digest(of, Vec::new()),
            };
            let push = ManifestPush {
                content: content.clone(),
                content_type: Some(media_type.to_owned()),
                destination,
                precondition: Precondition::None,
            };
            self.registry.put_manifest(&grant::<Push>(NAME), push).await.unwrap();
            pushed.insert(part.name, (of, content, media_type));
        }
        pushed
    }

    async fn has_manifest(&self, digest: &Digest) -> bool {
        let reference = Reference::Digest(*digest);
        match self.registry.get_manifest(&grant::<Pull>(NAME), &reference).await {
            Ok(_) => true,
            Err(Error::ManifestUnknown(_) | Error::RepositoryUnknown(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Collects again and again, until nothing more can go.
    async fn collect_all(&self) {
        for _ in 0..8 {
            later(&self.registry, GRACE + HOUR).await;
            self.registry.collect().await.unwrap();
        }
    }

    pub(super) async fn delete(&self, digest: &Digest) {
        self.registry.delete_manifest(&grant::<Delete>(NAME), digest).await.unwrap();
    }
}

async fn what_belongs_together_goes_together(place: Place) {
    let fixture = fixture(&place, options()).await;
    for case in CASES {
        let untagged_after = case.untagged_go.then_some(HOUR);
        let (store, database) = (fixture.registry.store().clone(), fixture.registry.database().clone());
        let registry = Registry::new(Options { untagged_after, ..options() }, store, database);
        let fixture = Fixture { registry, _directory: tempfile::tempdir().unwrap() };
        let pushed = fixture.push_parts(case.parts).await;
        fixture.delete(&pushed[case.deleted].0).await;
        fixture.collect_all().await;
        let mut stay = BTreeSet::new();
        for (name, (digest, ..)) in &pushed {
            if fixture.has_manifest(digest).await {
                stay.insert(*name);
            }
        }
        assert_eq!(stay, case.stay.iter().copied().collect(), "{}", case.what);
        let stored = fixture.registry.store().blobs(None, 100).await.unwrap().len();
        let images = case.parts.iter().filter(|part| part.children.is_empty() && stay.contains(part.name)).count();
        assert_eq!(stored, images, "{}: the config of each that stays", case.what);
        fixture.registry.delete_repository(&grant::<Delete>(NAME)).await.unwrap();
        fixture.collect_all().await;
        assert!(fixture.registry.store().blobs(None, 1).await.unwrap().is_empty(), "{}", case.what);
    }
}

async fn whoever_is_told_of_a_blob_has_a_grace_from_then(place: Place) {
    let fixture = fixture(&place, options()).await;
    let (registry, pull) = (&fixture.registry, grant::<Pull>(NAME));
    let blob = fixture.push_blob(NAME, b"a layer").await;
    // From memory, where memory may answer, also by a pull of a condemned one.
    assert_eq!(registry.stat_blob(&pull, &blob).await.unwrap(), 7);
    for _ in 0..3 {
        later(registry, GRACE + HOUR).await;
        assert_eq!(registry.collect().await.unwrap().condemned, 1);
        for _ in 0..3 {
            registry.get_blob(&pull, &blob).await.unwrap();
        }
        later(registry, GRACE - HOUR).await;
        assert_eq!(registry.stat_blob(&pull, &blob).await.unwrap(), 7);
        later(registry, GRACE - HOUR).await;
        assert_eq!(registry.collect().await.unwrap().count(), 0, "it was asked for");
    }
    // Within the grace of the last that was told so.
    fixture.push_image(NAME, "v1", &blob, 7).await.unwrap();
    fixture.collect_all().await;
    assert_eq!(registry.stat_blob(&pull, &blob).await.unwrap(), 7);
    // By a mount, and by an upload of what is there.
    let other = grant::<Push>("acme/web");
    assert!(registry.mount_blob(&other, &MountSource::new(pull.clone()), &blob).await.unwrap());
    for round in 0..4 {
        later(registry, GRACE + HOUR).await;
        assert_eq!(registry.collect().await.unwrap().condemned, 1);
        if round % 2 == 0 {
            assert!(registry.mount_blob(&other, &MountSource::new(pull.clone()), &blob).await.unwrap());
        } else {
            registry.push_blob(&other, body(b"a layer"), None, &blob).await.unwrap();
        }
        later(registry, GRACE - HOUR).await;
        assert_eq!(registry.collect().await.unwrap().count(), 0, "it was pushed");
    }
}

async fn what_comes_after_the_manifest_that_names_it_stays(place: Place) {
    let fixture = fixture(&place, Options { sparse: true, untagged_after: Some(HOUR), ..options() }).await;
    let layer = digest(b"late");
    let manifest = fixture.push_image(NAME, "v1", &layer, 4).await.unwrap();
    fixture.push_blob(NAME, b"late").await;
    fixture.collect_all().await;
    assert_eq!(fixture.registry.stat_blob(&grant::<Pull>(NAME), &layer).await.unwrap(), 4);
    fixture.delete(&manifest).await;
    fixture.collect_all().await;
    assert!(fixture.registry.store().blobs(None, 1).await.unwrap().is_empty());
}

async fn what_is_deleted_can_be_restored_complete(place: Place) {
    let fixture = fixture(&place, with_trash()).await;
    let (registry, delete) = (&fixture.registry, grant::<Delete>(NAME));
    let pushed = fixture.push_parts(CASES[0].parts).await;
    let [app, amd64] = ["app", "amd64"].map(|name| pushed[name].0);
    // One after the other, down to a blob; and clients see nothing of it.
    fixture.delete(&app).await;
    fixture.delete(&amd64).await;
    registry.delete_blob(&delete, &digest(b"amd64")).await.unwrap();
    assert!(!fixture.has_manifest(&app).await && !fixture.has_manifest(&amd64).await);
    let blob = registry.stat_blob(&grant::<Pull>(NAME), &digest(b"amd64")).await;
    assert!(matches!(blob, Err(Error::BlobUnknown(_))), "{blob:?}");
    fixture.collect_all().await;

    let trash = registry.list_trash(&delete, None, None).await.unwrap().entries;
    assert_eq!(
        trash.iter().map(|entry| entry.name.clone().unwrap()).collect::<Vec<_>>(),
        [app.to_string(), amd64.to_string()]
    );
    assert_eq!(trash[0].tags, ["v1"]);
    let restored = registry.restore_from_trash(&delete, trash[0].id).await.unwrap();
    assert_eq!(restored.manifests.len(), 2, "its platform comes along");
    assert_eq!(fixture.tag_target(NAME, "v1").await.unwrap(), app);
    let content = registry.get_blob(&grant::<Pull>(NAME), &digest(b"amd64")).await.unwrap();
    assert!(matches!(&content, BlobContent::Small(bytes) if bytes == "amd64"), "{content:?}");
    assert!(matches!(registry.restore_from_trash(&delete, trash[0].id).await, Err(Error::TrashUnknown(_))));
    let elsewhere = grant::<Delete>("acme/web");
    assert!(matches!(registry.restore_from_trash(&elsewhere, trash[1].id).await, Err(Error::TrashUnknown(_))));

    fixture.delete(&app).await;
    let last = registry.list_trash(&delete, Some(trash[1].id), None).await.unwrap().entries.remove(0);
    registry.empty_trash(&delete, last.id).await.unwrap();
    fixture.collect_all().await;
    assert!(registry.store().blobs(None, 1).await.unwrap().is_empty());
}

/// What a history of the model found.
async fn what_a_restored_tag_would_have_kept_is_looked_at(place: Place) {
    let fixture = fixture(&place, Options { untagged_after: Some(HOUR), ..with_trash() }).await;
    let (registry, delete) = (&fixture.registry, grant::<Delete>(NAME));
    let [one, two] = [fixture.push_blob(NAME, b"one").await, fixture.push_blob(NAME, b"two").await];
    let manifest = fixture.push_image(NAME, "v1", &one, 3).await.unwrap();
    fixture.delete(&manifest).await;
    let entry = registry.list_trash(&delete, None, None).await.unwrap().entries.remove(0).id;
    fixture.push_image(NAME, "again", &one, 3).await.unwrap();
    registry.delete_tag(&delete, &"again".parse().unwrap()).await.unwrap();
    for tag in ["v1", "again"] {
        fixture.push_image(NAME, tag, &two, 3).await.unwrap();
    }
    later(registry, GRACE + HOUR).await;
    registry.collect().await.unwrap();
    assert!(fixture.has_manifest(&manifest).await, "its tags are in the trash");
    let restored = registry.restore_from_trash(&delete, entry).await.unwrap();
    assert_eq!(restored.taken, ["v1"]);
    for entry in registry.list_trash(&delete, None, None).await.unwrap().entries {
        registry.empty_trash(&delete, entry.id).await.unwrap();
    }
    let explained = registry.explain(&grant(NAME), &manifest).await.unwrap();
    assert_eq!(explained[0].reason, Reason::Untagged);
    fixture.collect_all().await;
    assert!(!fixture.has_manifest(&manifest).await);
}

async fn a_tag_is_rolled_back_also_to_what_was_deleted(place: Place) {
    let fixture = fixture(&place, with_trash()).await;
    let (registry, push) = (&fixture.registry, grant::<Push>(NAME));
    let latest: Tag = "latest".parse().unwrap();
    let mut shown = Vec::new();
    for content in [b"one", b"two"] {
        let config = fixture.push_blob(NAME, content).await;
        shown.push(fixture.push_image(NAME, "latest", &config, 3).await.unwrap());
    }
    assert_eq!(registry.roll_back(&push, &latest, None).await.unwrap(), shown[0]);
    assert_eq!(fixture.tag_target(NAME, "latest").await.unwrap(), shown[0]);
    fixture.delete(&shown[1]).await;
    assert_eq!(registry.roll_back(&push, &latest, Some(shown[1])).await.unwrap(), shown[1]);
    assert_eq!(fixture.tag_target(NAME, "latest").await.unwrap(), shown[1]);
    let never = registry.roll_back(&push, &latest, Some(digest(b"never"))).await;
    assert!(matches!(never, Err(Error::ManifestUnknown(_))), "{never:?}");
    registry.delete_tag(&grant::<Delete>(NAME), &latest).await.unwrap();
    let history = registry.tag_history(&grant::<Pull>(NAME), &latest, None, None).await.unwrap().entries;
    let digests: Vec<_> = history.iter().map(|change| change.digest).collect();
    assert_eq!(digests, [None, Some(shown[1]), Some(shown[0]), Some(shown[1]), Some(shown[0])]);
    assert_eq!(registry.roll_back(&push, &latest, None).await.unwrap(), shown[1], "also a deleted tag");
    later(registry, Duration::from_hours(91 * 24)).await;
    registry.collect().await.unwrap();
    let history = registry.tag_history(&grant::<Pull>(NAME), &latest, None, None).await.unwrap();
    assert!(history.entries.is_empty());
}

async fn a_repository_is_deleted_and_restored_as_a_whole(place: Place) {
    let fixture = fixture(&place, with_trash()).await;
    let (registry, delete) = (&fixture.registry, grant::<Delete>(NAME));
    let config = fixture.push_blob(NAME, b"config").await;
    let manifest = fixture.push_image(NAME, "v1", &config, 6).await.unwrap();
    for _ in 0..2 {
        // Into memory.
        fixture.tag_target(NAME, "v1").await.unwrap();
        registry.get_blob(&grant::<Pull>(NAME), &config).await.unwrap();
    }
    registry.delete_repository(&delete).await.unwrap();
    assert!(matches!(fixture.tag_target(NAME, "v1").await, Err(Error::RepositoryUnknown(_))));
    assert!(matches!(registry.get_blob(&grant::<Pull>(NAME), &config).await, Err(Error::BlobUnknown(_))));
    assert!(matches!(registry.delete_repository(&delete).await, Err(Error::RepositoryUnknown(_))));
    fixture.collect_all().await;
    // Another of that name may be there meanwhile.
    let other = fixture.push_blob(NAME, b"other").await;
    fixture.push_image(NAME, "v1", &other, 5).await.unwrap();
    let entry = registry.list_trash(&delete, None, None).await.unwrap().entries.remove(0);
    assert!(matches!(registry.restore_from_trash(&delete, entry.id).await, Err(Error::Taken(_))));
    registry.delete_repository(&delete).await.unwrap();
    registry.restore_from_trash(&delete, entry.id).await.unwrap();
    assert_eq!(fixture.tag_target(NAME, "v1").await.unwrap(), manifest);
    assert_eq!(registry.stat_blob(&grant::<Pull>(NAME), &config).await.unwrap(), 6);
}

async fn every_fate_is_explained(place: Place) {
    let fixture = fixture(&place, options()).await;
    let registry = &fixture.registry;
    let config = fixture.push_blob(NAME, b"config").await;
    let explain = async |digest: Digest| registry.explain(&grant(NAME), &digest).await.unwrap().remove(0);
    let new = explain(config).await;
    assert!(matches!((new.fate, new.reason), (Fate::LookedAt(_), Reason::Unnamed)));
    later(registry, GRACE + HOUR).await;
    registry.collect().await.unwrap();
    let condemned = explain(config).await;
    assert!(matches!((condemned.fate, condemned.reason), (Fate::Goes(_), Reason::Unnamed)));
    let manifest = fixture.push_image(NAME, "v1", &config, 6).await.unwrap();
    assert!(matches!(explain(config).await.reason, Reason::Named(keeper) if keeper.digest == manifest));
    assert_eq!(explain(manifest).await.reason, Reason::Tagged("v1".to_owned()));
    registry.delete_tag(&grant::<Delete>(NAME), &"v1".parse().unwrap()).await.unwrap();
    assert_eq!(explain(manifest).await.reason, Reason::UntaggedKept);
    assert!(registry.explain(&grant(NAME), &digest(b"nothing")).await.unwrap().is_empty());

    registry.mount_blob(&grant::<Push>("acme/web"), &MountSource::new(grant(NAME)), &config).await.unwrap();
    let everywhere = registry.explain_everywhere(&config).await.unwrap();
    let found: Vec<_> = everywhere.iter().map(|one| (one.repository.as_str(), one.is_manifest, &one.reason)).collect();
    assert!(matches!(&found[..], [(NAME, false, Reason::Named(_)), ("acme/web", false, Reason::Unnamed)]), "{found:?}");
    assert_eq!(registry.explain_everywhere(&manifest).await.unwrap()[0].reason, Reason::UntaggedKept);
    assert!(registry.explain_everywhere(&digest(b"nothing")).await.unwrap().is_empty());
}

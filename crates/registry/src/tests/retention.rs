//! What the rules of retention keep and let go.

use std::num::NonZeroU32;

use entrepot_database::Connection;
use entrepot_oci::{RepositoryName, media_type};
use entrepot_test_engines::{Place, on_both_engines};

use super::later::later;
use super::*;
use crate::gate::Terms;
use crate::{Conditions, Fortune, Keeping, RetentionRule};

on_both_engines! {
    every_rule_keeps_what_it_says_and_the_rest_goes,
    a_pull_keeps_a_tag_and_is_known_to_all_replicas,
    what_goes_can_be_restored_with_everything_that_belongs_to_it,
    a_manifest_stays_while_something_needs_it,
    immutable_tags_and_those_of_signatures_stay,
    nothing_goes_before_it_is_known_which_tags_are_immutable,
    a_tag_that_was_set_meanwhile_stays,
    a_rule_is_about_its_namespace_alone,
    without_trash_what_goes_is_gone_after_two_graces,
}

const NAME: &str = "acme/app";
const DAY: Duration = Duration::from_hours(24);

fn options() -> Options {
    Options { grace: Duration::from_hours(1), trash_for: 7 * DAY, ..Options::default() }
}

fn rule(repositories: &str, tags: &str, keeps: [u32; 3]) -> RetentionRule {
    let [last, young, pulled] = keeps.map(NonZeroU32::new);
    let keeps = Conditions::new(last, young, pulled).unwrap();
    RetentionRule { repositories: repositories.parse().unwrap(), tags: tags.parse().unwrap(), keeps }
}

/// A registry in which `tags` matching `v9*` are immutable.
async fn ruled(place: &Place, options: Options) -> Fixture {
    let fixture = fixture(place, options).await;
    fixture.registry.keep_frozen(frozen);
    fixture
}

fn frozen(_: &Connection<'_>, _: &RepositoryName) -> Result<Terms, Error> {
    Ok(Terms::freezing(|tag: &Tag| tag.as_str().starts_with("v9")))
}

impl Fixture {
    async fn set_rules(&self, namespace: &'static str, rules: Vec<RetentionRule>) {
        let set = self.registry.database().write(Durability::Process, move |connection| {
            for rule in &rules {
                rule.set(connection, namespace)?.unwrap();
            }
            Ok::<_, Error>(())
        });
        set.await.unwrap();
    }

    async fn clear_rules(&self) {
        let cleared = self.registry.database().write(Durability::Process, |connection| {
            for rule in RetentionRule::of(connection, "acme")? {
                assert!(RetentionRule::remove(connection, "acme", &rule.repositories, &rule.tags)?);
            }
            Ok::<_, Error>(())
        });
        cleared.await.unwrap();
    }

    /// Runs retention, and checks that its preview said the same just before.
    async fn retain(&self) -> u64 {
        let told = self.registry.preview_retention("acme", None).await.unwrap();
        let goes = told.entries.iter().filter(|told| matches!(told.fortune, Fortune::Goes(_)));
        let goes: Vec<_> = goes.map(|told| (told.repository.clone(), told.tag.clone())).collect();
        let gone = self.registry.retain().await.unwrap();
        assert_eq!(gone, goes.len() as u64);
        for (repository, tag) in goes {
            let tags = self.tags_of(repository.as_str()).await;
            assert!(!tags.contains(&tag), "{repository}:{tag}");
        }
        let after = self.registry.preview_retention("acme", None).await.unwrap();
        assert!(after.entries.iter().all(|told| matches!(told.fortune, Fortune::Kept(_))));
        gone
    }

    async fn tags_of(&self, name: &str) -> Vec<String> {
        self.registry.list_tags(&grant::<Pull>(name), None, None).await.unwrap().entries
    }

    async fn push_index(&self, tag: &str, child: &Digest) -> Digest {
        // Each of these images has a config of one byte, and so the same size.
        let size = image(tag, child, 1).content.len();
        let content = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{}","digest":"{child}","size":{size}}}]}}"#,
            media_type::IMAGE_MANIFEST
        );
        self.push_content(tag, content, media_type::IMAGE_INDEX).await
    }

    async fn push_content(&self, tag: &str, content: String, kind: &str) -> Digest {
        let push = ManifestPush {
            content: content.into(),
            content_type: Some(kind.to_owned()),
            destination: Destination::Tag(tag.parse().unwrap()),
            precondition: Precondition::None,
        };
        self.registry.put_manifest(&grant::<Push>(NAME), push).await.unwrap().digest
    }

    async fn shows(&self, digest: &Digest) -> bool {
        self.registry.get_manifest(&grant::<Pull>(NAME), &Reference::Digest(*digest)).await.is_ok()
    }

    async fn forget_tag(&self, tag: &str) {
        self.registry.delete_tag(&grant::<Delete>(NAME), &tag.parse().unwrap()).await.unwrap();
    }
}

/// Tags set a day after each other, the first first; what the rules keep of them half a day later.
struct Case {
    what: &'static str,
    set: &'static [&'static str],
    rules: &'static [(&'static str, &'static str, [u32; 3])],
    kept: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        what: "the last two",
        set: &["v1", "v2", "v3", "v4"],
        rules: &[("acme/*", "*", [2, 0, 0])],
        kept: &["v3", "v4"],
    },
    Case {
        what: "a tag that was moved is one of the last",
        set: &["v1", "v2", "v3", "v1"],
        rules: &[("acme/*", "*", [2, 0, 0])],
        kept: &["v1", "v3"],
    },
    Case {
        what: "fewer than are kept",
        set: &["v1", "v2"],
        rules: &[("acme/app", "v*", [5, 0, 0])],
        kept: &["v1", "v2"],
    },
    Case { what: "by age", set: &["v1", "v2", "v3"], rules: &[("acme/*", "*", [0, 2, 0])], kept: &["v2", "v3"] },
    Case {
        what: "what was never pulled counts from when it was set",
        set: &["v1", "v2", "v3"],
        rules: &[("acme/*", "*", [0, 0, 1])],
        kept: &["v3"],
    },
    Case {
        what: "one condition is enough",
        set: &["v1", "v2", "v3"],
        rules: &[("acme/*", "*", [1, 2, 0])],
        kept: &["v2", "v3"],
    },
    Case {
        what: "tags that no rule is about stay",
        set: &["v1", "pr-1", "v2", "pr-2"],
        rules: &[("acme/*", "pr-*", [1, 0, 0])],
        kept: &["pr-2", "v1", "v2"],
    },
    Case {
        what: "what one of two rules keeps stays",
        set: &["v1", "pr-1", "v2", "pr-2"],
        rules: &[("acme/*", "*", [1, 0, 0]), ("acme/*", "v*", [2, 0, 0])],
        kept: &["pr-2", "v1", "v2"],
    },
    Case {
        what: "other repositories have other rules",
        set: &["v1", "v2"],
        rules: &[("acme/web*", "*", [1, 0, 0])],
        kept: &["v1", "v2"],
    },
];

async fn every_rule_keeps_what_it_says_and_the_rest_goes(place: Place) {
    let fixture = ruled(&place, options()).await;
    for Case { what, set, rules, kept } in CASES {
        for (number, tag) in set.iter().enumerate() {
            let config = fixture.push_blob(NAME, [b"a", b"b", b"c", b"d"][number]).await;
            if number > 0 {
                later(&fixture.registry, DAY).await;
            }
            fixture.push_image(NAME, tag, &config, 1).await.unwrap();
        }
        later(&fixture.registry, DAY / 2).await;
        let rules = rules.iter().map(|(repositories, tags, keeps)| rule(repositories, tags, *keeps));
        fixture.set_rules("acme", rules.collect()).await;
        let before = fixture.tags_of(NAME).await.len();
        assert_eq!(fixture.retain().await as usize, before - kept.len(), "{what}");
        assert_eq!(fixture.tags_of(NAME).await, *kept, "{what}");
        assert_eq!(fixture.retain().await, 0, "{what}");
        fixture.clear_rules().await;
        for tag in *kept {
            fixture.forget_tag(tag).await;
        }
    }
}

async fn a_pull_keeps_a_tag_and_is_known_to_all_replicas(place: Place) {
    let fixture = ruled(&place, options()).await;
    let [one, two] = [fixture.push_blob(NAME, b"a").await, fixture.push_blob(NAME, b"b").await];
    let pulled = fixture.push_image(NAME, "one", &one, 1).await.unwrap();
    fixture.push_image(NAME, "two", &two, 1).await.unwrap();
    later(&fixture.registry, 10 * DAY).await;
    fixture.registry.pulled(&grant::<Pull>(NAME), &pulled);
    fixture.registry.note_pulls().await.unwrap();
    later(&fixture.registry, 3 * DAY).await;
    fixture.set_rules("acme", vec![rule("acme/app", "*", [0, 0, 5])]).await;
    let told = fixture.registry.preview_retention("acme", Some(&NAME.parse().unwrap())).await.unwrap().entries;
    assert!(matches!(told[0].fortune, Fortune::Kept(Keeping::Pulled(_))), "{told:?}");
    assert!(told[0].pulled_at.is_some() && told[1].pulled_at.is_none());
    fixture.retain().await;
    assert_eq!(fixture.tags_of(NAME).await, ["one"]);
    later(&fixture.registry, 3 * DAY).await;
    fixture.retain().await;
    assert!(fixture.tags_of(NAME).await.is_empty());
}

async fn what_goes_can_be_restored_with_everything_that_belongs_to_it(place: Place) {
    let fixture = ruled(&place, options()).await;
    let config = fixture.push_blob(NAME, b"a").await;
    let child = fixture.push_image(NAME, "child", &config, 1).await.unwrap();
    let index = fixture.push_index("v1", &child).await;
    fixture.forget_tag("child").await;
    let size = fixture.registry.get_manifest(&grant(NAME), &Reference::Digest(index)).await.unwrap().content.len();
    let signature = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"a/b","digest":"{config}","size":1}},"layers":[],"subject":{{"mediaType":"{}","digest":"{index}","size":{size}}}}}"#,
        media_type::IMAGE_INDEX
    );
    let signature = fixture.push_content("signed", signature, media_type::IMAGE_MANIFEST).await;
    fixture.forget_tag("signed").await;
    let latest = fixture.push_blob(NAME, b"b").await;
    fixture.push_image(NAME, "v2", &latest, 1).await.unwrap();
    fixture.set_rules("acme", vec![rule("acme/*", "*", [1, 0, 0])]).await;
    assert_eq!(fixture.retain().await, 1);
    assert!(!fixture.shows(&index).await);
    fixture.registry.collect().await.unwrap();
    let delete = grant::<Delete>(NAME);
    let trash = fixture.registry.list_trash(&delete, None, None).await.unwrap().entries;
    let entry = trash.iter().find(|entry| entry.name == Some(index.to_string())).unwrap();
    assert_eq!(entry.deleted_by.as_deref(), Some("retention policy"));
    let history = fixture.registry.tag_history(&grant(NAME), &"v1".parse().unwrap(), None, None).await.unwrap();
    assert_eq!(history.entries[0].by.as_deref(), Some("retention policy"));
    fixture.registry.restore_from_trash(&delete, entry.id).await.unwrap();
    assert_eq!(fixture.tags_of(NAME).await, ["v1", "v2"]);
    for digest in [&index, &child, &signature] {
        assert!(fixture.shows(digest).await);
    }
    // It counts as set when it was restored, so now the other one goes; in the end all of one goes.
    fixture.clear_rules().await;
    fixture.set_rules("acme", vec![rule("acme/*", "v1", [0, 1, 0])]).await;
    later(&fixture.registry, 2 * DAY).await;
    assert_eq!(fixture.retain().await, 1);
    for _ in 0..6 {
        later(&fixture.registry, 8 * DAY).await;
        fixture.registry.collect().await.unwrap();
    }
    for digest in [&index, &child, &signature] {
        assert!(!fixture.shows(digest).await);
    }
    assert_eq!(fixture.tags_of(NAME).await, ["v2"]);
}

async fn a_manifest_stays_while_something_needs_it(place: Place) {
    let fixture = ruled(&place, options()).await;
    let config = fixture.push_blob(NAME, b"a").await;
    // Under two tags, of which one is kept.
    let shared = fixture.push_image(NAME, "pr-1", &config, 1).await.unwrap();
    fixture.push_image(NAME, "v1", &config, 1).await.unwrap();
    // A platform with a tag of its own.
    let other = fixture.push_blob(NAME, b"b").await;
    let child = fixture.push_image(NAME, "pr-2", &other, 1).await.unwrap();
    let index = fixture.push_index("v2", &child).await;
    later(&fixture.registry, 2 * DAY).await;
    fixture.set_rules("acme", vec![rule("acme/*", "pr-*", [0, 1, 0])]).await;
    assert_eq!(fixture.retain().await, 2);
    for _ in 0..4 {
        later(&fixture.registry, 8 * DAY).await;
        fixture.registry.collect().await.unwrap();
    }
    for digest in [&shared, &child, &index] {
        assert!(fixture.shows(digest).await);
    }
    assert_eq!(fixture.tags_of(NAME).await, ["v1", "v2"]);
}

async fn immutable_tags_and_those_of_signatures_stay(place: Place) {
    let fixture = ruled(&place, options()).await;
    let config = fixture.push_blob(NAME, b"a").await;
    let signed = fixture.push_image(NAME, "v1", &config, 1).await.unwrap();
    let signature = fixture.push_blob(NAME, b"b").await;
    let fallback = format!("{}.sig", signed.referrers_tag().as_str());
    let signature = fixture.push_image(NAME, &fallback, &signature, 1).await.unwrap();
    let frozen = fixture.push_blob(NAME, b"c").await;
    fixture.push_image(NAME, "v9", &frozen, 1).await.unwrap();
    later(&fixture.registry, 2 * DAY).await;
    let newest = fixture.push_blob(NAME, b"d").await;
    fixture.push_image(NAME, "v2", &newest, 1).await.unwrap();
    fixture.set_rules("acme", vec![rule("acme/*", "*", [1, 0, 0])]).await;
    assert_eq!(fixture.retain().await, 1);
    assert_eq!(fixture.tags_of(NAME).await, [fallback.as_str(), "v2", "v9"]);
    for _ in 0..4 {
        later(&fixture.registry, 8 * DAY).await;
        fixture.registry.collect().await.unwrap();
    }
    assert!(!fixture.shows(&signature).await, "it goes with what it signs");
    assert_eq!(fixture.tags_of(NAME).await, ["v2", "v9"]);
}

async fn nothing_goes_before_it_is_known_which_tags_are_immutable(place: Place) {
    let fixture = fixture(&place, options()).await;
    let config = fixture.push_blob(NAME, b"a").await;
    fixture.push_image(NAME, "v1", &config, 1).await.unwrap();
    fixture.set_rules("acme", vec![rule("acme/*", "*", [0, 1, 0])]).await;
    later(&fixture.registry, 2 * DAY).await;
    assert_eq!(fixture.registry.retain().await.unwrap(), 0);
    fixture.registry.keep_frozen(frozen);
    assert_eq!(fixture.retain().await, 1);
}

async fn a_tag_that_was_set_meanwhile_stays(place: Place) {
    let fixture = ruled(&place, options()).await;
    let config = fixture.push_blob(NAME, b"a").await;
    for round in 0..20 {
        fixture.push_image(NAME, "v1", &config, 1).await.unwrap();
        later(&fixture.registry, 2 * DAY).await;
        fixture.set_rules("acme", vec![rule("acme/*", "*", [0, 1, 0])]).await;
        let (pushed, retained) = tokio::join!(fixture.push_image(NAME, "v1", &config, 1), fixture.registry.retain());
        retained.unwrap();
        assert_eq!(fixture.tag_target(NAME, "v1").await.unwrap(), pushed.unwrap(), "round {round}");
    }
}

async fn a_rule_is_about_its_namespace_alone(place: Place) {
    let fixture = ruled(&place, options()).await;
    for name in ["acme/app", "alone", "other/app", "zeta", "acme2/app"] {
        let config = fixture.push_blob(name, b"a").await;
        fixture.push_image(name, "v1", &config, 1).await.unwrap();
    }
    later(&fixture.registry, 2 * DAY).await;
    fixture.set_rules("library", vec![rule("*", "*", [0, 1, 0])]).await;
    assert_eq!(fixture.registry.retain().await.unwrap(), 2);
    for (name, there) in [("acme/app", true), ("alone", false), ("other/app", true), ("zeta", false)] {
        assert_eq!(!fixture.tags_of(name).await.is_empty(), there, "{name}");
    }
    fixture.set_rules("acme", vec![rule("acme/*", "*", [0, 1, 0])]).await;
    assert_eq!(fixture.retain().await, 1);
    assert_eq!(fixture.tags_of("acme2/app").await, ["v1"]);
}

async fn without_trash_what_goes_is_gone_after_two_graces(place: Place) {
    let fixture = ruled(&place, Options { trash_for: Duration::ZERO, ..options() }).await;
    let config = fixture.push_blob(NAME, b"a").await;
    let manifest = fixture.push_image(NAME, "v1", &config, 1).await.unwrap();
    fixture.set_rules("acme", vec![rule("acme/*", "*", [0, 1, 0])]).await;
    later(&fixture.registry, 2 * DAY).await;
    assert_eq!(fixture.retain().await, 1);
    assert!(!fixture.shows(&manifest).await);
    for _ in 0..3 {
        later(&fixture.registry, DAY).await;
        fixture.registry.collect().await.unwrap();
    }
    assert!(matches!(fixture.registry.stat_blob(&grant(NAME), &config).await, Err(Error::BlobUnknown(_))));
}

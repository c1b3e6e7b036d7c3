use bytes::Bytes;
use entrepot_database::{Durability, POSTGRES_PLANNER};
use entrepot_oci::{Algorithm, Reference, Tag, media_type};
use entrepot_test_engines::{Place, on_both_engines};
use futures_util::{FutureExt, stream};

use super::*;
use crate::doctor::{presence, references};
use crate::gate::{Delete, Gate, Grant, Open, Permission, Pull, Push};

mod collect;
mod later;
mod model;
mod objects;
mod random;
mod retention;
mod sizes;
mod usage;

on_both_engines! {
    pushes_and_deletes_at_one_time_leave_nothing_dangling,
    no_statement_walks_a_table,
    what_one_replica_changes_the_other_shows_at_once,
    many_push_into_one_repository_and_nothing_is_lost,
    names_and_types_with_a_nul_find_nothing,
    every_statement_fits_the_tables,
    a_moved_or_deleted_tag_is_never_served_from_memory,
    reads_racing_with_moves_leave_nothing_stale,
    everything_that_is_missing_is_named_at_once,
    what_is_in_use_cannot_be_deleted,
    the_purge_takes_what_nothing_needs_and_only_that,
    an_algorithm_that_is_named_late_is_hashed_again,
    bytes_of_another_digest_end_the_upload,
    a_refused_chunk_is_no_part_of_the_blob,
}

struct Fixture {
    registry: Registry,
    _directory: tempfile::TempDir,
}

async fn fixture(place: &Place, options: Options) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let database = place.open(&[ROOM]).await.unwrap();
    Fixture { registry: Registry::new(options, store, database), _directory: directory }
}

fn grant<P: Permission>(name: &str) -> Grant<P> {
    Gate::new(Open).authorize(&(), name.parse().unwrap()).now_or_never().unwrap().unwrap()
}

fn body(bytes: &'static [u8]) -> impl futures_util::Stream<Item = Result<Bytes, BodyError>> + Send {
    stream::iter([Ok(Bytes::from_static(bytes))])
}

/// An image without layers.
fn image(tag: &str, config: &Digest, size: usize) -> ManifestPush {
    let content = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/json","digest":"{config}","size":{size}}},"layers":[]}}"#
    );
    ManifestPush {
        content: content.into(),
        content_type: Some(media_type::IMAGE_MANIFEST.to_owned()),
        destination: Destination::Tag(tag.parse().unwrap()),
        precondition: Precondition::None,
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

impl Fixture {
    async fn push_blob(&self, name: &str, bytes: &'static [u8]) -> Digest {
        let digest = digest(bytes);
        self.registry.push_blob(&grant::<Push>(name), body(bytes), None, &digest).await.unwrap();
        digest
    }

    async fn push_image(&self, name: &str, tag: &str, config: &Digest, size: usize) -> Result<Digest, Error> {
        Ok(self.registry.put_manifest(&grant::<Push>(name), image(tag, config, size)).await?.digest)
    }

    async fn tag_target(&self, name: &str, tag: &str) -> Result<Digest, Error> {
        let tag: Tag = tag.parse().unwrap();
        Ok(self.registry.get_manifest(&grant::<Pull>(name), &Reference::Tag(tag)).await?.digest)
    }
}

async fn every_statement_fits_the_tables(place: Place) {
    let fixture = fixture(&place, Options::default()).await;
    for statements in [
        tables::STATEMENTS,
        presence::tables::STATEMENTS,
        references::tables::STATEMENTS,
        crate::backup::contents::tables::STATEMENTS,
        crate::quarantine::tables::STATEMENTS,
        crate::scrub::state::tables::STATEMENTS,
        crate::usage::count::tables::STATEMENTS,
        crate::sizes::tables::STATEMENTS,
        crate::collect::explain::scans::STATEMENTS,
    ] {
        fixture.registry.database().check(statements).await.unwrap();
    }
}

async fn a_moved_or_deleted_tag_is_never_served_from_memory(place: Place) {
    let fixture = fixture(&place, Options::default()).await;
    let (a, b) = (fixture.push_blob("acme/app", b"a").await, fixture.push_blob("acme/app", b"bb").await);
    let first = fixture.push_image("acme/app", "latest", &a, 1).await.unwrap();
    for _ in 0..3 {
        assert_eq!(fixture.tag_target("acme/app", "latest").await.unwrap(), first);
    }
    let second = fixture.push_image("acme/app", "latest", &b, 2).await.unwrap();
    assert_eq!(fixture.tag_target("acme/app", "latest").await.unwrap(), second);
    fixture.registry.delete_manifest(&grant::<Delete>("acme/app"), &second).await.unwrap();
    assert!(matches!(fixture.tag_target("acme/app", "latest").await, Err(Error::ManifestUnknown(_))));
}

async fn reads_racing_with_moves_leave_nothing_stale(place: Place) {
    let fixture = Arc::new(fixture(&place, Options::default()).await);
    let (a, b) = (fixture.push_blob("acme/app", b"a").await, fixture.push_blob("acme/app", b"bb").await);
    fixture.push_image("acme/app", "latest", &a, 1).await.unwrap();
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                for _ in 0..2000 {
                    fixture.tag_target("acme/app", "latest").await.unwrap();
                    // Over SQLite nothing waits, and the writer's answer is to be heard too.
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 0..50 {
        let (config, size) = if round % 2 == 0 { (&b, 2) } else { (&a, 1) };
        let moved = fixture.push_image("acme/app", "latest", config, size).await.unwrap();
        assert_eq!(fixture.tag_target("acme/app", "latest").await.unwrap(), moved, "round {round}");
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

async fn everything_that_is_missing_is_named_at_once(place: Place) {
    let fixture = fixture(&place, Options::default()).await;
    let here = fixture.push_blob("acme/app", b"here").await;
    let error = fixture.push_image("acme/app", "latest", &here, 5).await.unwrap_err();
    assert!(
        matches!(&error, Error::ManifestTargets(bad) if matches!(bad[..], [BadTarget::Size { stated: 5, actual: 4, .. }]))
    );
    let error = fixture.push_image("acme/other", "latest", &here, 4).await.unwrap_err();
    assert!(matches!(&error, Error::ManifestTargets(bad) if matches!(bad[..], [BadTarget::Missing(_)])), "{error}");
    let sparse = self::fixture(&place, Options { sparse: true, ..Options::default() }).await;
    sparse.push_image("acme/third", "latest", &here, 4).await.unwrap();
}

async fn what_is_in_use_cannot_be_deleted(place: Place) {
    let fixture = fixture(&place, Options::default()).await;
    let config = fixture.push_blob("acme/app", b"config").await;
    let manifest = fixture.push_image("acme/app", "latest", &config, 6).await.unwrap();
    let delete = grant::<Delete>("acme/app");
    assert!(matches!(fixture.registry.delete_blob(&delete, &config).await, Err(Error::InUse(_))));
    fixture.registry.delete_manifest(&delete, &manifest).await.unwrap();
    fixture.registry.delete_blob(&delete, &config).await.unwrap();
    assert!(matches!(fixture.registry.delete_blob(&delete, &config).await, Err(Error::BlobUnknown(_))));
}

async fn the_purge_takes_what_nothing_needs_and_only_that(place: Place) {
    let fixture = fixture(&place, Options { expire_uploads_after: Duration::ZERO, ..Options::default() }).await;
    let kept = fixture.push_blob("acme/app", b"kept").await;
    let gone = fixture.push_blob("acme/app", b"gone").await;
    fixture.registry.delete_blob(&grant::<Delete>("acme/app"), &gone).await.unwrap();
    let push = grant::<Push>("acme/app");
    let abandoned = fixture.registry.begin_upload(&push, None).await.unwrap();
    fixture.registry.append(&push, abandoned, None, body(b"abandoned")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;

    let purged = fixture.registry.purge().await.unwrap();
    assert_eq!(purged, Purged { uploads: 1, staged: 1, blobs: 1, objects: 0, bytes: 9 + 4 });
    assert_eq!(fixture.registry.purge().await.unwrap(), Purged::default());
    assert_eq!(fixture.registry.stat_blob(&grant::<Pull>("acme/app"), &kept).await.unwrap(), 4);
    assert!(matches!(fixture.registry.upload_size(&push, abandoned).await, Err(Error::UploadUnknown)));
    // The same bytes can come again.
    fixture.push_blob("acme/app", b"gone").await;
}

async fn an_algorithm_that_is_named_late_is_hashed_again(place: Place) {
    let fixture = fixture(&place, Options::default()).await;
    let push = grant::<Push>("acme/app");
    let id = fixture.registry.begin_upload(&push, None).await.unwrap();
    fixture.registry.append(&push, id, None, body(b"some ")).await.unwrap();
    let digest = Digest::of(Algorithm::Sha512, b"some bytes");
    fixture.registry.finish_upload(&push, id, None, body(b"bytes"), &digest).await.unwrap();
    assert_eq!(fixture.registry.stat_blob(&grant::<Pull>("acme/app"), &digest).await.unwrap(), 10);
}

async fn bytes_of_another_digest_end_the_upload(place: Place) {
    let fixture = fixture(&place, Options::default()).await;
    let push = grant::<Push>("acme/app");
    let id = fixture.registry.begin_upload(&push, None).await.unwrap();
    let wrong = digest(b"other");
    let error = fixture.registry.finish_upload(&push, id, None, body(b"bytes"), &wrong).await.unwrap_err();
    assert!(matches!(error, Error::DigestMismatch(_)));
    assert!(matches!(fixture.registry.upload_size(&push, id).await, Err(Error::UploadUnknown)));
    assert!(fixture.registry.0.store.staged().await.unwrap().is_empty());
}

async fn a_refused_chunk_is_no_part_of_the_blob(place: Place) {
    let Fixture { registry, _directory } = fixture(&place, Options::default()).await;
    let push = grant::<Push>("acme/app");
    let id = registry.begin_upload(&push, None).await.unwrap();
    assert_eq!(registry.append(&push, id, None, body(b"first")).await.unwrap(), 5);
    let range = Some("5-9".parse().unwrap());
    // So much that some of it reaches the file before it is refused.
    let chunk = Bytes::from(vec![7; 3 << 20]);
    let refused = registry.append(&push, id, range, stream::iter([Ok(chunk.clone()), Ok(chunk)])).await;
    assert!(matches!(refused, Err(Error::LengthMismatch { stated: 5, .. })), "{refused:?}");

    let digest = digest(b"first");
    registry.finish_upload(&push, id, None, stream::iter([]), &digest).await.unwrap();
    let content = registry.get_blob(&grant::<Pull>("acme/app"), &digest).await.unwrap();
    assert!(matches!(&content, BlobContent::Small(bytes) if bytes == "first"), "{content:?}");
}

async fn what_one_replica_changes_the_other_shows_at_once(place: Place) {
    let one = fixture(&place, Options::default()).await;
    if !one.registry.database().is_shared() {
        return;
    }
    let other = Fixture {
        registry: Registry::new(Options::default(), one.registry.0.store.clone(), place.open(&[ROOM]).await.unwrap()),
        _directory: tempfile::tempdir().unwrap(),
    };
    let (a, b) = (one.push_blob("acme/app", b"a").await, one.push_blob("acme/app", b"bb").await);
    for round in 0..20 {
        let (config, size) = if round % 2 == 0 { (&a, 1) } else { (&b, 2) };
        let moved = one.push_image("acme/app", "latest", config, size).await.unwrap();
        for fixture in [&one, &other] {
            assert_eq!(fixture.tag_target("acme/app", "latest").await.unwrap(), moved);
        }
    }
    let pull = grant::<Pull>("acme/app");
    for fixture in [&one, &other, &other] {
        let content = fixture.registry.get_blob(&pull, &a).await.unwrap();
        assert!(matches!(&content, BlobContent::Small(bytes) if bytes == "a"), "{content:?}");
    }
    let delete = grant::<Delete>("acme/app");
    one.registry.delete_tag(&delete, &"latest".parse().unwrap()).await.unwrap();
    assert!(matches!(other.tag_target("acme/app", "latest").await, Err(Error::ManifestUnknown(_))));
    let manifest = one.push_image("acme/app", "latest", &a, 1).await.unwrap();
    one.registry.delete_manifest(&delete, &manifest).await.unwrap();
    one.registry.delete_blob(&delete, &a).await.unwrap();
    assert!(matches!(other.registry.get_blob(&pull, &a).await, Err(Error::BlobUnknown(_))));
}

async fn many_push_into_one_repository_and_nothing_is_lost(place: Place) {
    let fixture = Arc::new(fixture(&place, Options::default()).await);
    let pushers: Vec<_> = (0..32)
        .map(|pusher| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move {
                for round in 0..5 {
                    let bytes: &[u8] = format!("{pusher} {round}").leak().as_bytes();
                    let config = digest(bytes);
                    let push = grant::<Push>("acme/app");
                    while let Err(error) =
                        fixture.registry.push_blob(&push, stream::iter([Ok(bytes.into())]), None, &config).await
                    {
                        assert!(error.is_temporary(), "{error}");
                    }
                    let tag = format!("{pusher}-{round}");
                    while let Err(error) = fixture.push_image("acme/app", &tag, &config, bytes.len()).await {
                        assert!(error.is_temporary(), "{error}");
                    }
                }
            })
        })
        .collect();
    for pusher in pushers {
        pusher.await.unwrap();
    }
    let pull = grant::<Pull>("acme/app");
    let tags = fixture.registry.list_tags(&pull, None, None).await.unwrap().entries;
    assert_eq!(tags.len(), 32 * 5);
    for tag in tags {
        let target = fixture.tag_target("acme/app", &tag).await.unwrap();
        let manifest = fixture.registry.get_manifest(&pull, &Reference::Digest(target)).await.unwrap();
        let bytes = tag.replace('-', " ");
        assert!(String::from_utf8_lossy(&manifest.content).contains(&digest(bytes.as_bytes()).to_string()), "{tag}");
    }
    eprintln!("{} conflicts in {} pushes", fixture.registry.database().metrics().conflicts(), 32 * 5 * 2);
}

async fn names_and_types_with_a_nul_find_nothing(place: Place) {
    let fixture = fixture(&place, Options::default()).await;
    let config = fixture.push_blob("acme/app", b"config").await;
    for tag in ["a", "a-b", "b"] {
        fixture.push_image("acme/app", tag, &config, 6).await.unwrap();
    }
    let pull = grant::<Pull>("acme/app");
    let list = |last: &str| fixture.registry.list_tags(&pull, Some(last.to_owned()), None);
    assert_eq!(list("a\0b").await.unwrap().entries, ["a-b", "b"]);
    assert_eq!(list("\0").await.unwrap().entries.len(), 3);
    let referrers = fixture.registry.list_referrers(&pull, &config, Some("a\0".to_owned()), None, None).await;
    assert!(referrers.unwrap().entries.is_empty());
    let content = format!(
        r#"{{"schemaVersion":2,"artifactType":"a\u0000","config":{{"mediaType":"\u0000","digest":"{config}","size":6}},"layers":[]}}"#
    );
    let push = ManifestPush {
        content: content.into(),
        content_type: Some(media_type::IMAGE_MANIFEST.to_owned()),
        destination: Destination::Tag("nul".parse().unwrap()),
        precondition: Precondition::None,
    };
    fixture.registry.put_manifest(&grant::<Push>("acme/app"), push).await.unwrap();
}

/// Enough rows that a plan which is wrong for many pays.
const MANY: &str = "
    INSERT INTO repositories (name, created_at) SELECT 'acme/' || n, n FROM generate_series(1, 2000) n;
    INSERT INTO blobs (digest, size, created_at) SELECT 'sha256:' || md5(n::text), n, n FROM generate_series(1, 20000) n;
    INSERT INTO repository_blobs SELECT 1 + n % 7, n, CASE n % 20 WHEN 0 THEN n END FROM generate_series(1, 19000) n;
    INSERT INTO manifests (repository_id, digest, media_type, subject, size, created_at, content)
        SELECT 1 + n % 7, 'sha256:' || md5(n::text), 'a/b', CASE n % 3 WHEN 0 THEN 'sha256:' || n % 5 END, n, n, 'x'
        FROM generate_series(1, 20000) n;
    INSERT INTO manifest_blobs SELECT n, n, 1 + n % 7 FROM generate_series(1, 19000) n;
    INSERT INTO manifest_children SELECT n, n + 1 FROM generate_series(1, 5000) n;
    INSERT INTO tags SELECT 1 + n % 7, 'v' || n, n, n FROM generate_series(1, 20000) n;
    INSERT INTO namespace_usage SELECT 'n' || n, n FROM generate_series(1, 20000) n;
    INSERT INTO usage_changes (namespace, bytes) SELECT 'n' || n % 5000, n FROM generate_series(1, 20000) n;
    INSERT INTO loose_manifests SELECT n, n, n % 50 / 49, CASE n % 10 WHEN 0 THEN n END FROM generate_series(1, 5000) n;
    INSERT INTO absent_targets SELECT 1 + n % 7, 'sha256:' || md5(n::text), n FROM generate_series(1, 5000) n;
    INSERT INTO dropped_blobs SELECT 'sha256:' || md5(n::text) FROM generate_series(1, 5000) n;
    INSERT INTO trash SELECT 't' || n, 1 + n % 7, 'acme/' || 1 + n % 7, 'tag', 'v' || n, n FROM generate_series(1, 5000) n;
    INSERT INTO trash_tags SELECT 't' || n, 'v' || n, n FROM generate_series(1, 5000) n;
    INSERT INTO tag_history (repository_id, name, changed_at) SELECT 1 + n % 7, 'v' || n % 50, n FROM generate_series(1, 5000) n;
    INSERT INTO retention_rules SELECT 'n' || n % 500, 'n/' || n, '*', 1 FROM generate_series(1, 5000) n;
    INSERT INTO manifest_pulls SELECT n, n FROM generate_series(1, 20000) n;
    INSERT INTO uploads SELECT 'u' || n, 'acme/app', 0, 'x', n, n FROM generate_series(1, 5000) n;
    ANALYZE";

/// The parts of one blob, of which there is mostly one; processes; the ids of those that go together.
const OVER_FEW_ROWS: &[(&str, &str)] = &[
    ("BLOB_BY_NAMES", "Sort"),
    ("WRITERS", "Seq Scan"),
    ("TAKE_USAGE_CHANGES", "Hash"),
    ("FORGET_OLD_HISTORY", "Hash"),
    ("FORGET_HISTORY_OF", "Hash"),
];

/// A plan that reads a whole table, or sorts what an index has in order, is right today and wrong with a million rows.
async fn no_statement_walks_a_table(place: Place) {
    let Place::Postgres { server, url } = &place else { return };
    drop(place.open(&[ROOM]).await.unwrap());
    let name = url.rsplit('/').next().unwrap().split('?').next().unwrap();
    for fill in ["", MANY] {
        server.sql(name, fill).unwrap();
        for statement in tables::STATEMENTS {
            let text = statement.postgres();
            let parameters = (1..10).take_while(|number| text.contains(&format!("${number}"))).map(|_| "NULL");
            let parameters = parameters.collect::<Vec<_>>().join(", ");
            let call = if parameters.is_empty() { "it".to_owned() } else { format!("it ({parameters})") };
            let explain = format!("{POSTGRES_PLANNER}; PREPARE it AS {text}; EXPLAIN EXECUTE {call}");
            let plan = server.sql(name, &explain).unwrap();
            for wrong in ["Seq Scan", "Sort", "Hash"] {
                let allowed = OVER_FEW_ROWS.contains(&(statement.name(), wrong));
                assert!(allowed || !plan.contains(wrong), "{}:\n{plan}", statement.name());
            }
        }
    }
}

/// Rows that name rows which are not there. Over SQLite foreign keys forbid them, over PostgreSQL the transactions do. A blob of a
/// manifest in the trash may have been deleted from the repository, but it is there.
const DANGLING: &str = "
    SELECT 'link', l.blob_id FROM repository_blobs l LEFT JOIN blobs b ON b.id = l.blob_id WHERE b.id IS NULL
    UNION ALL SELECT 'use', u.blob_id FROM manifest_blobs u LEFT JOIN manifests m ON m.id = u.manifest_id
        LEFT JOIN repository_blobs l ON l.blob_id = u.blob_id AND l.repository_id = m.repository_id
        LEFT JOIN blobs b ON b.id = u.blob_id WHERE m.id IS NULL OR b.id IS NULL
            OR (l.blob_id IS NULL AND m.trash_id IS NULL) OR u.repository_id <> m.repository_id
    UNION ALL SELECT 'tag', t.manifest_id FROM tags t LEFT JOIN manifests m ON m.id = t.manifest_id WHERE m.id IS NULL
    UNION ALL SELECT 'dropped', b.id FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.blob_id = b.id)
        AND NOT EXISTS (SELECT 1 FROM dropped_blobs d WHERE d.digest = b.digest)
    UNION ALL SELECT 'unneeded', l.blob_id FROM repository_blobs l WHERE l.due_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM manifest_blobs u WHERE u.blob_id = l.blob_id AND u.repository_id = l.repository_id)
    UNION ALL SELECT 'child', c.child_id FROM manifest_children c LEFT JOIN manifests m ON m.id = c.child_id
        LEFT JOIN manifests p ON p.id = c.manifest_id WHERE m.id IS NULL OR p.id IS NULL";

/// Four that push the same few things, and four that delete them, as fast as they can, on two replicas.
async fn pushes_and_deletes_at_one_time_leave_nothing_dangling(place: Place) {
    let fixture = fixture(&place, Options::default()).await;
    let registry = fixture.registry.clone();
    // What another process has would be its own slots, so that nothing but the database keeps the two apart.
    let second = if registry.database().is_shared() {
        let database = place.open(&[ROOM]).await.unwrap();
        Registry::new(Options::default(), registry.0.store.clone(), database)
    } else {
        registry.clone()
    };
    let over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let tasks: Vec<_> = (0..8_usize)
        .map(|task| {
            let registry = if task % 2 == 0 { registry.clone() } else { second.clone() };
            let over = Arc::clone(&over);
            tokio::spawn(async move {
                let mut done = 0_u32;
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    done += u32::from(if task < 4 { push_some(&registry).await } else { delete_some(&registry).await });
                }
                done
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(3)).await;
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    for task in tasks {
        assert!(task.await.unwrap() > 0);
    }
    match &place {
        Place::Postgres { server, url } => {
            let name = url.rsplit('/').next().unwrap().split('?').next().unwrap();
            assert_eq!(server.sql(name, DANGLING).unwrap(), "");
        }
        Place::Sqlite(_) => {
            // Another text for the same: pushing what is there and deleting it all leaves nothing.
            while delete_some(&registry).await {}
        }
    }
}

/// Pushes a blob, an image with it and an index with that, under one tag; whether all of it was taken.
async fn push_some(registry: &Registry) -> bool {
    let push = grant::<Push>("acme/app");
    let config = digest(b"config");
    let image = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/json","digest":"{config}","size":6}},"layers":[]}}"#
    );
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{}","digest":"{}","size":{}}}]}}"#,
        media_type::IMAGE_MANIFEST,
        digest(image.as_bytes()),
        image.len()
    );
    let manifest = |content: &str, media_type: &str| ManifestPush {
        content: content.to_owned().into(),
        content_type: Some(media_type.to_owned()),
        destination: Destination::Tag("latest".parse().unwrap()),
        precondition: Precondition::None,
    };
    expected(registry.push_blob(&push, body(b"config"), None, &config).await)
        && expected(registry.put_manifest(&push, manifest(&image, media_type::IMAGE_MANIFEST)).await)
        && expected(registry.put_manifest(&push, manifest(&index, media_type::IMAGE_INDEX)).await)
}

/// Deletes what [`push_some`] pushes, and the rows of blobs that nobody has; whether there was anything.
async fn delete_some(registry: &Registry) -> bool {
    let delete = grant::<Delete>("acme/app");
    let pull = grant::<Pull>("acme/app");
    let mut deleted = false;
    for _ in 0..2 {
        let tag = Reference::Tag("latest".parse().unwrap());
        if let Ok(manifest) = registry.get_manifest(&pull, &tag).await {
            deleted |= expected(registry.delete_manifest(&delete, &manifest.digest).await);
        }
    }
    deleted |= expected(registry.delete_blob(&delete, &digest(b"config")).await);
    // As the purge does; its other steps are for a store that one process has to itself.
    let forgotten = registry.database().write(Durability::Power, |connection| {
        let text = digest(b"config").to_string();
        Ok::<_, Error>(connection.execute(&tables::FORGET_UNLINKED_BLOB, &[(&text).into()])?)
    });
    expected(forgotten.await);
    deleted
}

/// Whether it worked; an error must be one of those that somebody hears whom another came before.
fn expected<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    match &result {
        Ok(_) => true,
        Err(
            Error::ManifestTargets(_)
            | Error::ManifestUnknown(_)
            | Error::BlobUnknown(_)
            | Error::RepositoryUnknown(_)
            | Error::InUse(_),
        ) => false,
        Err(error) if error.is_temporary() => false,
        Err(_) => panic!("{result:?}"),
    }
}

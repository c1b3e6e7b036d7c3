//! How many bytes repositories have, each and together.

use entrepot_test_engines::{Place, on_both_engines};

use super::*;

on_both_engines! {
    sizes_say_what_would_be_given_back,
}

const NAME: &str = "acme/app";

async fn sizes_say_what_would_be_given_back(place: Place) {
    let fixture = fixture(&place, Options { trash_for: Duration::from_hours(100), ..Options::default() }).await;
    let registry = &fixture.registry;
    let [shared, own, loose] = [
        fixture.push_blob(NAME, b"shared").await,
        fixture.push_blob(NAME, b"own").await,
        fixture.push_blob(NAME, b"x").await,
    ];
    registry.mount_blob(&grant::<Push>("acme/web"), &MountSource::new(grant(NAME)), &shared).await.unwrap();
    // What another namespace has is nobody's business here.
    registry.mount_blob(&grant::<Push>("other/app"), &MountSource::new(grant(NAME)), &own).await.unwrap();
    let mut bytes = 6 + 3 + 1;
    let mut manifests = Vec::new();
    for (tag, config, size) in [("v1", &shared, 6), ("v2", &own, 3)] {
        manifests.push(fixture.push_image(NAME, tag, config, size).await.unwrap());
        bytes += super::image(tag, config, size).content.len() as u64;
    }
    let sizes = async || registry.sizes(&grant(NAME)).await.unwrap();
    let before = crate::Sizes { manifests: 2, blobs: 3, bytes, shared: 6, frees: bytes - 6, in_trash: 0, unneeded: 1 };
    assert_eq!(sizes().await, before);
    fixture.delete(&manifests[1]).await;
    assert_eq!(sizes().await, crate::Sizes { in_trash: 3, ..before });
    assert_eq!(fixture.registry.stat_blob(&grant(NAME), &loose).await.unwrap(), 1);
    let each = registry.sizes_within("acme", None, 1).await.unwrap();
    assert!(each.more && each.entries == [(NAME.parse().unwrap(), sizes().await)]);
    let rest = registry.sizes_within("acme", Some(NAME.to_owned()), 1).await.unwrap();
    let web = crate::Sizes { blobs: 1, bytes: 6, shared: 6, unneeded: 6, ..crate::Sizes::default() };
    assert!(!rest.more && rest.entries == [("acme/web".parse().unwrap(), web)]);
    assert_eq!(registry.sizes_within("acme", Some("\0".to_owned()), 2).await.unwrap().entries.len(), 2);
    assert_eq!(registry.sizes_within("library", None, 2).await.unwrap().entries, []);
    let total = crate::Total {
        repositories: 2,
        manifests: 2,
        blobs: 3,
        bytes,
        counted: bytes + 6,
        shared: 6,
        in_trash: 3,
        unneeded: 1,
    };
    assert_eq!(registry.total(Some("acme")).await.unwrap(), total);
    // Of one namespace `own` is in the trash, and of the other nothing needs it: together it is in the trash.
    let all = crate::Total { repositories: 3, counted: bytes + 6 + 3, shared: 9, ..total };
    assert_eq!(registry.total(None).await.unwrap(), all);
    assert_eq!(registry.total(Some("nobody")).await.unwrap(), crate::Total::default());
    // What is counted for quotas is the same.
    let used = registry.database().read(|connection| crate::used_bytes(connection, "acme")).await.unwrap();
    assert_eq!(used, bytes + 6);
}

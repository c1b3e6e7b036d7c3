//! What is told of a store.

use anyhow::{Result, ensure};
use entrepot_store::{Error, ObjectsConfig, Outcome};

use crate::place::{MIB, Place, open};

pub(super) async fn everything_needed_is_there(place: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    let checks = store.check().await;
    let bad: Vec<_> = checks.iter().filter(|check| !check.is_good()).collect();
    ensure!(bad.is_empty(), "{bad:#?}");
    let not_needed = checks.iter().filter(|check| matches!(check.outcome, Outcome::NotNeeded(_))).count();
    let expected = usize::from(!place.keeps_unfinished) + usize::from(!place.signs);
    ensure!(not_needed == expected, "{checks:#?}");
    ensure!(!store.records_midway());
    Ok(())
}

pub(super) async fn it_can_be_probed(_: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    store.probe().await?;
    store.probe().await?;
    let mut small = config.clone();
    small.upload_memory = MIB;
    let error = open(&small).await.err().and_then(|error| error.downcast::<Error>().ok());
    let text = error.map_or_else(String::new, |error| error.to_string());
    ensure!(text.contains("need at least"), "{text}");
    let shown = format!("{:?}", config.backend);
    ensure!(!shown.contains("only-for-tests"), "a secret is shown: {shown}");
    Ok(())
}

//! The suite, on each kind of store.

use anyhow::Result;
use entrepot_store::{AccessKey, Azure, Backend, Gcs, Memory, S3};
use entrepot_test_support::servers::{Azurite, FakeGcs, S3Bucket, SeaweedFs, VersityGw};

use crate::behaviours;
use crate::place::{MIB, Place};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() -> Result<()> {
    let backend = Backend::Memory(Memory::new()?);
    let place = Place { backend, piece: 16 * MIB, grows: false, keeps_unfinished: false, signs: false };
    behaviours::run("memory", &place).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_of_seaweedfs() -> Result<()> {
    let Some(server) = SeaweedFs::start()? else { return Ok(()) };
    behaviours::run("seaweedfs", &s3(server.bucket())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_of_versitygw() -> Result<()> {
    let Some(server) = VersityGw::start()? else { return Ok(()) };
    behaviours::run("versitygw", &s3(server.bucket())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_of_azurite() -> Result<()> {
    let Some(server) = Azurite::start()? else { return Ok(()) };
    let container = server.container();
    let backend = Backend::Azure(Azure {
        account: container.account.clone(),
        container: container.container.clone(),
        endpoint: Some(container.endpoint.clone()),
        key: Some(container.key.clone().into()),
        sas_token: None,
    });
    let place = Place { backend, piece: 8 * MIB, grows: true, keeps_unfinished: false, signs: true };
    behaviours::run("azurite", &place).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_of_fake_gcs_server() -> Result<()> {
    let Some(server) = FakeGcs::start()? else { return Ok(()) };
    let backend = Backend::Gcs(Gcs {
        bucket: FakeGcs::BUCKET.to_owned(),
        endpoint: Some(server.endpoint()),
        anonymous: true,
        ..Gcs::default()
    });
    let place = Place { backend, piece: 8 * MIB, grows: true, keeps_unfinished: false, signs: false };
    behaviours::run("fake-gcs-server", &place).await
}

/// A bucket as the suite takes it.
pub(crate) fn s3(bucket: &S3Bucket) -> Place {
    let key = AccessKey {
        id: bucket.access_key_id.clone(),
        secret: bucket.secret_access_key.clone().into(),
        session_token: None,
    };
    let backend = Backend::S3(S3 {
        bucket: bucket.bucket.clone(),
        region: Some(bucket.region.clone()),
        endpoint: Some(bucket.endpoint.clone()),
        key: Some(key),
        ..S3::default()
    });
    Place { backend, piece: 8 * MIB, grows: true, keeps_unfinished: true, signs: true }
}

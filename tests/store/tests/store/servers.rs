//! The suite, on each kind of store.

use std::time::Duration;

use anyhow::Result;
use entrepot_oss_stub::OssStub;
use entrepot_store::{AccessKey, Addressing, Azure, Backend, Gcs, Memory, Oss, S3, Swift, SwiftLogin};
use entrepot_test_support::servers::{Azurite, FakeGcs, S3Bucket, SeaweedFs, Swift as SwiftServer, VersityGw};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swift_with_tempauth() -> Result<()> {
    // Tokens live so shortly that some end in the middle.
    let Some(server) = SwiftServer::start(Duration::from_secs(4))? else { return Ok(()) };
    let container = server.container();
    let backend = Backend::Swift(Swift {
        container: container.container.clone(),
        login: Some(SwiftLogin::V1 {
            url: container.auth_url.clone(),
            user: container.user.clone(),
            key: container.key.clone().into(),
        }),
        temp_url_key: Some(container.temp_url_key.clone().into()),
        ..Swift::default()
    });
    let place = Place { backend, piece: 16 * MIB, grows: false, keeps_unfinished: false, signs: true };
    behaviours::run("swift", &place).await
}

/// Not the service, but a stand-in that checks signatures.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oss_of_the_stub() -> Result<()> {
    let server = OssStub::start()?;
    let bucket = server.bucket();
    let key = AccessKey {
        id: bucket.access_key_id.clone(),
        secret: bucket.access_key_secret.clone().into(),
        session_token: None,
    };
    let backend = Backend::Oss(Oss {
        bucket: bucket.bucket.clone(),
        endpoint: bucket.endpoint.clone(),
        region: Some("cn-test".to_owned()),
        addressing: Addressing::Path,
        key: Some(key),
        encryption: None,
    });
    let place = Place { backend, piece: 8 * MIB, grows: true, keeps_unfinished: true, signs: true };
    behaviours::run("oss", &place).await
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

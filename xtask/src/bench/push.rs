//! Pushing as docker does: `HEAD`, `POST`, `PATCH`, `PUT` for each blob, then the manifest by tag.

use anyhow::{Result, bail};

use super::connection::Connection;
use super::image::{Blob, Image};
use super::payload::Payload;
use super::request::Requests;

/// Pushes `image` to `repository` under `tag`. Its blobs must be new there.
pub(super) async fn push_image(
    connection: &mut Connection,
    requests: Requests,
    repository: &str,
    tag: &str,
    image: &Image,
) -> Result<()> {
    for blob in &image.blobs {
        let head = requests.blob("HEAD", repository, &blob.digest);
        connection.exchange(&head).await?.expect(404, "HEAD of a blob that is not there")?;
        push_blob(connection, requests, repository, blob).await?;
    }
    put_manifest(connection, requests, repository, tag, &image.manifest).await
}

/// Uploads `blob` to `repository`.
pub(super) async fn push_blob(
    connection: &mut Connection,
    requests: Requests,
    repository: &str,
    blob: &Blob,
) -> Result<()> {
    let location = begin(connection, requests, repository).await?;
    let append = requests.append(&location, &blob.bytes);
    let response = connection.exchange(&append).await?;
    response.expect(202, "PATCH of an upload")?;
    let commit = requests.commit_upload(response.head.location()?, &blob.digest);
    connection.exchange(&commit).await?.expect(201, "PUT of an upload")
}

/// Uploads the blob number `unique` of `payload`, whose `digest` was computed beforehand.
pub(super) async fn push_payload(
    connection: &mut Connection,
    requests: Requests,
    repository: &str,
    payload: &Payload,
    unique: u64,
    digest: &str,
) -> Result<()> {
    let location = begin(connection, requests, repository).await?;
    let append = requests.append_head(&location, &payload.framing_header());
    let response = connection.upload(&append, payload, unique).await?;
    response.expect(202, "PATCH of a large upload")?;
    let commit = requests.commit_upload(response.head.location()?, digest);
    connection.exchange(&commit).await?.expect(201, "PUT of a large upload")
}

/// Makes `blob`, which is in `from`, known in `repository`: by mount, or by upload where the server will not mount.
pub(super) async fn mount_blob(
    connection: &mut Connection,
    requests: Requests,
    repository: &str,
    blob: &Blob,
    from: &str,
) -> Result<()> {
    let mount = requests.mount(repository, &blob.digest, from);
    let response = connection.exchange(&mount).await?;
    match response.head.status {
        201 => Ok(()),
        202 => push_blob(connection, requests, repository, blob).await,
        status => bail!("mount of a blob: expected status 201 or 202, got {status}"),
    }
}

/// Puts `manifest` under `tag`.
pub(super) async fn put_manifest(
    connection: &mut Connection,
    requests: Requests,
    repository: &str,
    tag: &str,
    manifest: &Blob,
) -> Result<()> {
    let put = requests.put_manifest(repository, tag, &manifest.bytes);
    connection.exchange(&put).await?.expect(201, "PUT of a manifest")
}

/// Begins an upload and returns where it goes on.
async fn begin(connection: &mut Connection, requests: Requests, repository: &str) -> Result<String> {
    let response = connection.exchange(&requests.begin_upload(repository)).await?;
    response.expect(202, "POST of an upload")?;
    Ok(response.head.location()?.to_owned())
}

//! SeaweedFS: an S3 server.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::s3::S3Bucket;
use super::site::Site;
use crate::{Component, Port};

/// A running SeaweedFS with a bucket.
#[derive(Debug)]
pub struct SeaweedFs {
    bucket: S3Bucket,
    _site: Site,
    _sockets: Sockets,
    s3: Port,
    _inner: [Port; 7],
}

/// Files that the server puts into /tmp whatever it is told, and leaves there when it is killed.
#[derive(Debug)]
struct Sockets([PathBuf; 4]);

impl SeaweedFs {
    /// Starts a server and makes the bucket; takes some seconds.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time; the message has the end of its log.
    pub fn start() -> Result<Option<Self>> {
        let Some(program) = Component::require("seaweedfs") else { return Ok(None) };
        let mut site = Site::new("seaweedfs")?;
        let s3 = Port::claim()?;
        let bucket = S3Bucket::of_tests(s3.address());
        let data = site.path().join("data");
        fs::create_dir(&data)?;
        let identities = site.path().join("identities.json");
        fs::write(&identities, identities_of(&bucket))?;

        let (master, volume, filer) = (Port::claim()?, Port::claim()?, Port::claim()?);
        let inner = [Port::claim()?, Port::claim()?, Port::claim()?, Port::claim()?];
        let [master_grpc, volume_grpc, filer_grpc, s3_grpc] = inner.each_ref().map(Port::number);
        let mut command = Command::new(program);
        command.args(["-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
        command.arg(format!("-dir={}", data.display()));
        command.arg(format!("-master.port={}", master.number())).arg(format!("-master.port.grpc={master_grpc}"));
        command.arg(format!("-volume.port={}", volume.number())).arg(format!("-volume.port.grpc={volume_grpc}"));
        command.arg(format!("-filer.port={}", filer.number())).arg(format!("-filer.port.grpc={filer_grpc}"));
        command.arg(format!("-s3.port={}", s3.number())).arg(format!("-s3.port.grpc={s3_grpc}"));
        command.args(["-filer", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]);
        command.arg(format!("-filer.localSocket={}", site.path().join("filer.sock").display()));
        command.arg(format!("-s3.localSocket={}", site.path().join("s3.sock").display()));
        command.arg(format!("-s3.config={}", identities.display()));
        // There is nobody else to elect: with its own default of ten seconds it waits that long first. Volumes are made as
        // they are needed, as many as the disk has room for.
        command.args(["-master.electionTimeout=1s", "-volume.max=0", "-master.volumeSizeLimitMB=1024"]);

        let sockets = Sockets([
            socket("master", master_grpc),
            socket("volume", volume_grpc),
            socket("filer", filer_grpc),
            socket("s3", s3_grpc),
        ]);
        for socket in &sockets.0 {
            site.uses(socket)?;
        }
        bucket.create(site.start("seaweedfs", &mut command)?).context("seaweedfs")?;
        let [a, b, c, d] = inner;
        Ok(Some(Self { bucket, _site: site, _sockets: sockets, s3, _inner: [master, volume, filer, a, b, c, d] }))
    }

    /// Its bucket.
    pub fn bucket(&self) -> &S3Bucket {
        &self.bucket
    }

    /// Where it speaks S3.
    pub fn address(&self) -> SocketAddr {
        self.s3.address()
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        for socket in &self.0 {
            // Not there is what was wanted.
            drop(fs::remove_file(socket));
        }
    }
}

fn socket(part: &str, port: u16) -> PathBuf {
    PathBuf::from(format!("/tmp/seaweedfs-{part}-grpc-{port}.sock"))
}

/// One identity that may do everything.
fn identities_of(bucket: &S3Bucket) -> String {
    let (id, secret) = (&bucket.access_key_id, &bucket.secret_access_key);
    format!(
        r#"{{"identities":[{{"name":"tests","actions":["Admin","Read","Write","List","Tagging"],
        "credentials":[{{"accessKey":"{id}","secretKey":"{secret}"}}]}}]}}"#
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::super::s3;
    use super::*;

    #[test]
    fn keeps_objects_and_leaves_nothing() -> Result<()> {
        let Some(server) = SeaweedFs::start()? else { return Ok(()) };
        s3::tests::works(server.bucket())?;
        let (address, directory) = (server.address(), server._site.path().to_owned());
        let sockets = server._sockets.0.clone();
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "it still listens");
        assert!(!directory.exists());
        assert!(sockets.iter().all(|socket| !socket.exists()));
        Ok(())
    }
}

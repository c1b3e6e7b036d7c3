//! versitygw: a second S3 server, over plain files.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::s3::S3Bucket;
use super::site::Site;
use crate::{Component, Port};

/// A running versitygw with a bucket.
#[derive(Debug)]
pub struct VersityGw {
    bucket: S3Bucket,
    _site: Site,
    port: Port,
}

impl VersityGw {
    /// Starts a server and makes the bucket.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time; the message has the end of its log. It needs a file system with
    /// extended attributes for temporary files.
    pub fn start() -> Result<Option<Self>> {
        let Some(program) = Component::require("versitygw") else { return Ok(None) };
        let mut site = Site::new("versitygw")?;
        let port = Port::claim()?;
        let bucket = S3Bucket::of_tests(port.address());
        let data = site.path().join("data");
        fs::create_dir(&data)?;
        let mut command = Command::new(program);
        command
            .args(["--port", &port.address().to_string(), "--region", &bucket.region, "--quiet", "posix"])
            .arg(&data);
        command.env("ROOT_ACCESS_KEY", &bucket.access_key_id).env("ROOT_SECRET_KEY", &bucket.secret_access_key);
        // Off by default, and then every request costs a connection.
        command.env("VGW_KEEP_ALIVE", "true");
        bucket.create(site.start("versitygw", &mut command)?).context("versitygw")?;
        Ok(Some(Self { bucket, _site: site, port }))
    }

    /// Its bucket.
    pub fn bucket(&self) -> &S3Bucket {
        &self.bucket
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::super::{s3, s3_contents};
    use super::*;

    #[test]
    fn keeps_objects_and_leaves_nothing() -> Result<()> {
        let Some(server) = VersityGw::start()? else { return Ok(()) };
        s3::tests::works(server.bucket())?;
        s3_contents::tests::works(server.bucket())?;
        let (address, directory) = (server.address(), server._site.path().to_owned());
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "it still listens");
        assert!(!directory.exists());
        Ok(())
    }
}

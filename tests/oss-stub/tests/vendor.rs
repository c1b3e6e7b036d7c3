//! Aliyun's own client against the stub, with both versions of signatures.

use std::net::TcpStream;
use std::process::Command;

use anyhow::{Result, ensure};
use entrepot_oss_stub::OssStub;
use entrepot_test_support::Component;

fn drive(version: &str) -> Result<()> {
    let Some(python) = Component::require("oss2") else { return Ok(()) };
    let stub = OssStub::start()?;
    let bucket = stub.bucket();
    let mut client = Command::new(python);
    client.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vendor.py"));
    client.args([&bucket.endpoint, &bucket.bucket, &bucket.access_key_id, &bucket.access_key_secret]).arg(version);
    // A proxy of whoever runs the tests is not for loopback.
    let output = client.env("no_proxy", "*").output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let address = stub.address();
    drop(stub);
    // It ends in the background.
    for _ in 0..100 {
        if TcpStream::connect(address).is_err() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    anyhow::bail!("it still listens")
}

#[test]
fn version_1() -> Result<()> {
    drive("v1")
}

#[test]
fn version_4() -> Result<()> {
    drive("v4")
}

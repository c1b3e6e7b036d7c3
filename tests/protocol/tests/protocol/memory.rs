//! Memory does not grow with the size of what is transferred.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::thread;

use anyhow::{Result, anyhow, ensure};
use entrepot_test_harness::content::{noise, sha256};
use entrepot_test_harness::{Over, Registry, get, head, patch, put};

const MIB: usize = 1024 * 1024;
const BLOB: usize = 256 * MIB;
const CLIENTS: u64 = 8;

/// A tenth below what the registry may take for eight pushes at once: 128 MiB, and 256 MiB to an object store, which is sent
/// larger pieces. Without 34 MiB of that, which were the code of an unoptimized program: how much code there is by now is another matter,
/// so it is not counted.
fn most() -> Result<u64> {
    Ok(MIB as u64
        * match Over::chosen()? {
            Over::Directory => 115 - 34,
            Over::S3Postgres => 230 - 34,
        })
}

#[test]
fn eight_large_pushes_and_pulls_at_once() -> Result<()> {
    let mut registry = Registry::start()?;
    let piece = noise(31, MIB);
    let digest = sha256(piece.repeat(BLOB / MIB));
    let code = registry.mapped_memory_bytes()?;
    let failures = Mutex::new(Vec::new());
    let all = |work: &(dyn Fn() -> Result<()> + Sync)| {
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    if let (Err(error), Ok(mut failures)) = (work(), failures.lock()) {
                        failures.push(format!("{error:#}"));
                    }
                });
            }
        });
    };
    all(&|| {
        let location = registry.begin_upload("acme/app")?;
        let mut connection = registry.connect()?;
        connection.announce(&patch(&location), BLOB as u64)?;
        for _ in 0..BLOB / MIB {
            connection.stream().write_all(&piece)?;
        }
        connection.answer("PATCH")?.expect(202)?;
        registry.ask(&put(format!("{location}?digest={digest}")))?.expect(201).map(drop)
    });
    let pushed = registry.peak_memory_bytes()?.saturating_sub(code);
    let path = format!("/v2/acme/app/blobs/{digest}");
    let size = registry.ask(&head(&path))?.expect(200)?.required("content-length")?.to_owned();
    all(&|| {
        let mut connection = registry.connect()?;
        connection.ask(&get(&path), "Connection: close\r\n")?;
        let mut buffer = vec![0; MIB];
        let mut read = 0;
        loop {
            match connection.stream().read(&mut buffer)? {
                0 => break,
                more => read += more,
            }
        }
        ensure!(read > BLOB, "only {read} bytes came");
        Ok(())
    });
    let pulled = registry.peak_memory_bytes()?.saturating_sub(code);

    let failures = failures.into_inner().map_err(|_| anyhow!("a client panicked"))?;
    ensure!(failures.is_empty(), "{failures:?}");
    ensure!(size == BLOB.to_string(), "the blob has {size} bytes");
    let most = most()?;
    ensure!(pushed < most, "{} MiB after the pushes", pushed / MIB as u64);
    ensure!(pulled < most, "{} MiB after the pulls", pulled / MIB as u64);
    println!(
        "peak: {} MiB after the pushes, {} MiB after the pulls, and {} MiB of code",
        pushed / MIB as u64,
        pulled / MIB as u64,
        code / MIB as u64
    );
    Ok(())
}

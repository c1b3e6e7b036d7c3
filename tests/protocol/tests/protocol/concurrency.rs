//! Several clients at once: none gets in another's way.

use std::sync::Barrier;
use std::thread;

use anyhow::{Result, anyhow, ensure};
use entrepot_test_harness::content::{IMAGE, image, noise, sha256};
use entrepot_test_harness::{Answer, Registry, get, patch, post, put};

/// Runs `work` on `count` threads that begin together, and returns what came of each.
fn together<T: Send>(count: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let barrier = Barrier::new(count);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|n| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(n)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a client panicked"))?).collect()
    })
}

#[test]
fn the_same_blob_at_once() -> Result<()> {
    let registry = Registry::start()?;
    for round in 0..10 {
        let content = noise(round, 300_000);
        let digest = sha256(&content);
        together(4, |n| -> Result<Answer> {
            let uploads = format!("/v2/acme/r{}/blobs/uploads/", n / 2);
            if n % 2 == 0 {
                return registry.ask(&post(format!("{uploads}?digest={digest}")).body(content.clone()))?.expect(201);
            }
            let location = registry.ask(&post(uploads))?.expect(202)?.required("location")?.to_owned();
            registry.ask(&patch(&location).body(content.clone()))?.expect(202)?;
            registry.ask(&put(format!("{location}?digest={digest}")))?.expect(201)
        })?;
        for repository in ["acme/r0", "acme/r1"] {
            let pulled = registry.ask(&get(format!("/v2/{repository}/blobs/{digest}")))?.expect(200)?;
            ensure!(pulled.body == content, "{repository} has other bytes");
        }
    }
    let left = registry.leftovers()?;
    ensure!(left == 0, "{left} files or objects are left of uploads");
    Ok(())
}

#[test]
fn the_same_manifest_and_different_tags_at_once() -> Result<()> {
    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    let content = image(b"{}", &[]).to_string();
    together(8, |n| {
        for round in 0..10 {
            let path = format!("/v2/acme/app/manifests/v{}", if n % 2 == 0 { round } else { n * 100 + round });
            registry.ask(&put(path).header("Content-Type", IMAGE).body(content.clone()))?.expect(201)?;
        }
        Ok(())
    })?;
    let tags = registry.ask(&get("/v2/acme/app/tags/list"))?.json()?;
    let count = tags["tags"].as_array().map(Vec::len);
    ensure!(count == Some(10 + 4 * 10), "{count:?} tags");
    Ok(())
}

#[test]
fn only_one_of_many_creates() -> Result<()> {
    let registry = Registry::start()?;
    for n in 0..8 {
        registry.push_blob("acme/app", n.to_string())?;
    }
    let statuses = together(8, |n| {
        let content = image(n.to_string().as_bytes(), &[]).to_string();
        let request = put("/v2/acme/app/manifests/v1").header("Content-Type", IMAGE).header("If-None-Match", "*");
        Ok(registry.ask(&request.body(content))?.status)
    })?;
    ensure!(statuses.iter().filter(|status| **status == 201).count() == 1, "{statuses:?}");
    ensure!(statuses.iter().filter(|status| **status == 412).count() == 7, "{statuses:?}");
    Ok(())
}

#[test]
fn a_new_connection_takes_over_from_one_that_hangs() -> Result<()> {
    let registry = Registry::start()?;
    let content = noise(7, 200_000);
    let digest = sha256(&content);
    let location = registry.begin_upload("acme/app")?;
    let mut hanging = registry.connect()?;
    hanging.announce(&patch(&location), content.len() as u64)?;
    hanging.send(&content[..70_000])?;
    // Otherwise the second could be served before the first.
    registry.wait_for_active_uploads(1)?;

    // The client starts again and does not know how much arrived: the refusal says so.
    let whole = patch(&location).header("Content-Range", format!("0-{}", content.len() - 1)).body(content.clone());
    let refused = registry.ask(&whole)?;
    let have = if refused.status == 416 {
        let last: usize = refused.required("range")?.trim_start_matches("0-").parse()?;
        ensure!(last < 70_000, "the upload has {last} bytes, and 70000 were sent");
        last + 1
    } else {
        // Nothing of the first connection's body had been read when the second came.
        refused.expect(202)?;
        content.len()
    };
    if have < content.len() {
        let rest = patch(&location).header("Content-Range", format!("{have}-{}", content.len() - 1));
        registry.ask(&rest.body(&content[have..]))?.expect(202)?;
    }
    ensure!(hanging.answer("PATCH")?.expect(409)?.code()? == "BLOB_UPLOAD_INVALID", "another reason");
    registry.ask(&put(format!("{location}?digest={digest}")))?.expect(201)?;
    let pulled = registry.ask(&get(format!("/v2/acme/app/blobs/{digest}")))?.expect(200)?;
    ensure!(pulled.body == content, "other bytes");
    Ok(())
}

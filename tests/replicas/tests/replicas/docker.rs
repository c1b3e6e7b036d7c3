//! The docker engine pushes and pulls while replicas are restarted.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use entrepot_client_tests::engine::Engine;
use entrepot_client_tests::image::{FILE, tar};
use entrepot_replicas_tests::Client;
use entrepot_test_harness::content::noise;
use entrepot_test_support::Replicas;

use crate::wait_until_ready;

/// A layer of an image, which does not shrink.
const LAYER_BYTES: usize = 8 << 20;

/// Restarts go on until docker has pushed and pulled so many images.
const IMAGES: u64 = 4;

#[test]
fn docker_pushes_and_pulls_through_a_rolling_restart() -> Result<()> {
    // Short, because the sockets of the engine live in it.
    let directory = tempfile::Builder::new().prefix("ent").tempdir_in("/tmp")?;
    let Some(engine) = Engine::docker(directory.path())? else { return Ok(()) };
    let Some(mut replicas) = Replicas::start(3, &[])? else { return Ok(()) };
    let host = replicas.address();
    let docker = &engine.client;

    let done = AtomicBool::new(false);
    let work = || -> Result<()> {
        for number in 0..IMAGES {
            let name = format!("{host}/acme/rolling:v{number}");
            let layer = tar(&[(FILE, name.clone().into_bytes()), ("noise", noise(number + 1, LAYER_BYTES))]);
            fs::write(directory.path().join("root.tar"), layer)?;
            let id = docker.run(["import", "root.tar", &name])?.trim().to_owned();
            docker.run(["push", &name]).context("a push failed")?;
            docker.run(["rmi", "--force", &id])?;
            docker.run(["pull", "--quiet", &name]).context("a pull failed")?;
            let pulled = docker.run(["image", "inspect", "--format={{.Id}}", &name])?;
            ensure!(pulled.trim() == id, "{name} was {id}, and is {pulled}");
            docker.run(["rmi", "--force", &id])?;
        }
        Ok(())
    };
    let (worked, restarts) = thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let worked = work();
            done.store(true, Ordering::Relaxed);
            worked
        });
        let restarts = restart_until(&done, &mut replicas);
        (worker.join(), restarts)
    });
    let restarts = restarts?;
    worked.map_err(|_| anyhow::anyhow!("the worker panicked"))??;
    println!("{IMAGES} images pushed and pulled by docker, {restarts} restarts");
    ensure!(restarts > 0, "no restart came in between");
    Ok(())
}

fn restart_until(done: &AtomicBool, replicas: &mut Replicas) -> Result<u32> {
    let mut restarts = 0;
    loop {
        for replica in replicas.replicas_mut() {
            if done.load(Ordering::Relaxed) {
                return Ok(restarts);
            }
            let status = replica.stop()?;
            ensure!(status.success(), "{status}:\n{}", replica.log());
            replica.start()?;
            wait_until_ready(&Client::new(replica.address()))?;
            restarts += 1;
            thread::sleep(Duration::from_millis(300));
        }
    }
}

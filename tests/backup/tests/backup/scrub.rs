//! Stored blobs that change behind the registry's back: `entrepot scrub` finds them, nobody gets wrong bytes, and they come back from
//! a backup, or from whoever pushes them again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::content::{noise, sha256};
use entrepot_test_harness::{Registry, get, head, post};
use entrepot_test_support::Postgres;
use entrepot_test_support::servers::{S3Bucket, VersityGw};

use crate::command::{binary, fail, shown, succeed};
use crate::load::{Client, Pushed};
use crate::restored::expect;

/// Where the bytes are, to be changed there.
enum Bytes<'a> {
    Files(PathBuf),
    Objects { bucket: &'a S3Bucket, postgres: &'a Postgres, database: String, prefix: &'static str },
}

impl Bytes<'_> {
    /// Changes the bytes of a blob.
    fn change(&self, digest: &str, change: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        match self {
            Self::Files(data) => {
                let path = file(data, digest)?;
                let mut bytes = fs::read(&path)?;
                change(&mut bytes);
                Ok(fs::write(&path, bytes)?)
            }
            Self::Objects { bucket, prefix, .. } => {
                let key = format!("{prefix}/{}", self.key(digest)?);
                let mut bytes = bucket.read(&key)?;
                change(&mut bytes);
                bucket.replace(&key, &bytes)
            }
        }
    }

    fn lose(&self, digest: &str) -> Result<()> {
        match self {
            Self::Files(data) => Ok(fs::remove_file(file(data, digest)?)?),
            Self::Objects { bucket, prefix, .. } => bucket.remove(&format!("{prefix}/{}", self.key(digest)?)),
        }
    }

    fn key(&self, digest: &str) -> Result<String> {
        let Self::Objects { postgres, database, .. } = self else { anyhow::bail!("a file has no key") };
        let query =
            format!("SELECT key FROM objects JOIN blobs ON blobs.id = objects.blob_id WHERE digest = '{digest}'");
        Ok(postgres.sql(database, &query)?.trim().to_owned())
    }

    /// How many damaged blobs were kept.
    fn kept(&self) -> Result<usize> {
        match self {
            Self::Files(data) => Ok(fs::read_dir(data.join("quarantine"))?.count()),
            Self::Objects { bucket, postgres, database, prefix } => {
                let keys = postgres.sql(database, "SELECT key FROM damaged_objects")?;
                let there = bucket.objects(&format!("{prefix}/"))?;
                Ok(keys.lines().filter(|key| there.contains_key(&format!("{prefix}/{key}"))).count())
            }
        }
    }
}

fn file(data: &Path, digest: &str) -> Result<PathBuf> {
    let hex = digest.strip_prefix("sha256:").context("another digest")?;
    Ok(data.join("blobs/sha256").join(&hex[..2]).join(hex))
}

/// The layer of image `number` that no other has.
fn own_layer(number: u64) -> String {
    sha256(noise(number, 3_000 + (number % 7) as usize * 20_000))
}

#[test]
fn damage_is_found_while_it_runs_and_repaired_from_a_backup() -> Result<()> {
    let registry = Registry::of(&binary()?, SETTINGS, tempfile::tempdir()?)?;
    let bytes = Bytes::Files(registry.data());
    found_and_repaired(&registry, &[], &bytes)
}

#[test]
fn the_same_over_postgresql_and_s3() -> Result<()> {
    let (Some(postgres), Some(s3)) = (Postgres::shared()?, VersityGw::start()?) else { return Ok(()) };
    let url = postgres.database()?;
    let database = url.rsplit('/').next().and_then(|name| name.split('?').next()).context("a database")?.to_owned();
    let mut settings = s3.bucket().settings("scrubbed");
    settings.push(("ENTREPOT_DATABASE_URL".to_owned(), url));
    let given = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let given: Vec<_> = given.chain(SETTINGS.iter().copied()).collect();
    let registry = Registry::of(&binary()?, &given, tempfile::tempdir()?)?;
    let bytes = Bytes::Objects { bucket: s3.bucket(), postgres: &postgres, database, prefix: "scrubbed" };
    found_and_repaired(&registry, &settings, &bytes)
}

/// What is not needed goes at once, and nothing but the command begins a scrub.
const SETTINGS: &[(&str, &str)] = &[
    ("ENTREPOT_UPLOADS_PURGE_INTERVAL", "1s"),
    ("ENTREPOT_SCRUB_EVERY", "off"),
    ("ENTREPOT_SCRUB_BYTES_PER_SECOND", "off"),
];

fn found_and_repaired(registry: &Registry, settings: &[(String, String)], bytes: &Bytes<'_>) -> Result<()> {
    let client = Client(registry.address()?);
    let pushed = (0..8).map(|number| client.push(number)).collect::<Result<Vec<_>>>()?;
    let (data, base) = (registry.data(), tempfile::tempdir()?);
    let (data, base) = (shown(&data)?, shown(base.path())?);
    let scrub = ["scrub", "--data-dir", data];
    println!("{}", succeed(settings, &scrub)?.trim_end());
    succeed(settings, &["backup", "--to", base, "--data-dir", data])?;

    // The small one has been pulled, and is in memory.
    let (flipped, cut, gone, small) = (own_layer(1), own_layer(2), own_layer(3), own_layer(7));
    expect(registry, &pushed[7])?;
    bytes.change(&flipped, |bytes| bytes[20_000] ^= 1)?;
    bytes.change(&cut, |bytes| bytes.truncate(10_000))?;
    bytes.lose(&gone)?;
    bytes.change(&small, |bytes| bytes[0] ^= 0x80)?;
    let damaged = [&flipped, &cut, &gone, &small];

    let said = fail(settings, &scrub)?;
    println!("{}", said.trim_end());
    for digest in damaged {
        ensure!(said.contains(digest.as_str()), "{digest} was not found:\n{said}");
    }
    ensure!(said.contains("4 were damaged, 0 were repaired") && said.contains("4 blobs are in quarantine"), "{said}");
    refused(client, &pushed, &damaged)?;
    let kept = bytes.kept()?;
    // Of the one that was lost there is nothing.
    ensure!(kept == 3, "{kept} were kept");
    let doctor = fail(settings, &["doctor", "--data-dir", data])?;
    ensure!(doctor.contains("no blob is in quarantine") && doctor.contains(&gone), "{doctor}");

    // A mount is not made, and the same bytes take it out again.
    let name = &pushed[1].repository;
    client.ask(&post(format!("/v2/acme/other/blobs/uploads/?mount={flipped}&from={name}")))?.expect(202)?;
    client.push(1)?;
    expect(registry, &pushed[1])?;

    let said = succeed(settings, &["scrub", "--repair-from", base, "--data-dir", data])?;
    ensure!(said.contains("0 were damaged, 3 were repaired"), "{said}");
    pushed.iter().try_for_each(|pushed| expect(registry, pushed))?;
    let said = succeed(settings, &["doctor", "--thorough", "--data-dir", data])?;
    ensure!(said.contains("nothing is wrong"), "{said}");

    // What was damaged is kept, whatever the purge does.
    std::thread::sleep(Duration::from_secs(2));
    ensure!(bytes.kept()? == kept, "what was damaged is gone");
    Ok(())
}

/// Of what is damaged nobody gets a byte, and all else is as it was.
fn refused(client: Client, pushed: &[Pushed], damaged: &[&String]) -> Result<()> {
    for pushed in pushed {
        for (digest, bytes) in &pushed.blobs {
            let path = format!("/v2/{}/blobs/{digest}", pushed.repository);
            // Other processes learn of it within a second.
            std::thread::sleep(Duration::from_millis(if damaged.contains(&digest) { 1_200 } else { 0 }));
            let whole = client.ask(&get(&path))?;
            let part = client.ask(&get(&path).header("Range", "bytes=0-9"))?;
            let headed = client.ask(&head(&path))?;
            if damaged.contains(&digest) {
                ensure!(whole.status == 404 && whole.code()? == "BLOB_UNKNOWN", "{} {}", whole.status, whole.text());
                ensure!(whole.text().contains("are damaged"), "{}", whole.text());
                ensure!((part.status, headed.status) == (404, 404), "{} {}", part.status, headed.status);
            } else {
                ensure!(whole.status == 200 && whole.body == *bytes, "{digest}: {}", whole.status);
                ensure!((part.status, headed.status) == (206, 200), "{} {}", part.status, headed.status);
            }
        }
    }
    Ok(())
}

#[test]
fn it_goes_on_where_it_was_killed_and_also_without_a_registry() -> Result<()> {
    // The blobs together take some twenty seconds.
    let settings = [("ENTREPOT_SCRUB_EVERY", "off"), ("ENTREPOT_SCRUB_BYTES_PER_SECOND", "64KiB")];
    let mut registry = Registry::of(&binary()?, &settings, tempfile::tempdir()?)?;
    let client = Client(registry.address()?);
    let pushed = (0..12).map(|number| client.push(number)).collect::<Result<Vec<_>>>()?;
    let data = registry.data();
    let data = shown(&data)?;
    Bytes::Files(registry.data()).change(&own_layer(5), |bytes| bytes[77] ^= 4)?;
    let mut asking = crate::command::entrepot(&[], &["scrub", "--data-dir", data])?.spawn()?;
    // It is written down every few seconds.
    let begun = |said: &str| said.contains("under way: read") && !said.contains("read 0 blobs");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !begun(&text_of(&[], &["scrub", "--status", "--data-dir", data])?) {
        ensure!(Instant::now() < deadline, "it does not come to that");
        std::thread::sleep(Duration::from_millis(200));
    }
    registry.kill()?;
    asking.kill()?;
    asking.wait()?;
    let said = text_of(&[], &["scrub", "--status", "--data-dir", data])?;
    ensure!(begun(&said), "{said}");
    // Fast to its end, in the process of the command.
    let fast = [("ENTREPOT_SCRUB_BYTES_PER_SECOND".to_owned(), "off".to_owned())];
    let said = fail(&fast, &["scrub", "--data-dir", data])?;
    ensure!(said.contains("1 blobs are in quarantine") && said.contains(&own_layer(5)), "{said}");
    registry.restart()?;
    let client = Client(registry.address()?);
    let path = format!("/v2/{}/blobs/{}", pushed[5].repository, own_layer(5));
    client.ask(&head(&path))?.expect(404)?;
    client.push(5)?;
    pushed.iter().try_for_each(|pushed| expect(&registry, pushed))?;
    succeed(&fast, &["scrub", "--data-dir", data]).map(drop)
}

fn text_of(settings: &[(String, String)], arguments: &[&str]) -> Result<String> {
    Ok(crate::command::text(&crate::command::entrepot(settings, arguments)?.output()?))
}

#[test]
fn by_itself_it_finds_and_repairs() -> Result<()> {
    let base = tempfile::tempdir()?;
    let from = shown(base.path())?.to_owned();
    let directory = tempfile::tempdir()?;
    let settings = [("ENTREPOT_SCRUB_BYTES_PER_SECOND", "off"), ("ENTREPOT_SCRUB_REPAIR_FROM", from.as_str())];
    let mut registry = Registry::of(&binary()?, &settings, directory)?;
    let pushed = Client(registry.address()?).push(1)?;
    registry.command("backup").arg("--to").arg(base.path()).output()?;
    // The first scrub was over an empty registry, and the next is a month away.
    let bytes = Bytes::Files(registry.data());
    bytes.change(&own_layer(1), |bytes| bytes[9_000] ^= 1)?;
    let output = registry.command("scrub").output()?;
    ensure!(output.status.success(), "{}", crate::command::text(&output));
    let said = crate::command::text(&output);
    ensure!(said.contains("1 were damaged, 1 were repaired"), "{said}");
    expect(&registry, &pushed)?;
    let metrics = registry.ask(&get("/metrics"))?.expect(200)?.text();
    for line in ["entrepot_scrub_damaged_total 1", "entrepot_scrub_repaired_total 1", "entrepot_quarantined_blobs 0"] {
        ensure!(metrics.lines().any(|found| found == line), "{line}:\n{metrics}");
    }
    registry.wait_for_log(|line| line.contains("a blob was repaired from a backup"))?;
    Ok(())
}

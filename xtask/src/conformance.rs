//! `cargo xtask conformance`: the OCI distribution conformance suite against a real `entrepot serve`, or against several
//! replicas of one registry.

mod junit;
mod subject;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};
use entrepot_test_support::Component;

use crate::tools;
use junit::{Report, Status};
use subject::Subject;

/// What the suite leaves off by default or could leave off: every optional API and every kind of data is on.
const FLAGS: &[&str] = &[
    "OCI_API_PING",
    "OCI_API_PULL",
    "OCI_API_PUSH",
    "OCI_API_BLOBS_ATOMIC",
    "OCI_API_BLOBS_DELETE",
    "OCI_API_BLOBS_DIGEST_HEADER",
    "OCI_API_BLOBS_MOUNT_ANONYMOUS",
    "OCI_API_BLOBS_UPLOAD_CANCEL",
    "OCI_API_MANIFESTS_ATOMIC",
    "OCI_API_MANIFESTS_DELETE",
    "OCI_API_MANIFESTS_DIGEST_HEADER",
    "OCI_API_MANIFESTS_TAG_PARAM",
    "OCI_API_TAGS_ATOMIC",
    "OCI_API_TAGS_DELETE",
    "OCI_API_TAGS_LIST",
    "OCI_API_REFERRER",
    "OCI_DATA_IMAGE",
    "OCI_DATA_INDEX",
    "OCI_DATA_INDEX_LIST",
    "OCI_DATA_SPARSE",
    "OCI_DATA_ARTIFACT",
    "OCI_DATA_SUBJECT",
    "OCI_DATA_SUBJECT_MISSING",
    "OCI_DATA_ARTIFACT_LIST",
    "OCI_DATA_SUBJECT_LIST",
    "OCI_DATA_DATA_FIELD",
    "OCI_DATA_NONDISTRIBUTABLE",
    "OCI_DATA_CUSTOM_FIELDS",
    "OCI_DATA_NO_LAYERS",
    "OCI_DATA_EMPTY_BLOB",
    "OCI_DATA_SHA512",
];

/// Runs the OCI conformance suite with every optional test on
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The version of the distribution spec
    #[arg(long, value_enum, default_value_t = Spec::Both)]
    spec: Spec,
    /// Over so many replicas behind nginx, with PostgreSQL and an S3 server, instead of one process with its own disk
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "registry")]
    replicas: Option<u16>,
    /// Tests the registry that runs there over HTTP instead of starting one
    #[arg(long, value_name = "HOST:PORT", hide = true)]
    registry: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Spec {
    /// The newest release
    #[value(name = "1.1")]
    Release,
    /// What the main branch adds
    Dev,
    /// One after the other
    Both,
}

impl Spec {
    fn versions(self) -> &'static [&'static str] {
        match self {
            Self::Release => &["1.1"],
            Self::Dev => &["dev"],
            Self::Both => &["1.1", "dev"],
        }
    }
}

impl Arguments {
    fn subject(&self) -> Result<Subject> {
        match (&self.registry, self.replicas) {
            (Some(address), _) => Ok(Subject::Elsewhere(address.clone())),
            (None, Some(count)) => Subject::replicas(usize::from(count)),
            (None, None) => Subject::one(),
        }
    }

    fn results_name(&self, version: &str) -> String {
        match self.replicas {
            Some(count) => format!("{version}-replicas-{count}"),
            None => version.to_owned(),
        }
    }
}

/// Runs the suite; any failure or error in it is an error here.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let suite = suite()?;
    if arguments.registry.is_none() {
        build_entrepot()?;
    }
    let mut failed = Vec::new();
    for version in arguments.spec.versions() {
        let results = results_directory(&arguments.results_name(version))?;
        // Each version starts from an empty registry.
        let subject = arguments.subject()?;
        let report = run_suite(&suite, &subject.address(), version, &results)?;
        print!("{}", summary(version, &report, &results));
        if let Some(spread) = subject.spread()? {
            println!("  {spread}");
        }
        if report.failures + report.errors > 0 {
            failed.push(*version);
        }
    }
    anyhow::ensure!(failed.is_empty(), "the registry does not conform to: {}", failed.join(", "));
    Ok(())
}

fn suite() -> Result<PathBuf> {
    let component = Component::named("conformance").context("the conformance suite is not among the components")?;
    if component.locate().is_none() {
        tools::install(&[component])?;
    }
    component.locate().context("the conformance suite is not installed")
}

fn build_entrepot() -> Result<()> {
    if env::var_os("ENTREPOT_BIN").is_some() {
        return Ok(());
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["build", "--quiet", "--package", "entrepot"]).status()?;
    anyhow::ensure!(status.success(), "cargo build --package entrepot failed ({status})");
    Ok(())
}

/// An empty directory in the target directory, which the running task is in.
fn results_directory(name: &str) -> Result<PathBuf> {
    let own = env::current_exe()?;
    let target = own.ancestors().nth(2).context("this task does not run from a target directory")?;
    let results = target.join("conformance").join(name);
    if results.exists() {
        fs::remove_dir_all(&results)?;
    }
    fs::create_dir_all(&results)?;
    Ok(results)
}

fn run_suite(suite: &Path, registry: &str, version: &str, results: &Path) -> Result<Report> {
    let mut command = Command::new(suite);
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OCI_")) {
        command.env_remove(name);
    }
    let log = fs::File::create(results.join("output.txt"))?;
    command
        .envs(FLAGS.iter().map(|flag| (flag, "true")))
        .env("OCI_VERSION", version)
        .env("OCI_REGISTRY", registry)
        .env("OCI_TLS", "disabled")
        .env("OCI_LOG", "error")
        .env("OCI_RESULTS_DIR", results)
        // Where no configuration file lies about that could change what is tested.
        .current_dir(results)
        .stdout(log.try_clone()?)
        .stderr(log);
    // The exit code is no help: it is 0 if the suite could not even start. The report tells.
    command.status().with_context(|| format!("cannot run {}", suite.display()))?;
    let Ok(text) = fs::read_to_string(results.join("junit.xml")) else {
        bail!("the suite wrote no report; what it said is in {}", results.join("output.txt").display());
    };
    let report = Report::parse(&text)?;
    anyhow::ensure!(report.passed() > 0, "no test of the suite passed: is the registry at {registry} up?");
    Ok(report)
}

fn summary(version: &str, report: &Report, results: &Path) -> String {
    use std::fmt::Write as _;
    let mut text = format!(
        "OCI distribution-spec {version}: {} passed, {} failed, {} skipped, {} errors, {} disabled ({} in all); {}\n",
        report.passed(),
        report.failures,
        report.skipped,
        report.errors,
        report.disabled,
        report.tests,
        results.display()
    );
    for case in &report.cases {
        let word = match case.status {
            Status::Passed => continue,
            Status::Skipped => "skipped",
            Status::Failed => "FAILED",
            Status::Error => "ERROR",
        };
        // Writing to a String cannot fail.
        _ = writeln!(text, "  {word}: {}\n    {}", case.name, case.reason.trim().replace('\n', "\n    "));
    }
    text
}

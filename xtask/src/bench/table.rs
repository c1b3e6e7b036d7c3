//! Figures as text: for the terminal while it runs, and as Markdown at the end.

use std::time::Duration;

use super::judge::{Results, Verdict};
use super::load::{Load, Unit};
use super::session::{Figure, Outcome};

/// One measurement as a line for the terminal.
pub(super) fn line(outcome: &Outcome) -> String {
    let cells = Cells::of(outcome);
    let name = outcome.work.name();
    let mut line = format!("{name:<13} {:>14}", cells.rate);
    if !cells.cpu.is_empty() {
        let Cells { p50, p99, cpu, client_cpu, .. } = &cells;
        line.push_str(&format!("  p50 {p50}  p99 {p99}  CPU {cpu} (client {client_cpu})"));
    }
    if !cells.peak.is_empty() {
        line.push_str(&format!("  peak {}", cells.peak));
    }
    let note = note(outcome);
    if !note.is_empty() {
        line.push_str(&format!("  [{note}]"));
    }
    line
}

/// The table of all measurements, one row a piece of work and candidate.
pub(super) fn measurements(results: Results<'_>) -> String {
    let mut rows: Vec<&Outcome> = results.outcomes.iter().collect();
    let backends = rows.iter().any(|outcome| outcome.candidate.uses_s3() || outcome.candidate.uses_postgres());
    rows.sort_by_key(|outcome| (outcome.work, outcome.candidate));
    // A column of its own, where there is something to say in it.
    let (head, rule) = if backends { (" backends' CPU |", " --: |") } else { ("", "") };
    let mut text = format!(
        "| work | candidate | rate | p50 | p99 | server CPU |{head} client CPU | peak memory | CPU ratio | rate ratio | |\n\
         | --- | --- | --: | --: | --: | --: |{rule} --: | --: | --: | --: | --- |\n",
    );
    for outcome in rows {
        let Cells { rate, p50, p99, cpu, backends_cpu, client_cpu, peak } = Cells::of(outcome);
        let backends_cpu = if backends { format!(" {backends_cpu} |") } else { String::new() };
        let (mut cpu_ratio, mut rate_ratio) = (String::new(), String::new());
        if let Figure::Load(load) = &outcome.figure {
            cpu_ratio = ratio(load.cpu_per_unit(), results.reference_cpu(outcome.work));
            rate_ratio = ratio(load.rate(), results.reference_rate(outcome.work));
        }
        let (work, candidate, note) = (outcome.work.name(), outcome.candidate.name(), note(outcome));
        text.push_str(&format!(
            "| {work} | {candidate} | {rate} | {p50} | {p99} | {cpu} |{backends_cpu} {client_cpu} | {peak} | {cpu_ratio} | \
             {rate_ratio} | {note} |\n"
        ));
    }
    text
}

/// The table of the aims.
pub(super) fn aims(verdicts: &[Verdict]) -> String {
    let mut text = String::from("| work | candidate | aim | measured | met |\n| --- | --- | --- | --: | --- |\n");
    for Verdict { work, candidate, aim, measured, met } in verdicts {
        let met = match met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "?",
        };
        text.push_str(&format!("| {} | {} | {aim} | {measured} | {met} |\n", work.name(), candidate.name()));
    }
    text
}

/// The note of a row, and how much the machine did besides, where that can have changed the figures.
fn note(outcome: &Outcome) -> String {
    /// Processors kept busy by others above which a row says so.
    const CALM: f64 = 0.15;
    let Figure::Load(load) = &outcome.figure else { return outcome.note.clone() };
    if load.disturbance() < CALM {
        return outcome.note.clone();
    }
    let separator = if outcome.note.is_empty() { "" } else { "; " };
    format!("{}{separator}others kept {:.1} processors busy", outcome.note, load.disturbance())
}

/// The columns of a row that follow from the figure alone.
pub(super) struct Cells {
    /// Units a second, or a time.
    pub(super) rate: String,
    /// The middle latency.
    pub(super) p50: String,
    /// The latency of one in a hundred.
    pub(super) p99: String,
    /// The server's processor time a unit.
    pub(super) cpu: String,
    /// The same of its database and store.
    pub(super) backends_cpu: String,
    /// The same of the load generator.
    client_cpu: String,
    /// Memory.
    peak: String,
}

impl Cells {
    /// The columns of `outcome`.
    pub(super) fn of(outcome: &Outcome) -> Self {
        let empty = String::new;
        match &outcome.figure {
            Figure::Load(load) => Self {
                rate: rate(load),
                p50: duration(load.percentile(0.5)),
                p99: duration(load.percentile(0.99)),
                cpu: cost(load.cpu_per_unit(), load.unit),
                backends_cpu: cost(load.backends_cpu_per_unit(), load.unit),
                client_cpu: cost(load.client_cpu_per_unit(), load.unit),
                peak: mebibytes(load.peak_bytes),
            },
            Figure::Memory(bytes) => Self {
                rate: empty(),
                p50: empty(),
                p99: empty(),
                cpu: empty(),
                backends_cpu: empty(),
                client_cpu: empty(),
                peak: mebibytes(*bytes),
            },
            Figure::Time(took) => Self {
                rate: duration(*took),
                p50: empty(),
                p99: empty(),
                cpu: empty(),
                backends_cpu: empty(),
                client_cpu: empty(),
                peak: empty(),
            },
        }
    }
}

fn rate(load: &Load) -> String {
    match load.unit {
        Unit::Operation => format!("{:.0}/s", load.rate()),
        Unit::Gibibyte => format!("{:.0} MiB/s", load.rate() * 1024.0),
    }
}

fn cost(seconds: f64, unit: Unit) -> String {
    match unit {
        Unit::Operation => format!("{:.1} µs", seconds * 1e6),
        Unit::Gibibyte => format!("{seconds:.3} s/GiB"),
    }
}

/// A time in the unit that suits it.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 1.0 {
        format!("{seconds:.2} s")
    } else if seconds >= 1e-3 {
        format!("{:.2} ms", seconds * 1e3)
    } else {
        format!("{:.0} µs", seconds * 1e6)
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}

fn ratio(mine: f64, reference: Option<f64>) -> String {
    reference
        .filter(|&reference| reference > 0.0)
        .map(|reference| format!("{:.3}", mine / reference))
        .unwrap_or_default()
}

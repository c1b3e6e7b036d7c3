//! What one piece of work cost: gathered around it, server and load generator apart.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::process_tree::{machine_busy, own_cpu};
use super::server::Server;

/// Bytes in a GiB.
pub(super) const GIBIBYTE: f64 = 1024.0 * 1024.0 * 1024.0;

/// What the amount of work is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Requests, or whole pushes of an image.
    Operation,
    /// GiB of blob bytes.
    Gibibyte,
}

/// The cost of a piece of work.
#[derive(Debug, Clone)]
pub(super) struct Load {
    /// What `amount` counts.
    pub(super) unit: Unit,
    /// How much was done.
    pub(super) amount: f64,
    /// Wall time from the first request to the last answer.
    pub(super) elapsed: Duration,
    /// User and system time of the server's processes.
    pub(super) server_cpu: Duration,
    /// User and system time of the servers that the server keeps its data in.
    pub(super) backends_cpu: Duration,
    /// User and system time of the load generator.
    pub(super) client_cpu: Duration,
    /// Processor time that the machine spent on everything else, its own kernel threads and its host included.
    pub(super) other_cpu: Duration,
    /// Time of each operation, shortest first.
    pub(super) latencies: Vec<Duration>,
    /// Peak resident memory of the server while it worked, in bytes.
    pub(super) peak_bytes: u64,
}

impl Load {
    /// Units a second.
    pub(super) fn rate(&self) -> f64 {
        self.amount / self.elapsed.as_secs_f64()
    }

    /// Seconds of the server's processor time a unit.
    pub(super) fn cpu_per_unit(&self) -> f64 {
        self.server_cpu.as_secs_f64() / self.amount
    }

    /// Seconds of processor time of its database and store a unit.
    pub(super) fn backends_cpu_per_unit(&self) -> f64 {
        self.backends_cpu.as_secs_f64() / self.amount
    }

    /// Seconds of the load generator's processor time a unit.
    pub(super) fn client_cpu_per_unit(&self) -> f64 {
        self.client_cpu.as_secs_f64() / self.amount
    }

    /// Counts `other`, a later part of the same work, in.
    pub(super) fn add(&mut self, other: Self) {
        self.amount += other.amount;
        self.elapsed += other.elapsed;
        self.server_cpu += other.server_cpu;
        self.backends_cpu += other.backends_cpu;
        self.client_cpu += other.client_cpu;
        self.other_cpu += other.other_cpu;
        self.latencies.extend(other.latencies);
        self.latencies.sort_unstable();
        self.peak_bytes = self.peak_bytes.max(other.peak_bytes);
    }

    /// How many processors everything else on the machine kept busy: what disturbed the measurement.
    pub(super) fn disturbance(&self) -> f64 {
        self.other_cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    /// The time within which `share` (0 to 1) of the operations were done, by nearest rank.
    pub(super) fn percentile(&self, share: f64) -> Duration {
        let count = self.latencies.len();
        // A rank is far below 2^52, so nothing is lost on the way through f64.
        let rank = (share * count as f64).ceil() as usize;
        self.latencies.get(rank.clamp(1, count.max(1)) - 1).copied().unwrap_or_default()
    }
}

/// The clocks at the beginning of a piece of work.
#[derive(Debug)]
pub(super) struct Gauge<'a> {
    server: &'a Server,
    server_cpu: Duration,
    backends_cpu: Duration,
    client_cpu: Duration,
    machine_busy: Duration,
    started: Instant,
}

impl<'a> Gauge<'a> {
    /// Lets the machine come to rest, then reads the clocks.
    pub(super) async fn start(server: &'a Server) -> Result<Self> {
        rest().await?;
        server.processes().reset_peak()?;
        let server_cpu = server.processes().cpu()?;
        let backends_cpu = server.backends_cpu()?;
        let machine_busy = machine_busy()?;
        Ok(Self { server, server_cpu, backends_cpu, client_cpu: own_cpu()?, machine_busy, started: Instant::now() })
    }

    /// Reads the clocks again, after `amount` units whose operations took `latencies`.
    pub(super) fn finish(self, unit: Unit, amount: f64, mut latencies: Vec<Duration>) -> Result<Load> {
        let elapsed = self.started.elapsed();
        let server_cpu = self.server.processes().cpu()?.saturating_sub(self.server_cpu);
        let client_cpu = own_cpu()?.saturating_sub(self.client_cpu);
        let backends_cpu = self.server.backends_cpu()?.saturating_sub(self.backends_cpu);
        let busy = machine_busy()?.saturating_sub(self.machine_busy);
        let other_cpu = busy.saturating_sub(server_cpu + backends_cpu + client_cpu);
        latencies.sort_unstable();
        let peak_bytes = self.server.processes().peak_bytes()?;
        Ok(Load { unit, amount, elapsed, server_cpu, backends_cpu, client_cpu, other_cpu, latencies, peak_bytes })
    }
}

/// Waits until earlier writes are on disk and the machine is calm, so that neither slows what is measured next.
pub(super) async fn rest() -> Result<()> {
    nix::unistd::sync();
    calm().await
}

/// Waits until the whole machine has been nearly idle for a moment; not for ever, as another program may stay busy: a
/// row that it disturbs says so.
async fn calm() -> Result<()> {
    const MOMENT: Duration = Duration::from_millis(250);
    /// Processor time of a moment that counts as nearly idle.
    const IDLE: Duration = Duration::from_millis(20);
    const LIMIT: Duration = Duration::from_secs(20);
    let started = Instant::now();
    loop {
        let before = machine_busy()?;
        tokio::time::sleep(MOMENT).await;
        if machine_busy()?.saturating_sub(before) <= IDLE || started.elapsed() > LIMIT {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Load, Unit};

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let mut load = Load {
            unit: Unit::Operation,
            amount: 4.0,
            elapsed: Duration::from_secs(2),
            server_cpu: Duration::from_secs(1),
            backends_cpu: Duration::ZERO,
            client_cpu: Duration::ZERO,
            other_cpu: Duration::ZERO,
            latencies: (1..=4).map(Duration::from_secs).collect(),
            peak_bytes: 0,
        };
        assert_eq!(load.percentile(0.5), Duration::from_secs(2));
        assert_eq!(load.percentile(0.99), Duration::from_secs(4));
        assert_eq!((load.rate(), load.cpu_per_unit()), (2.0, 0.25));
        load.latencies.clear();
        assert_eq!(load.percentile(0.5), Duration::ZERO);
    }
}

//! How fast bytes are read that nobody waits for.

use std::time::Duration;

use tokio::time::Instant;

/// So many bytes a second; by default as many as it can be.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    bytes_per_second: Option<u64>,
    /// When what was read so far is paid for.
    paid_at: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Pace {
    /// As fast as that, or as fast as it goes.
    pub(crate) fn new(bytes_per_second: Option<u64>) -> Self {
        Self { bytes_per_second, paid_at: Instant::now() }
    }

    /// Waits until `bytes` more are paid for.
    pub(crate) async fn take(&mut self, bytes: u64) {
        let Some(rate) = self.bytes_per_second else { return };
        // What was not read while it could have been is not made up for later.
        let from = self.paid_at.max(Instant::now());
        self.paid_at = from + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        tokio::time::sleep_until(self.paid_at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_cost_time() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(1000));
        for _ in 0..10 {
            pace.take(500).await;
        }
        assert_eq!(start.elapsed().as_secs(), 5);
        tokio::time::sleep(Duration::from_secs(100)).await;
        let again = Instant::now();
        pace.take(2000).await;
        assert_eq!(again.elapsed().as_secs(), 2, "a pause is no credit");
        Pace::default().take(u64::MAX).await;
    }
}

//! The closed loop: every connection sends its next request as soon as the last one is answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use super::connection::Connection;

/// A request and what its answer must look like.
#[derive(Debug)]
pub(super) struct Exchange {
    /// The request, ready to send.
    pub(super) request: Vec<u8>,
    /// The status it must get.
    pub(super) status: u16,
    /// The body it must get.
    pub(super) body: Vec<u8>,
}

impl Exchange {
    /// Sends the request once and compares the whole body.
    pub(super) async fn verify(&self, connection: &mut Connection) -> Result<()> {
        let response = connection.exchange(&self.request).await?;
        response.expect(self.status, &self.line())?;
        ensure!(response.body == self.body, "{}: the body is not what was pushed", self.line());
        Ok(())
    }

    /// The request line, for messages.
    fn line(&self) -> String {
        let end = self.request.iter().position(|&byte| byte == b'\r').unwrap_or(self.request.len());
        String::from_utf8_lossy(&self.request[..end]).into_owned()
    }
}

/// Sends `exchanges` in turn, each of `connections` beginning at another one, for `duration`, checking status and length of every answer.
/// Returns the connections and the time of each operation.
pub(super) async fn repeat(
    connections: Vec<Connection>,
    exchanges: &Arc<[Exchange]>,
    duration: Duration,
) -> Result<(Vec<Connection>, Vec<Duration>)> {
    let deadline = Instant::now() + duration;
    let mut tasks = JoinSet::new();
    let apart = exchanges.len().div_ceil(connections.len().max(1));
    for (number, mut connection) in connections.into_iter().enumerate() {
        let exchanges = Arc::clone(exchanges);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            let mut sent = Instant::now();
            for exchange in exchanges.iter().cycle().skip(number * apart) {
                let response = connection.exchange(&exchange.request).await?;
                response.expect(exchange.status, "repeated request")?;
                ensure!(response.body.len() == exchange.body.len(), "{}: the body changed", exchange.line());
                let answered = Instant::now();
                latencies.push(answered - sent);
                if answered >= deadline {
                    break;
                }
                sent = answered;
            }
            Ok::<_, anyhow::Error>((connection, latencies))
        });
    }
    let (mut connections, mut all) = (Vec::new(), Vec::new());
    while let Some(done) = tasks.join_next().await {
        let (connection, latencies) = done??;
        connections.push(connection);
        all.extend(latencies);
    }
    Ok((connections, all))
}

/// Waits for `tasks` and puts their latencies together.
pub(super) async fn all_latencies(mut tasks: JoinSet<Result<Vec<Duration>>>) -> Result<Vec<Duration>> {
    let mut all = Vec::new();
    while let Some(latencies) = tasks.join_next().await {
        all.extend(latencies??);
    }
    Ok(all)
}

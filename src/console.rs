//! The console.

use crate::feed::Update;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// How many alerts are listed.
    pub max_alerts: usize,
    /// Of how many of them the evidence is kept.
    pub max_evidence: usize,
    /// How many events the tail keeps.
    pub max_events: usize,
    /// Whether times are shown in UTC.
    pub utc: bool,
    /// The listeners, for the empty state.
    pub listeners: Vec<String>,
    /// Whether this is a replay.
    pub is_replay: bool,
}

/// Runs it.
pub async fn run(
    _updates: mpsc::Receiver<Arc<Update>>,
    mut shutdown: watch::Receiver<bool>,
    _config: Config,
) -> std::io::Result<()> {
    let _ = shutdown.wait_for(|is_ending| *is_ending).await;
    Ok(())
}

//! The beginning of a run: every listener is bound, or the replay begins, and the clock ticks. The first address that is taken
//! ends the program.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::interval;
use tracing::info;

use crate::app::failure::Failure;
use crate::app::metrics_server;
use crate::app::session::{Mode, Session};
use crate::config::ListenUrl;
use crate::feed::status::Status;
use crate::input::replay::Recording;
use crate::input::steering::Controls;
use crate::input::{self, Context, clock, replay, tcp, udp};
use crate::intake::{Intake, ListenerId};

/// How often the collector is told that time passes. With the half second in which a status is told to consoles elsewhere it stays
/// below the second in which a loss has to show; more often costs an idle collector a tenth of a percent of a core.
const TICK: Duration = Duration::from_millis(400);
/// How many wishes may wait for the replay.
const WISHES: usize = 16;

impl Session {
    fn context(&self, listener: u16) -> Context {
        let limits = &self.plan.config.limits;
        let config = input::Config {
            max_frame: limits.max_frame,
            max_connections: limits.max_connections,
            idle_flush: limits.idle_flush,
            udp_receive_buffer: limits.udp_receive_buffer,
        };
        Context {
            listener: ListenerId(listener),
            config: Arc::new(config),
            intake: self.intake.clone(),
            rules: self.rules.subscribe(),
            shutdown: self.shutdown.subscribe(),
        }
    }

    /// Binds everything; the first address that is taken ends the program.
    pub(super) async fn bind(&mut self) -> Result<Option<JoinHandle<()>>, Failure> {
        let _ = self.intake.send(Intake::Tick(clock::now())).await;
        self.tick();
        let is_ready = watch::Sender::new(false);
        let metrics = match self.plan.config.metrics {
            Some(address) => Some(bind_metrics(address, self.status.clone(), is_ready.subscribe()).await?),
            None => None,
        };
        match self.plan.mode.clone() {
            Mode::Replay(recording) => self.bind_replay(recording).await,
            Mode::Live => {
                for (number, url) in self.plan.config.inputs.clone().into_iter().enumerate() {
                    self.bind_listener(number as u16, url).await?;
                }
            }
        }
        is_ready.send_replace(true);
        Ok(metrics)
    }

    /// Tells the collector that time passes, until the end.
    fn tick(&self) {
        let intake = self.intake.downgrade();
        tokio::spawn(async move {
            let mut ticks = interval(TICK);
            loop {
                ticks.tick().await;
                let Some(intake) = intake.upgrade() else { return };
                if intake.send(Intake::Tick(clock::now())).await.is_err() {
                    return;
                }
            }
        });
    }

    async fn bind_replay(&mut self, recording: Recording) {
        let context = self.context(0);
        let listening = Intake::Listening { listener: context.listener, url: "replay".to_owned() };
        let _ = self.intake.send(listening).await;
        let (steer, wishes) = mpsc::channel(WISHES);
        self.steer = Some(steer);
        let controls = Controls { wishes, taken: self.taken.clone() };
        self.inputs.spawn(async move { replay::run(recording, context, controls).await.map_err(|error| error.to_string()) });
    }

    async fn bind_listener(&mut self, number: u16, url: ListenUrl) -> Result<(), Failure> {
        let context = self.context(number);
        let failed = |error: std::io::Error| Failure::Run(format!("cannot listen on {url}: {error}"));
        let bound = match url {
            ListenUrl::Tcp(address) => {
                let listener = TcpListener::bind(address).await.map_err(failed)?;
                let bound = ListenUrl::Tcp(listener.local_addr().map_err(failed)?);
                let context = context.clone();
                self.inputs.spawn(async move {
                    tcp::serve(listener, context).await;
                    Ok(())
                });
                bound
            }
            ListenUrl::Udp(address) => {
                let socket = UdpSocket::bind(address).await.map_err(failed)?;
                udp::prepare(&socket, context.config.udp_receive_buffer);
                let bound = ListenUrl::Udp(socket.local_addr().map_err(failed)?);
                let context = context.clone();
                self.inputs.spawn(async move {
                    udp::serve(socket, context).await;
                    Ok(())
                });
                bound
            }
        };
        let _ = self.intake.send(Intake::Listening { listener: context.listener, url: bound.to_string() }).await;
        info!("listening {bound}");
        Ok(())
    }
}

async fn bind_metrics(
    address: std::net::SocketAddr,
    status: watch::Receiver<Arc<Status>>,
    is_ready: watch::Receiver<bool>,
) -> Result<JoinHandle<()>, Failure> {
    let failed = |error: std::io::Error| Failure::Run(format!("cannot listen on {address} for metrics: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    info!("listening http://{}", listener.local_addr().map_err(failed)?);
    Ok(tokio::spawn(metrics_server::serve(listener, status, is_ready)))
}

//! `/metrics`, `/healthz` and `/readyz` over HTTP.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::collector::metrics;
use crate::feed::status::Status;

/// How many requests are served at once; more wait.
const MAX_CONNECTIONS: usize = 64;

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, status: watch::Receiver<Arc<Status>>, is_ready: watch::Receiver<bool>) {
    let permits = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let (status, is_ready) = (status.clone(), is_ready.clone());
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let response = answer(request.method(), request.uri().path(), &status, &is_ready);
                async move { Ok::<_, Infallible>(response) }
            });
            let mut server = hyper::server::conn::http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
            // A client that breaks off is no concern of ours.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
            drop(permit);
        });
    }
}

fn answer(
    method: &Method,
    path: &str,
    status: &watch::Receiver<Arc<Status>>,
    is_ready: &watch::Receiver<bool>,
) -> Response<Full<Bytes>> {
    let text = "text/plain; charset=utf-8";
    if method != Method::GET && method != Method::HEAD {
        return respond(StatusCode::METHOD_NOT_ALLOWED, text, "only GET\n".to_owned());
    }
    match path {
        "/metrics" => {
            let page = metrics::prometheus(&status.borrow().counters, env!("CARGO_PKG_VERSION"));
            respond(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", page)
        }
        "/healthz" => respond(StatusCode::OK, text, "ok\n".to_owned()),
        "/readyz" if *is_ready.borrow() => respond(StatusCode::OK, text, "ready\n".to_owned()),
        "/readyz" => respond(StatusCode::SERVICE_UNAVAILABLE, text, "not ready\n".to_owned()),
        _ => respond(StatusCode::NOT_FOUND, text, "here are /metrics, /healthz and /readyz\n".to_owned()),
    }
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    response
}

//! The connection to one SMS-C, made again and again.

use crate::session::{Ended, Session};
use crate::smsc_config::Smsc;
use cx_protocol::Backoff;
use ims_runtime::node::Asker;
use sms_gateway::{Ask, Told};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

/// How long an SMS-C may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// A session that has lasted so long was a good one.
const LASTING: Duration = Duration::from_secs(10);

/// One SMS-C, and the gateway.
#[derive(Debug)]
pub(crate) struct Link {
    smsc: Smsc,
    /// From where we connect: an SMS-C may take us only from an address that it knows.
    local: Option<IpAddr>,
    asker: Asker<Ask, Told>,
    outgoing: Arc<Mutex<()>>,
}

impl Link {
    pub(crate) fn new(
        smsc: Smsc,
        local: Option<IpAddr>,
        asker: Asker<Ask, Told>,
        outgoing: Arc<Mutex<()>>,
    ) -> Self {
        let local = local.filter(|ip| ip.is_ipv4() == smsc.address.is_ipv4());
        Self { smsc, local, asker, outgoing }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let socket = if self.smsc.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(local) = self.local {
            socket.bind((local, 0).into())?;
        }
        let stream = socket.connect(self.smsc.address).await?;
        // Small messages that are waited for; where the option fails, they only take longer.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    /// Until the gateway ends.
    pub(crate) async fn run(self) {
        let (address, mut backoff) = (self.smsc.address, Backoff::new());
        loop {
            let connected = tokio::select! {
                () = self.asker.closed() => return,
                connected = timeout(CONNECT, self.connect()) => connected,
            };
            match connected.unwrap_or(Err(io::ErrorKind::TimedOut.into())) {
                Ok(stream) => {
                    let session = Session::new(stream.into_split(), &self.smsc, &self.asker, &self.outgoing);
                    let ended = session.run().await;
                    match ended {
                        Ended::Drained => return,
                        Ended::AfterBind(why, lasted) => {
                            // One that binds us and goes is no better than one that does not.
                            if lasted > LASTING {
                                backoff.reset();
                            }
                            tracing::warn!(%address, why, "the SMS-C is gone");
                        }
                        Ended::BeforeBind(why) => tracing::warn!(%address, why, "the SMS-C does not bind us"),
                    }
                }
                Err(error) => tracing::warn!(%address, %error, "no connection to the SMS-C"),
            }
            let mut jitter = [0; 2];
            // Without random octets gateways come back together, and no worse.
            let _ = getrandom::fill(&mut jitter);
            tokio::select! {
                () = self.asker.closed() => return,
                () = sleep(backoff.after_failure(u16::from_le_bytes(jitter))) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ims_runtime::node::inquiries;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn gw_an_sms_c_that_goes_is_connected_to_again_until_the_gateway_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let smsc = Smsc::of_tests(listener.local_addr().unwrap());
        let (asker, inquiries) = inquiries();
        let local = Some("127.0.0.1".parse().unwrap());
        let link = tokio::spawn(Link::new(smsc, local, asker, Arc::default()).run());
        // It goes at once, before it has bound anybody; then the next connection comes.
        for _ in 0..3 {
            drop(timeout(CONNECT * 4, listener.accept()).await.unwrap().unwrap());
        }
        drop(inquiries);
        timeout(CONNECT * 4, link).await.unwrap().unwrap();
    }
}

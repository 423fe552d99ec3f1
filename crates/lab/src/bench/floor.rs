//! What the machine itself takes for a message on loopback: no node can be faster than that.

use nix::time::{ClockId, clock_gettime};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// Bytes of a message: about those of a SUBSCRIBE on its way through a network.
const MESSAGE: usize = 1000;
/// Messages that are under way at a time.
const BURST: usize = 32;
/// How often that many are sent.
const BURSTS: usize = 1000;

/// CPU time, user and system, of one message.
#[derive(Debug, Clone, Copy)]
pub struct Floor {
    /// One datagram, sent with one call and received with one.
    pub datagram: Duration,
    /// One message over a TCP connection on which 32 leave with one call and are read with as few as there are.
    pub stream: Duration,
}

impl Floor {
    /// Measures both. Takes less than a second, and blocks.
    ///
    /// # Errors
    /// Those of the sockets.
    pub fn measure() -> io::Result<Self> {
        Ok(Self { datagram: datagrams()?, stream: stream()? })
    }
}

fn datagrams() -> io::Result<Duration> {
    let (from, to) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    let address = to.local_addr()?;
    let (message, mut buffer) = ([b'x'; MESSAGE], [0; 2 * MESSAGE]);
    each(|| {
        for _ in 0..BURST {
            from.send_to(&message, address)?;
        }
        for _ in 0..BURST {
            to.recv(&mut buffer)?;
        }
        Ok(())
    })
}

fn stream() -> io::Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut from = TcpStream::connect(listener.local_addr()?)?;
    let (mut to, _) = listener.accept()?;
    from.set_nodelay(true)?;
    let (burst, mut buffer) = ([b'x'; MESSAGE * BURST], [0; MESSAGE * BURST]);
    each(|| {
        from.write_all(&burst)?;
        to.read_exact(&mut buffer)
    })
}

/// CPU time of this thread for one message, where `burst` moves [`BURST`] of them.
fn each(mut burst: impl FnMut() -> io::Result<()>) -> io::Result<Duration> {
    // The first ones find nothing in any cache.
    (0..BURSTS / 10).try_for_each(|_| burst())?;
    let before = used()?;
    (0..BURSTS).try_for_each(|_| burst())?;
    let messages = u32::try_from(BURST * BURSTS).unwrap_or(u32::MAX);
    Ok((used()? - before) / messages)
}

fn used() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        write!(
            f,
            "floor: {MESSAGE} bytes on loopback take {:.2} us of CPU as a datagram, {:.2} us on a busy TCP connection",
            us(self.datagram),
            us(self.stream)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_costs_something_and_less_on_a_stream() {
        let floor = Floor::measure().unwrap();
        assert!(floor.stream > Duration::ZERO && floor.stream < floor.datagram, "{floor}");
    }
}

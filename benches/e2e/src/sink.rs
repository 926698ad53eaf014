//! What no server can do without: to take in a check's bytes and to say an answer's, looking at none of them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use crate::load::Span;
use crate::{GENERATOR_CORE, SERVERS_CORE, machine};

/// Bytes of an answer, which are fewer than of any real one.
const ANSWER: usize = 64;
/// Bytes that are read at once; of half as many, or twice, each costs more.
const ROOM: usize = 64 * 1024;

/// The least that a check of so many bytes costs, however it is answered: CPU time where it is taken in, by one system
/// call for many.
pub(crate) fn cost(check: usize, span: Span) -> anyhow::Result<Duration> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::scope(|scope| {
        let taking = scope.spawn(|| {
            machine::pin(SERVERS_CORE)?;
            take(listener.accept()?.0, check)
        });
        machine::pin(GENERATOR_CORE)?;
        give(&TcpStream::connect(address)?, span.measured)?;
        taking.join().map_err(|_| anyhow!("the sink failed"))?
    })
}

fn take(mut socket: TcpStream, check: usize) -> anyhow::Result<Duration> {
    let before = machine::cpu_time_of_this_thread()?;
    let mut room = vec![0; ROOM];
    let answers = vec![0; ROOM / check * ANSWER];
    let mut taken = 0;
    loop {
        let count = socket.read(&mut room)?;
        if count == 0 {
            break;
        }
        taken += count;
        socket.write_all(answers.get(..count / check * ANSWER).unwrap_or_default())?;
    }
    let spent = machine::cpu_time_of_this_thread()?.saturating_sub(before);
    Ok(spent.div_f64(f64::from(u32::try_from(taken / check)?)))
}

/// As fast as it is taken.
fn give(mut socket: &TcpStream, time: Duration) -> anyhow::Result<()> {
    socket.set_nonblocking(true)?;
    let mut room = vec![0; 4 * ROOM];
    let until = Instant::now() + time;
    while Instant::now() < until {
        for done in [socket.write(&room), socket.read(&mut room)] {
            match done {
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error.into()),
                Ok(_) | Err(_) => {}
            }
        }
    }
    // Ended with answers unread, the connection would be reset.
    socket.set_nonblocking(false)?;
    socket.shutdown(Shutdown::Write)?;
    while socket.read(&mut room)? > 0 {}
    Ok(())
}

//! A mail relay that takes everything and hands mails to whoever waits for them.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};

#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) wait: HashMap<String, oneshot::Sender<String>>,
    pub(crate) got: u64,
    pub(crate) lost: u64,
}
pub(crate) type Mail = Rc<RefCell<Inbox>>;

pub(crate) async fn smtp_conn(mut s: TcpStream, mail: Mail) -> std::io::Result<()> {
    s.set_nodelay(true)?;
    s.write_all(b"220 sink\r\n").await?;
    let mut buf: Vec<u8> = Vec::new();
    let mut rcpt: Vec<String> = vec![];
    let mut data = false;
    let mut tmp = [0u8; 16384];
    loop {
        let n = s.read(&mut tmp).await?;
        if n == 0 {
            return Ok(());
        }
        buf.extend_from_slice(&tmp[..n]);
        loop {
            if data {
                let Some(p) = buf.windows(5).position(|w| w == b"\r\n.\r\n") else {
                    break;
                };
                let body = String::from_utf8_lossy(&buf[..p]).into_owned();
                buf.drain(..p + 5);
                data = false;
                s.write_all(b"250 ok\r\n").await?;
                let mut m = mail.borrow_mut();
                for r in rcpt.drain(..) {
                    m.got += 1;
                    match m.wait.remove(&r) {
                        Some(tx) => {
                            let _ = tx.send(body.clone());
                        }
                        None => m.lost += 1,
                    }
                }
                continue;
            }
            let Some(p) = buf.windows(2).position(|w| w == b"\r\n") else {
                break;
            };
            let line = String::from_utf8_lossy(&buf[..p]).into_owned();
            buf.drain(..p + 2);
            let up = line.to_ascii_uppercase();
            if up.starts_with("EHLO") {
                s.write_all(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
                    .await?;
            } else if up.starts_with("RCPT") {
                if let (Some(a), Some(b)) = (line.find('<'), line.find('>')) {
                    rcpt.push(line[a + 1..b].to_ascii_lowercase());
                }
                s.write_all(b"250 ok\r\n").await?;
            } else if up.starts_with("DATA") {
                data = true;
                s.write_all(b"354 go\r\n").await?;
            } else if up.starts_with("QUIT") {
                s.write_all(b"221 bye\r\n").await?;
                return Ok(());
            } else {
                s.write_all(b"250 ok\r\n").await?;
            }
        }
    }
}

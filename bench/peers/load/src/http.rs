//! HTTP/1.1 on a kept connection, with as little work as possible.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) type Res<T> = Result<T, String>;

pub(crate) struct Http {
    base: String,
    s: Option<TcpStream>,
    buf: Vec<u8>,
}
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}
impl Reply {
    pub(crate) fn header(&self, k: &str) -> Option<&str> {
        self.head.lines().find_map(|l| {
            let (a, b) = l.split_once(':')?;
            a.eq_ignore_ascii_case(k).then(|| b.trim())
        })
    }
}
impl Http {
    pub(crate) fn new(base: &str) -> Http {
        Http {
            base: base.into(),
            s: None,
            buf: vec![],
        }
    }
    pub(crate) async fn call(&mut self, m: &str, path: &str, hdr: &str, body: &str) -> Res<Reply> {
        for attempt in 0..2 {
            let fresh = self.s.is_none();
            match tokio::time::timeout(Duration::from_secs(30), self.once(m, path, hdr, body)).await
            {
                Err(_) => {
                    self.s = None;
                    return Err("timeout".into());
                }
                Ok(Ok(r)) => return Ok(r),
                Ok(Err(e)) => {
                    self.s = None;
                    // a kept-alive connection may have been closed by the server: one retry
                    if fresh || attempt == 1 {
                        return Err(e);
                    }
                }
            }
        }
        unreachable!()
    }
    async fn once(&mut self, m: &str, path: &str, hdr: &str, body: &str) -> Res<Reply> {
        let e = |e: std::io::Error| e.to_string();
        if self.s.is_none() {
            let s = TcpStream::connect(&self.base).await.map_err(e)?;
            s.set_nodelay(true).map_err(e)?;
            self.s = Some(s);
        }
        let s = self.s.as_mut().unwrap();
        let ct = if body.is_empty() || hdr.contains("content-type") {
            ""
        } else {
            "content-type: application/json\r\n"
        };
        let host = &self.base;
        let req = format!(
            "{m} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: peerload\r\n{ct}content-length: {}\r\n{hdr}\r\n{body}",
            body.len()
        );
        s.write_all(req.as_bytes()).await.map_err(e)?;
        self.buf.clear();
        let mut tmp = [0u8; 16384];
        let hend = loop {
            if let Some(p) = self.buf.windows(4).position(|w| w == b"\r\n\r\n") {
                break p;
            }
            let n = s.read(&mut tmp).await.map_err(e)?;
            if n == 0 {
                return Err("closed".into());
            }
            self.buf.extend_from_slice(&tmp[..n]);
        };
        let head = String::from_utf8_lossy(&self.buf[..hend]).into_owned();
        let status: u16 = head
            .get(9..12)
            .and_then(|x| x.parse().ok())
            .ok_or("bad status line")?;
        let mut r = Reply {
            status,
            head,
            body: String::new(),
        };
        let mut rest = self.buf[hend + 4..].to_vec();
        if let Some(n) = r
            .header("content-length")
            .and_then(|x| x.parse::<usize>().ok())
        {
            while rest.len() < n {
                let k = s.read(&mut tmp).await.map_err(e)?;
                if k == 0 {
                    return Err("closed in body".into());
                }
                rest.extend_from_slice(&tmp[..k]);
            }
            r.body = String::from_utf8_lossy(&rest[..n]).into_owned();
        } else if r
            .header("transfer-encoding")
            .is_some_and(|x| x.contains("chunked"))
        {
            while !rest.ends_with(b"0\r\n\r\n") {
                let k = s.read(&mut tmp).await.map_err(e)?;
                if k == 0 {
                    return Err("closed in chunks".into());
                }
                rest.extend_from_slice(&tmp[..k]);
            }
            let mut out = vec![];
            let mut p = 0;
            while let Some(q) = rest[p..].windows(2).position(|w| w == b"\r\n") {
                let n = usize::from_str_radix(String::from_utf8_lossy(&rest[p..p + q]).trim(), 16)
                    .map_err(|x| x.to_string())?;
                if n == 0 {
                    break;
                }
                out.extend_from_slice(&rest[p + q + 2..p + q + 2 + n]);
                p += q + 2 + n + 2;
            }
            r.body = String::from_utf8_lossy(&out).into_owned();
        }
        if r.header("connection")
            .is_some_and(|x| x.eq_ignore_ascii_case("close"))
        {
            self.s = None;
        }
        Ok(r)
    }
}

//! T-H1: bytes that are hardly HTTP any more. Whatever comes, nothing breaks, and the next request
//! is answered. `REGAIN_TEST_ROUNDS=1000` runs a thousand times as many.

use std::net::SocketAddr;

use tokio::task::JoinSet;

use crate::app::TestApp;
use crate::app::raw::{exchange, exchange_and_leave};

/// Connections of one round; each has requests of its own.
const CONNECTIONS: u64 = 256;
/// Of which so many are open at once.
const AT_ONCE: usize = 16;

/// Numbers that look drawn and are the same in every run (xorshift64*).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap();
        usize::try_from((self.next() >> 11) % end).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

/// Pieces that parsers stumble over.
const PIECES: [&[u8]; 12] = [
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"transfer-encoding: chunked\r\n",
    b"content-length: 18446744073709551615\r\n",
    b"expect: 100-continue\r\n",
    b"ffffffffffffffff\r\n",
    b"%00%ff%",
    b"\xff\xfe\xf0\x9f",
    b"{\"a\":[[[[",
    b"HTTP/1.1",
];

/// Spoils a few places.
fn mutate(random: &mut Seeded, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] = random.byte(),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.drain(at..(at + 1 + random.below(8)).min(bytes.len()))),
            3 => bytes.insert(at, random.byte()),
            4 => {
                let piece = PIECES[random.below(PIECES.len())];
                drop(bytes.splice(at..at, piece.iter().copied()));
            }
            _ => {
                let copied = bytes[at..(at + random.below(64)).min(bytes.len())].to_vec();
                drop(bytes.splice(at..at, copied));
            }
        }
        if bytes.is_empty() {
            bytes.push(random.byte());
        }
    }
}

fn http1(random: &mut Seeded) -> Vec<u8> {
    const WHOLE: [&str; 6] = [
        "GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /oauth2/default/.well-known/openid-configuration?a=%20b HTTP/1.1\r\nhost: x\r\naccept: */*\r\n\r\n",
        "POST /idp/idx/introspect HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 25\r\n\r\n{\"interactionHandle\":\"x\"}",
        "POST /idp/idx/identify HTTP/1.1\r\nhost: x\r\ncookie: regain_dt=abc; a=b\r\ntransfer-encoding: chunked\r\n\r\n1b\r\n{\"stateHandle\":\"x\",\"identif\r\nd\r\nier\":\"alice\"}\r\n0\r\n\r\n",
        "POST /oauth2/default/v1/token HTTP/1.1\r\nhost: x\r\nauthorization: Basic dGVzdC13ZWI6eA==\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 39\r\n\r\ngrant_type=interaction_code&scope=a%20b",
        "OPTIONS /idp/idx/identify HTTP/1.1\r\nhost: x\r\norigin: http://localhost:8401\r\naccess-control-request-method: POST\r\n\r\n",
    ];
    let mut bytes = Vec::new();
    for _ in 0..=random.below(3) {
        let mut one = WHOLE[random.below(WHOLE.len())].as_bytes().to_vec();
        mutate(random, &mut one);
        bytes.extend(one);
    }
    bytes
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn http2(random: &mut Seeded) -> Vec<u8> {
    // `POST https://x/idp/idx/introspect` and `GET /health/ready`, without compression.
    let post = [
        &[0x83, 0x87, 0x41, 1, b'x', 0x44, 19][..],
        b"/idp/idx/introspect",
    ];
    let get = [&[0x82, 0x86, 0x41, 1, b'x', 0x44, 13][..], b"/health/ready"];
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let mut frames = frame(4, 0, 0, &[0, 4, 0, 1, 0, 0]);
    for turn in 0..=u32::try_from(random.below(4)).unwrap() {
        let stream = 1 + 4 * turn;
        frames.extend(frame(1, 4, stream, &post.concat()));
        frames.extend(frame(0, 1, stream, b"{\"interactionHandle\":\"x\"}"));
        frames.extend(frame(1, 5, stream + 2, &get.concat()));
        // Of any kind, known or not.
        let payload: Vec<u8> = (0..random.below(40)).map(|_| random.byte()).collect();
        let kind = u8::try_from(random.below(12)).unwrap();
        frames.extend(frame(kind, random.byte(), stream, &payload));
    }
    mutate(random, &mut frames);
    bytes.extend(frames);
    bytes
}

fn noise(random: &mut Seeded) -> Vec<u8> {
    (0..=random.below(600)).map(|_| random.byte()).collect()
}

type Maker = fn(&mut Seeded) -> Vec<u8>;

/// Whether a request in it was answered as it would be alone.
async fn throw(address: SocketAddr, make: Maker, seed: u64) -> bool {
    let mut random = Seeded(seed | 1);
    let sent = make(&mut random);
    let said = exchange_and_leave(address, &sent).await;
    // A panic in a handler is answered with 500.
    let broken = said.statuses().into_iter().find(|status| *status == 500);
    assert_eq!(broken, None, "seed {seed}: {}", sent.escape_ascii());
    said.0.contains("\"status\":\"ok\"")
}

fn rounds() -> u64 {
    let asked = std::env::var_os("REGAIN_TEST_ROUNDS");
    asked.map_or(1, |rounds| rounds.to_str().unwrap().parse().unwrap())
}

#[tokio::test]
async fn t_h1_whatever_bytes_come_the_next_request_is_answered() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    let address = server.address;
    let makers: [(Maker, bool); 3] = [(http1, true), (http2, true), (noise, false)];
    for (make, is_almost_http) in makers {
        let mut thrown = JoinSet::new();
        let mut answered = false;
        for seed in 1..=CONNECTIONS * rounds() {
            while thrown.len() >= AT_ONCE {
                answered |= thrown.join_next().await.unwrap().unwrap();
            }
            let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            thrown.spawn(throw(address, make, seed));
        }
        answered |= thrown.join_all().await.contains(&true);
        assert_eq!(
            answered, is_almost_http,
            "some of it is near enough to HTTP"
        );
        let asked = b"GET /health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let said = exchange(address, asked).await;
        assert_eq!(said.statuses(), [200], "{said:?}");
    }
    app.leave_mail().await;
}

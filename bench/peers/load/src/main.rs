//! Closed-loop load on a peer, with a mail relay in the same thread; prints one JSON line.
//!
//! peer-load --peer better-auth|django --base 127.0.0.1:8200 --smtp 127.0.0.1:8225
//!           --flow recover|sign-in --conc 8 --secs 6 --users 1000 --first 0 --pid 123
//!
//! Every run is bounded by --secs; a request that takes longer than 30 s counts as an error.
//! Latencies are p50 and p99 in milliseconds.

mod flows;
mod http;
mod process;
mod smtp;

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::net::TcpListener;

use flows::{Stat, Timer, login, recover};
use http::Http;
use process::{busy_total, cpu_of, descendants, mem_of};
use smtp::{Mail, smtp_conn};

/// The command line.
pub(crate) struct Args {
    pub(crate) peer: String,
    pub(crate) base: String,
    pub(crate) smtp: String,
    pub(crate) flow: String,
    pub(crate) password: String,
    pub(crate) conc: usize,
    pub(crate) secs: f64,
    pub(crate) users: u64,
    pub(crate) first: u64,
    pub(crate) pids: Vec<u32>,
    pub(crate) verbose: bool,
}

fn args() -> Args {
    let mut a = Args {
        peer: "better-auth".into(),
        base: "127.0.0.1:8200".into(),
        smtp: "127.0.0.1:8225".into(),
        flow: "recover".into(),
        password: "Start-Passw0rd-77".into(),
        conc: 1,
        secs: 10.0,
        users: 500,
        first: 0,
        pids: vec![],
        verbose: false,
    };
    let v: Vec<String> = std::env::args().skip(1).collect();
    let mut i = 0;
    while i < v.len() {
        let k = v[i].as_str();
        if k == "-v" {
            a.verbose = true;
            i += 1;
            continue;
        }
        let x = v
            .get(i + 1)
            .unwrap_or_else(|| panic!("value for {k}"))
            .clone();
        match k {
            "--peer" => a.peer = x,
            "--base" => a.base = x,
            "--smtp" => a.smtp = x,
            "--flow" => a.flow = x,
            "--password" => a.password = x,
            "--conc" => a.conc = x.parse().unwrap(),
            "--secs" => a.secs = x.parse().unwrap(),
            "--users" => a.users = x.parse().unwrap(),
            "--first" => a.first = x.parse().unwrap(),
            "--pid" => a.pids.push(x.parse().unwrap()),
            _ => panic!("unknown argument {k}"),
        }
        i += 2;
    }
    a
}

fn pct(v: &mut [u32], p: f64) -> f64 {
    if v.is_empty() {
        return 0.0;
    }
    v.sort_unstable();
    v[((v.len() - 1) as f64 * p).round() as usize] as f64 / 1000.0
}

async fn run(a: Rc<Args>) {
    let mail: Mail = Default::default();
    let l = TcpListener::bind(&a.smtp).await.expect("smtp bind");
    let m = mail.clone();
    tokio::task::spawn_local(async move {
        while let Ok((s, _)) = l.accept().await {
            let m = m.clone();
            tokio::task::spawn_local(async move {
                let _ = smtp_conn(s, m).await;
            });
        }
    });
    let st: Rc<RefCell<Stat>> = Default::default();
    let me = [std::process::id()];
    let pids = descendants(&a.pids);
    let (c0, g0, b0) = (cpu_of(&pids), cpu_of(&me), busy_total());
    let t0 = Instant::now();
    let end = t0 + Duration::from_secs_f64(a.secs);
    let next = Rc::new(RefCell::new(0u64));
    let salt = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos()
        % 1_000_000_007;
    let mut tasks = vec![];
    for _ in 0..a.conc {
        let (a, st, mail, next) = (a.clone(), st.clone(), mail.clone(), next.clone());
        tasks.push(tokio::task::spawn_local(async move {
            let mut h = Http::new(&a.base);
            let t = Timer { st: st.clone() };
            while Instant::now() < end {
                let n = {
                    let mut x = next.borrow_mut();
                    *x += 1;
                    *x - 1
                };
                let who = format!("user{}@example.test", a.first + n % a.users);
                let k = Instant::now();
                let r = match a.flow.as_str() {
                    "recover" => {
                        recover(&a, &mut h, &t, &mail, &who, &format!("Fresh-{salt}-{n}-Qz")).await
                    }
                    _ => login(&a, &mut h, &t, &who).await,
                };
                let mut s = st.borrow_mut();
                match r {
                    Ok(()) => {
                        s.done += 1;
                        s.add("total", k.elapsed())
                    }
                    Err(e) => {
                        if a.verbose {
                            eprintln!("{who}: {e}");
                        }
                        *s.errs.entry(e.chars().take(160).collect()).or_default() += 1;
                        drop(s);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
        }));
    }
    let peak = Rc::new(RefCell::new((0u64, 0u64)));
    let pk = peak.clone();
    let pp = a.pids.clone();
    let watch = tokio::task::spawn_local(async move {
        loop {
            let m = mem_of(&descendants(&pp));
            {
                let mut x = pk.borrow_mut();
                x.0 = x.0.max(m.0);
                x.1 = x.1.max(m.1);
            }
            tokio::time::sleep(Duration::from_millis(1000)).await;
        }
    });
    for t in tasks {
        let _ = t.await;
    }
    watch.abort();
    let el = t0.elapsed().as_secs_f64();
    let (c1, g1, b1) = (cpu_of(&pids), cpu_of(&me), busy_total());
    let s = &mut *st.borrow_mut();
    let mut steps = String::new();
    for k in s.order.clone() {
        let v = s.steps.get_mut(k).unwrap();
        let (p50, p99) = (pct(v, 0.5), pct(v, 0.99));
        steps += &format!(
            "{}\"{k}\":[{p50:.2},{p99:.2}]",
            if steps.is_empty() { "" } else { "," }
        );
    }
    let errs: u64 = s.errs.values().sum();
    let d = s.done.max(1) as f64;
    let (rss, pss) = *peak.borrow();
    let ncpu = std::thread::available_parallelism().unwrap().get() as f64;
    println!(
        "{{\"peer\":\"{}\",\"flow\":\"{}\",\"conc\":{},\"secs\":{el:.2},\"done\":{},\"errors\":{errs},\"rate\":{:.2},\"srv_cpu_ms_per\":{:.3},\"gen_cpu_ms_per\":{:.3},\"srv_cpu_share\":{:.3},\"gen_cpu_share\":{:.3},\"other_cpu_share\":{:.3},\"http\":{},\"mails\":{},\"mail_lost\":{},\"rss_mb\":{:.1},\"pss_mb\":{:.1},\"ms\":{{{steps}}}}}",
        a.peer,
        a.flow,
        a.conc,
        s.done,
        s.done as f64 / el,
        (c1 - c0) * 1000.0 / d,
        (g1 - g0) * 1000.0 / d,
        (c1 - c0) / el / ncpu,
        (g1 - g0) / el / ncpu,
        ((b1 - b0) - (c1 - c0) - (g1 - g0)).max(0.0) / el / ncpu,
        s.http,
        mail.borrow().got,
        mail.borrow().lost,
        rss as f64 / 1024.0,
        pss as f64 / 1024.0
    );
    if errs > 0 {
        for (e, n) in &s.errs {
            eprintln!("{n} x {e}");
        }
    }
}

fn main() {
    let rt = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ls = tokio::task::LocalSet::new();
    ls.block_on(&rt, run(Rc::new(args())));
}

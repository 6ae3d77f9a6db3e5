//! What each peer is asked: a recovery by a code, and a sign-in.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::Args;
use crate::http::{Http, Reply, Res};
use crate::smtp::Mail;

pub(crate) fn json_str<'a>(b: &'a str, k: &str) -> Option<&'a str> {
    let pat = format!("\"{k}\"");
    let p = b.find(&pat)? + pat.len();
    let r = b[p..]
        .trim_start()
        .strip_prefix(':')?
        .trim_start()
        .strip_prefix('"')?;
    Some(&r[..r.find('"')?])
}
pub(crate) fn six_digits(b: &str) -> Option<String> {
    // first run of exactly six digits in the body, not glued to word characters
    let body = b.split_once("\r\n\r\n").map_or(b, |x| x.1);
    let y = body.as_bytes();
    let word = |c: u8| c.is_ascii_alphanumeric() || c == b'.' || c == b'-' || c == b'_';
    (0..y.len().saturating_sub(5)).find_map(|i| {
        (y[i..i + 6].iter().all(u8::is_ascii_digit)
            && (i == 0 || !word(y[i - 1]))
            && (i + 6 == y.len() || !word(y[i + 6]) || y[i + 6] == b'.'))
            .then(|| body[i..i + 6].to_string())
    })
}
pub(crate) fn want(r: &Reply, ok: &[u16], at: &str) -> Res<()> {
    if ok.contains(&r.status) {
        Ok(())
    } else {
        Err(format!(
            "{at}: {} {}",
            r.status,
            r.body.chars().take(300).collect::<String>()
        ))
    }
}

#[derive(Default)]
pub(crate) struct Stat {
    pub(crate) steps: HashMap<&'static str, Vec<u32>>,
    pub(crate) order: Vec<&'static str>,
    pub(crate) errs: HashMap<String, u64>,
    pub(crate) done: u64,
    pub(crate) http: u64,
}
impl Stat {
    pub(crate) fn add(&mut self, k: &'static str, d: Duration) {
        if !self.steps.contains_key(k) {
            self.order.push(k);
        }
        self.steps
            .entry(k)
            .or_default()
            .push(d.as_micros().min(u32::MAX as u128) as u32);
    }
}
pub(crate) struct Timer {
    pub(crate) st: Rc<RefCell<Stat>>,
}
impl Timer {
    async fn http(
        &self,
        h: &mut Http,
        k: &'static str,
        m: &str,
        p: &str,
        hd: &str,
        b: &str,
    ) -> Res<Reply> {
        let t = Instant::now();
        let r = h.call(m, p, hd, b).await?;
        let mut s = self.st.borrow_mut();
        s.add(k, t.elapsed());
        s.http += 1;
        Ok(r)
    }
    async fn mail(&self, rx: oneshot::Receiver<String>) -> Res<String> {
        let t = Instant::now();
        let m = tokio::time::timeout(Duration::from_secs(30), rx)
            .await
            .map_err(|_| "mail timeout")?
            .map_err(|_| "mail slot")?;
        self.st.borrow_mut().add("mail", t.elapsed());
        Ok(m)
    }
}

pub(crate) fn slot(mail: &Mail, who: &str) -> oneshot::Receiver<String> {
    let (tx, rx) = oneshot::channel();
    mail.borrow_mut().wait.insert(who.to_string(), tx);
    rx
}
pub(crate) async fn recover(
    a: &Args,
    h: &mut Http,
    t: &Timer,
    mail: &Mail,
    who: &str,
    new: &str,
) -> Res<()> {
    match a.peer.as_str() {
        "better-auth" => {
            let o = format!("origin: http://{}\r\n", a.base);
            let rx = slot(mail, who);
            let r = t
                .http(
                    h,
                    "1_request",
                    "POST",
                    "/api/auth/email-otp/request-password-reset",
                    &o,
                    &format!("{{\"email\":\"{who}\"}}"),
                )
                .await?;
            want(&r, &[200], "request")?;
            let code = six_digits(&t.mail(rx).await?).ok_or("no code in mail")?;
            let r = t
                .http(
                    h,
                    "2_verify",
                    "POST",
                    "/api/auth/email-otp/check-verification-otp",
                    &o,
                    &format!(
                        "{{\"email\":\"{who}\",\"type\":\"forget-password\",\"otp\":\"{code}\"}}"
                    ),
                )
                .await?;
            want(&r, &[200], "verify")?;
            let r = t
                .http(
                    h,
                    "3_reset",
                    "POST",
                    "/api/auth/email-otp/reset-password",
                    &o,
                    &format!("{{\"email\":\"{who}\",\"otp\":\"{code}\",\"password\":\"{new}\"}}"),
                )
                .await?;
            want(&r, &[200], "reset")?;
            // the reset does not sign the user in: a sign-in call follows
            let r = t
                .http(
                    h,
                    "4_signin",
                    "POST",
                    "/api/auth/sign-in/email",
                    &o,
                    &format!("{{\"email\":\"{who}\",\"password\":\"{new}\"}}"),
                )
                .await?;
            want(&r, &[200], "signin")?;
            r.header("set-cookie").ok_or("no session cookie")?;
            Ok(())
        }
        "django" => {
            let b = "/_allauth/app/v1/auth/password";
            let rx = slot(mail, who);
            let r = t
                .http(
                    h,
                    "1_request",
                    "POST",
                    &format!("{b}/request"),
                    "",
                    &format!("{{\"email\":\"{who}\"}}"),
                )
                .await?;
            want(&r, &[401], "request")?;
            let tok = json_str(&r.body, "session_token")
                .ok_or("no session token")?
                .to_string();
            let code = six_digits(&t.mail(rx).await?).ok_or("no code in mail")?;
            let hd = format!("x-session-token: {tok}\r\n");
            let r = t
                .http(
                    h,
                    "2_verify",
                    "GET",
                    &format!("{b}/reset"),
                    &format!("{hd}x-password-reset-key: {code}\r\n"),
                    "",
                )
                .await?;
            want(&r, &[200], "verify")?;
            let r = t
                .http(
                    h,
                    "3_reset",
                    "POST",
                    &format!("{b}/reset"),
                    &hd,
                    &format!("{{\"key\":\"{code}\",\"password\":\"{new}\"}}"),
                )
                .await?;
            // signed in at once when ACCOUNT_LOGIN_ON_PASSWORD_RESET is on
            want(&r, &[200], "reset")?;
            if !r.body.contains("\"is_authenticated\": true")
                && !r.body.contains("\"is_authenticated\":true")
            {
                return Err(format!("not signed in: {}", r.body));
            }
            Ok(())
        }
        p => Err(format!("no recovery flow for {p}")),
    }
}
pub(crate) async fn login(a: &Args, h: &mut Http, t: &Timer, who: &str) -> Res<()> {
    let pw = &a.password;
    match a.peer.as_str() {
        "better-auth" => {
            let o = format!("origin: http://{}\r\n", a.base);
            let r = t
                .http(
                    h,
                    "signin",
                    "POST",
                    "/api/auth/sign-in/email",
                    &o,
                    &format!("{{\"email\":\"{who}\",\"password\":\"{pw}\"}}"),
                )
                .await?;
            want(&r, &[200], "signin")
        }
        "django" => {
            let r = t
                .http(
                    h,
                    "signin",
                    "POST",
                    "/_allauth/app/v1/auth/login",
                    "",
                    &format!("{{\"email\":\"{who}\",\"password\":\"{pw}\"}}"),
                )
                .await?;
            want(&r, &[200], "signin")
        }
        p => Err(format!("no login for {p}")),
    }
}

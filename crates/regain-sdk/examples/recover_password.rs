//! Recovers a password in a terminal: one question for each step that the server asks for.
//!
//! `cargo run -p regain-sdk --example recover_password -- http://localhost:8400/oauth2/default`

use std::error::Error;
use std::io::{BufRead as _, Write as _};

use regain_sdk::{
    Grant, IdxClient, Outcome, ResetOptions, Secret, SelectStep, State, Step, Tokens,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

// region: client
/// One client serves all visitors: it holds settings and cached keys, nothing of a person.
fn client(issuer: &str) -> Result<IdxClient> {
    let client = IdxClient::builder(issuer)
        .client_id("regain-demo-web")
        .client_secret("regain-demo-secret")
        .redirect_uri("http://localhost:8080/login/callback")
        .scopes(["openid", "profile", "email"])
        .build()?;
    Ok(client)
}
// endregion: client

// region: recover
/// Asks and answers until there are tokens. The server decides which step comes next.
async fn recover(client: &IdxClient) -> Result<Tokens> {
    let username = ask("Username or email")?;
    let mut outcome = client
        .recover_password()
        .identifier(username)
        .start()
        .await?;
    loop {
        for message in &outcome.messages {
            say(&message.text)?;
        }
        outcome = match outcome.state {
            State::Success(Grant::Tokens(tokens)) => return Ok(*tokens),
            State::Pending(step) => answer(step).await?,
            end => return Err(format!("the flow ended without tokens: {end:?}").into()),
        };
    }
}
// endregion: recover

// region: answer
/// Each step has the verbs that make sense in it, and no others.
async fn answer(step: Step) -> Result<Outcome> {
    let outcome = match step {
        Step::Identify(step) => step.submit(&ask("Username or email")?).await?,
        Step::SelectAuthenticator(step) => choose(step).await?,
        Step::EnterCode(step) => match ask("Code from the mail, or r for another one")?.as_str() {
            "r" => step.resend().await?,
            code => step.submit(code).await?,
        },
        Step::SetPassword(step) => {
            say(&format!(
                "At least {} characters.",
                step.policy().complexity.min_length
            ))?;
            let password = Secret::from(ask("New password")?);
            step.submit(&password, ResetOptions::default()).await?
        }
        other => return Err(format!("this program has no question for {}", other.name()).into()),
    };
    Ok(outcome)
}
// endregion: answer

// region: choose
async fn choose(step: SelectStep) -> Result<Outcome> {
    for choice in step.choices() {
        say(&format!("{}: {}", choice.value, choice.label))?;
    }
    Ok(step.choose(&ask("Authenticator")?).await?)
}
// endregion: choose

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let issuer = std::env::args().nth(1);
    let issuer = issuer
        .as_deref()
        .unwrap_or("http://localhost:8400/oauth2/default");
    let tokens = recover(&client(issuer)?).await?;
    let id_token = tokens.id.ok_or("no ID token")?;
    say(&format!(
        "Signed in as {}.",
        id_token.text("email").unwrap_or(id_token.subject())
    ))?;
    Ok(())
}

fn ask(question: &str) -> Result<String> {
    let mut out = std::io::stdout();
    write!(out, "{question}: ")?;
    out.flush()?;
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line)? == 0 {
        return Err("no more input".into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

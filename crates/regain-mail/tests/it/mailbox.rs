//! The mailbox of developers (design §2.4).

use std::time::Duration;

use regain_mail::{
    CodeMail, DevMailbox, EventKind, Language, Mail, Transport as _, compose, mailbox_css,
    mailbox_js, mailbox_page, render,
};
use regain_types::OutboxId;

use crate::fixtures::{brand, clock, envelope, recovery_message};

/// Far beyond what a test takes: reaching it is a failure.
const LONG: Duration = Duration::from_mins(1);

fn open(directory: &tempfile::TempDir) -> DevMailbox {
    DevMailbox::open(directory.path(), clock()).unwrap()
}

fn ids(messages: &[regain_mail::MailboxMessage]) -> Vec<&str> {
    messages.iter().map(|message| message.id.as_str()).collect()
}

#[tokio::test]
async fn a_mail_is_read_back_from_its_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let mailbox = open(&directory);
    for language in Language::ALL {
        let rendered = render(&Mail::RecoveryCode(CodeMail::sample()), &brand(), language);
        let id = format!("out{}", language.tag());
        let message = compose(&envelope(&id, "alice@example.com"), &rendered).unwrap();
        mailbox.send(&message).await.unwrap();
        let kept = mailbox.list(None, None).remove(0);
        assert_eq!(kept.subject, rendered.subject);
        assert_eq!(kept.text, rendered.text);
        assert_eq!(kept.html, rendered.html);
        assert_eq!(kept.code.as_deref(), Some("123456"));
        let link = CodeMail::sample().link.map(|link| link.expose().clone());
        assert_eq!(kept.link, link);
    }
}

#[tokio::test]
async fn the_json_has_the_promised_fields() {
    let directory = tempfile::tempdir().unwrap();
    let mailbox = open(&directory);
    mailbox
        .send(&recovery_message("out1", "alice@example.com"))
        .await
        .unwrap();
    let mut json = serde_json::to_value(mailbox.list(None, None)).unwrap();
    // Text and HTML are goldens of the gallery.
    json[0]["text"] = "…".into();
    json[0]["html"] = "…".into();
    insta::assert_json_snapshot!("mailbox_message", json);
}

#[tokio::test]
async fn lists_are_newest_first_by_recipient_and_after_a_message() {
    let directory = tempfile::tempdir().unwrap();
    let mailbox = open(&directory);
    for (id, to) in [
        ("out1", "alice@example.com"),
        ("out2", "bob@example.com"),
        ("out3", "alice@example.com"),
    ] {
        mailbox.send(&recovery_message(id, to)).await.unwrap();
    }
    assert_eq!(ids(&mailbox.list(None, None)), ["out3", "out2", "out1"]);
    assert_eq!(
        ids(&mailbox.list(Some("Alice@example.com"), None)),
        ["out3", "out1"]
    );
    assert_eq!(ids(&mailbox.list(None, Some("out1"))), ["out3", "out2"]);
    assert_eq!(
        ids(&mailbox.list(Some("bob@example.com"), Some("out1"))),
        ["out2"]
    );
    assert!(mailbox.list(None, Some("out3")).is_empty());
    assert_eq!(mailbox.list(None, Some("never-seen")).len(), 3);
}

#[tokio::test]
async fn mails_and_notes_survive_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let before = open(&directory);
    before
        .send(&recovery_message("out1", "alice@example.com"))
        .await
        .unwrap();
    before
        .send(&recovery_message("out2", "alice@example.com"))
        .await
        .unwrap();
    before
        .note("alcie@example.com", "no such user")
        .await
        .unwrap();
    let (messages, notes) = (before.list(None, None), before.notes(None, None));
    // Nothing is closed or flushed: this is what a killed process leaves.
    let after = open(&directory);
    assert_eq!(after.list(None, None), messages);
    assert_eq!(after.notes(None, None), notes);
    after
        .send(&recovery_message("out3", "alice@example.com"))
        .await
        .unwrap();
    assert_eq!(ids(&after.list(None, None)), ["out3", "out2", "out1"]);
}

#[tokio::test]
async fn a_half_written_file_does_not_stop_the_start() {
    let directory = tempfile::tempdir().unwrap();
    open(&directory)
        .send(&recovery_message("out1", "alice@example.com"))
        .await
        .unwrap();
    let messages = directory.path().join("messages");
    std::fs::write(messages.join("000000000002.json"), "{\"id\":").unwrap();
    std::fs::write(messages.join("000000000003.tmp"), "").unwrap();
    let mailbox = open(&directory);
    assert_eq!(ids(&mailbox.list(None, None)), ["out1"]);
    mailbox
        .send(&recovery_message("out2", "alice@example.com"))
        .await
        .unwrap();
    assert_eq!(ids(&open(&directory).list(None, None)), ["out2", "out1"]);
}

#[tokio::test]
async fn only_the_newest_500_stay() {
    let directory = tempfile::tempdir().unwrap();
    let mailbox = open(&directory);
    for number in 0..503 {
        mailbox
            .note("a@example.com", &number.to_string())
            .await
            .unwrap();
    }
    let notes = mailbox.notes(None, None);
    assert_eq!(notes.len(), 500);
    assert_eq!(notes.first().unwrap().reason, "502");
    assert_eq!(notes.last().unwrap().reason, "3");
    assert_eq!(
        std::fs::read_dir(directory.path().join("notes"))
            .unwrap()
            .count(),
        500
    );
}

#[tokio::test]
async fn a_mail_that_arrives_twice_is_kept_once() {
    let directory = tempfile::tempdir().unwrap();
    let mailbox = open(&directory);
    let message = recovery_message("out1", "alice@example.com");
    mailbox.send(&message).await.unwrap();
    mailbox.send(&message).await.unwrap();
    let messages = mailbox.list(None, None);
    assert_eq!(ids(&messages), ["out1"]);
    let kinds: Vec<_> = messages[0].events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Queued, EventKind::Sent, EventKind::Sent]);
}

#[tokio::test]
async fn the_timeline_tells_what_an_outbox_did() {
    let directory = tempfile::tempdir().unwrap();
    let mailbox = open(&directory);
    let id = OutboxId::parse("out1").unwrap();
    mailbox
        .keep(&recovery_message("out1", "alice@example.com"))
        .await
        .unwrap();
    let why = Some("the mail relay cannot be reached".to_owned());
    mailbox
        .event(&id, EventKind::Retry, why.clone())
        .await
        .unwrap();
    mailbox
        .event(
            &id,
            EventKind::NotSent,
            Some("the code has expired".to_owned()),
        )
        .await
        .unwrap();
    let events = open(&directory).list(None, None).remove(0).events;
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [EventKind::Queued, EventKind::Retry, EventKind::NotSent]
    );
    assert_eq!(events[1].detail, why);
    assert_eq!(events[1].at, "2026-01-02T03:04:05.678Z");
    // Of a message that was emptied away nothing is kept.
    mailbox.clear().await.unwrap();
    mailbox.event(&id, EventKind::Sent, None).await.unwrap();
    assert!(mailbox.list(None, None).is_empty());
}

#[tokio::test]
async fn waiting_ends_when_the_right_mail_comes() {
    let directory = tempfile::tempdir().unwrap();
    let mailbox = open(&directory);
    mailbox
        .send(&recovery_message("out1", "alice@example.com"))
        .await
        .unwrap();
    let (found, ()) = tokio::join!(
        mailbox.wait(Some("alice@example.com"), Some("out1"), LONG),
        async {
            mailbox
                .send(&recovery_message("out2", "bob@example.com"))
                .await
                .unwrap();
            mailbox
                .send(&recovery_message("out3", "alice@example.com"))
                .await
                .unwrap();
        }
    );
    assert_eq!(ids(&found), ["out3"]);
    assert_eq!(
        found[0].events.len(),
        2,
        "queued and sent are seen together"
    );
}

#[tokio::test]
async fn waiting_for_nothing_ends_with_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mailbox = open(&directory);
    assert!(mailbox.wait(None, None, Duration::ZERO).await.is_empty());
    assert!(
        mailbox
            .wait_for_notes(None, None, Duration::from_millis(1))
            .await
            .is_empty()
    );
    let (found, noted) = tokio::join!(
        mailbox.wait_for_notes(None, None, LONG),
        mailbox.note("a@x.example", "no such user")
    );
    noted.unwrap();
    assert_eq!(found[0].reason, "no such user");
}

#[tokio::test]
async fn emptied_means_empty_on_disk_too() {
    let directory = tempfile::tempdir().unwrap();
    let mailbox = open(&directory);
    mailbox
        .send(&recovery_message("out1", "alice@example.com"))
        .await
        .unwrap();
    mailbox.note("a@x.example", "no such user").await.unwrap();
    mailbox.clear().await.unwrap();
    assert!(mailbox.list(None, None).is_empty());
    let again = open(&directory);
    assert!(again.list(None, None).is_empty());
    assert!(again.notes(None, None).is_empty());
}

#[tokio::test]
async fn a_lost_directory_is_a_reason_to_try_again() {
    let directory = tempfile::tempdir().unwrap();
    let mailbox = open(&directory);
    mailbox.check().await.unwrap();
    std::fs::remove_dir_all(directory.path()).unwrap();
    mailbox.check().await.unwrap_err();
    let error = mailbox
        .send(&recovery_message("out1", "alice@example.com"))
        .await
        .unwrap_err();
    assert!(matches!(error, regain_mail::SendError::Temporary(_)));
    assert!(!error.to_string().contains("alice"));
    assert!(mailbox.list(None, None).is_empty());
}

#[test]
fn the_page_needs_no_inline_script_and_puts_mails_in_as_text() {
    let page = mailbox_page();
    assert!(page.contains(r#"<script src="/dev/mailbox/mailbox.js" defer></script>"#));
    assert_eq!(page.matches("<script").count(), 1);
    for inline in [" onclick=", " onload=", " style=", "javascript:"] {
        assert!(!page.contains(inline), "{inline}");
    }
    assert!(page.contains(r#"sandbox="allow-popups allow-popups-to-escape-sandbox""#));
    for sink in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
    ] {
        assert!(!mailbox_js().contains(sink), "{sink}");
    }
    for elsewhere in ["http://", "https://", "//cdn", "@import", "url("] {
        assert!(
            !page.contains(elsewhere) && !mailbox_css().contains(elsewhere),
            "{elsewhere}"
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn live_codes_lie_in_a_directory_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mailbox");
    let _mailbox = DevMailbox::open(&path, clock()).unwrap();
    for directory in [path.clone(), path.join("messages")] {
        let mode = std::fs::metadata(&directory).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{directory:?}");
    }
}

//! German, without a form of address that a site might not want.

use jiff::civil::DateTime;

use super::Sentences;

const MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

pub(super) static SENTENCES: Sentences = Sentences {
    added_heading: "Eine neue Anmeldemethode wurde eingerichtet",
    added_intro: |identifier, authenticator| {
        format!("Für das Konto {identifier} wurde {authenticator} eingerichtet.")
    },
    added_not_you: |app| {
        format!(
            "Wenn nicht, kennt jemand anderes das Passwort. Bitte {app} auf dem gewohnten Weg öffnen, \
             „Passwort vergessen?“ wählen und ein anderes Passwort setzen. Danach bitte um Hilfe \
             fragen, damit die neue Methode entfernt wird."
        )
    },
    added_subject: |org| format!("Eine neue Anmeldemethode für {org} wurde eingerichtet"),
    app_label: "App",
    address_label: "IP-Adresse",
    automatic: |org| {
        format!(
            "Diese Mail wurde automatisch von {org} verschickt. Antworten werden nicht gelesen."
        )
    },
    browser_label: "Browser",
    changed_heading: "Das Passwort wurde geändert",
    changed_intro: |identifier| format!("Das Konto {identifier} hat ein neues Passwort."),
    changed_not_you: |app| {
        format!(
            "Wenn nicht, benutzt vielleicht jemand anderes das Konto. Bitte {app} auf dem gewohnten \
             Weg öffnen, „Passwort vergessen?“ wählen und ein anderes Passwort setzen. Danach bitte \
             um Hilfe fragen."
        )
    },
    changed_subject: |org| format!("Das Passwort für {org} wurde geändert"),
    changed_was_you: "Wenn das so gewollt war, ist alles gut und nichts weiter zu tun.",
    code_lives: |minutes| match minutes {
        1 => "Er gilt ein Mal, binnen 1 Minute.".to_owned(),
        _ => format!("Er gilt ein Mal, binnen {minutes} Minuten."),
    },
    enter_this_code: "Bitte auf der Seite, die nach dem Code fragt, diesen Code eingeben:",
    help_label: "Hilfe",
    link_button: "Weiter",
    link_continue: |app| format!("In diesem Browser begonnen? Dann geht es in {app} weiter:"),
    link_elsewhere: "In einem anderen Browser oder auf einem anderen Gerät begonnen? Dann dort diesen Code \
                     eingeben:",
    link_expired: "Dieser Link ist zu alt. Bitte auf der ursprünglichen Seite eine neue Mail anfordern.",
    link_heading: "Dort weitermachen, wo es begonnen hat",
    link_incomplete_heading: "Dieser Link ist nicht vollständig",
    link_not_you: "Wenn das niemand gewollt hat, diese Seite einfach schließen. Es hat sich nichts \
                   geändert, und mit dieser Seite allein kommt niemand hinein.",
    link_replaced: "Es gibt eine neuere Mail, oder der Vorgang ist beendet. Bitte die neueste Mail benutzen \
                    oder neu beginnen.",
    link_rows: "Angefordert:",
    link_useless_heading: "Dieser Link gilt nicht mehr",
    link_unknown: "Bitte den Link in der Mail noch einmal öffnen. Hilft das nicht, den ganzen Link kopieren \
                   oder den Code aus der Mail eingeben.",
    link_used: "Er wurde schon benutzt. Wenn das jemand anderes war, bitte „Passwort vergessen?“ wählen \
                und ein anderes Passwort setzen.",
    never_share: "Niemand, der helfen will, braucht diesen Code. Bitte nicht vorlesen und nicht \
                  weitergeben.",
    open_this_link: "Oder diesen Link öffnen, am besten in dem Browser, in dem alles begonnen hat:",
    recovery_heading: "Passwort zurücksetzen",
    recovery_intro: |identifier, app| {
        format!("Das Passwort von {identifier} soll in {app} zurückgesetzt werden.")
    },
    recovery_not_you: "Das war jemand anderes? Dann ist nichts zu tun: Das Passwort bleibt, wie es \
                       ist.",
    recovery_subject: |org| format!("Passwort für {org} zurücksetzen"),
    request_word: |word| format!("Diese Mail gehört zu der Seite, auf der „Anfrage {word}“ steht."),
    sign_in_by_name: "Das ist jemand anderes? Dann hat jemand diesen Namen eingegeben. Es ist nichts zu \
                      tun. Bitte den Code nicht weitergeben: Ohne ihn kommt niemand hinein.",
    sign_in_heading: "Anmelden",
    sign_in_intro: |identifier, app| format!("Bei {app} läuft eine Anmeldung als {identifier}."),
    sign_in_not_you: |app| {
        format!(
            "Das ist jemand anderes? Dann kennt jemand das Passwort. Bitte diesen Code nicht \
             weitergeben, {app} auf dem gewohnten Weg öffnen, „Passwort vergessen?“ wählen und ein \
             anderes Passwort setzen."
        )
    },
    sign_in_subject: |org| format!("Code für die Anmeldung bei {org}"),
    when,
    when_label: "Zeit",
    with_request_word: |subject, word| format!("{subject} (Anfrage {word})"),
};

fn when(time: DateTime) -> String {
    let month = MONTHS
        .get(usize::from(time.month().unsigned_abs()) - 1)
        .unwrap_or(&"");
    format!(
        "{}. {month} {}, {:02}:{:02} Uhr UTC",
        time.day(),
        time.year(),
        time.hour(),
        time.minute()
    )
}

//! Templates of the operator.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use regain_mail::{
    Brand, ChangeNotice, CodeMail, Language, Mail, TemplateProblem, Templates, compose, render,
};

use crate::fixtures::{brand, envelope};

const GOOD_HTML: &str = "<p title=\"{{ app }}\">{{ say.intro }}</p>\n<p>{{ say.enter_this_code }} <b>{{ code }}</b></p>\n\
    {% if request_word %}<p>{{ request_word }}</p>{% endif %}\n\
    {% if link %}<a href=\"{{ link }}\">{{ say.link_button }}</a>{% endif %}\n\
    {% if support_url %}<a href=\"{{ support_url }}\">{{ say.help }}</a>{% endif %}";

fn load(files: &[(&str, &str)]) -> Result<Templates, Vec<TemplateProblem>> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Templates::load(directory.path())
}

fn with(templates: Templates) -> Brand {
    Brand {
        templates: Some(Arc::new(templates)),
        ..brand()
    }
}

#[test]
fn a_template_stands_for_its_part_in_its_language() {
    let templates = load(&[
        ("recovery_code/subject.txt", "Your {{ org }} code\n"),
        ("recovery_code/de/subject.txt", "Ihr Code für {{ org }}"),
        ("recovery_code/body.html", GOOD_HTML),
        (
            "recovery_code/ja/body.txt",
            "{{ say.enter_this_code }}\n{% if link %}{{ link }}\n{% endif %}{{ code }}\n",
        ),
        (
            "password_changed/body.txt",
            "{% for row in rows %}{{ row.label }}={{ row.value }}\n{% endfor %}",
        ),
    ])
    .unwrap();
    assert_eq!(templates.warnings(), []);
    let brand = with(templates);
    let code = Mail::RecoveryCode(CodeMail::sample());
    let ours = |language| render(&code, &crate::fixtures::brand(), language);
    let english = render(&code, &brand, Language::En);
    assert_eq!(english.subject, "Your Example code");
    assert_eq!(
        english.text,
        ours(Language::En).text,
        "a part without a template is ours"
    );
    assert!(
        english.html.starts_with("<p title=\"Example App\">"),
        "{}",
        english.html
    );
    assert!(english.html.contains("<b>123456</b>"));
    assert_eq!(
        render(&code, &brand, Language::De).subject,
        "Ihr Code für Example"
    );
    let japanese = render(&code, &brand, Language::Ja);
    assert!(japanese.text.ends_with("\n123456"), "{}", japanese.text);
    let changed = Mail::PasswordChanged(ChangeNotice::sample());
    let changed = render(&changed, &brand, Language::En);
    assert!(changed.text.contains("=203.0.113.7\n"), "{}", changed.text);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_would_fail_later_is_refused_with_file_and_line() {
    let text = "recovery_code/body.txt";
    let html = "recovery_code/body.html";
    let subject = "recovery_code/subject.txt";
    for (file, source, line, words) in [
        (text, "a\n{{ code", Some(2), "unexpected end"),
        (
            text,
            "a\n\n{{ cod }}\n{{ code }}",
            Some(3),
            "a variable that there is not",
        ),
        (
            text,
            "{{ code }}\n{{ request_word }}",
            Some(2),
            "not always there",
        ),
        (
            text,
            "{{ code }}\n{{ password.hash }}",
            Some(2),
            "a variable",
        ),
        (text, "your code: {{ code }}", None, "alone on a line"),
        (html, "<p>hello</p>", None, "must hold the code"),
        (subject, "Code {{ code }}", None, "must not hold the code"),
        (subject, "two\nlines", None, "one line"),
        (subject, "", None, "one line"),
        (html, "<script>{{ code }}</script>", None, "no script"),
        (
            html,
            "<p title={{ app }}>{{ code }}</p>",
            None,
            "without quotes",
        ),
        (html, "<a href=\"{{ app }}\">{{ code }}</a>", None, "href="),
        (
            html,
            "<p style=\"color:{{ app }}\">{{ code }}</p>",
            None,
            "style=",
        ),
        (
            html,
            "<style>p { color: {{ app }} }</style>{{ code }}",
            None,
            "style sheet",
        ),
        (
            text,
            "{{ code }}\n{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
            None,
            "",
        ),
        ("recovery_code/body.htm", "x", None, "no part of a mail"),
        ("recovery_code/fr/body.html", "x", None, "no language"),
        ("welcome/body.html", "x", None, "no mail"),
    ] {
        let problems = load(&[(file, source)]).unwrap_err();
        assert_eq!(problems.len(), 1, "{source}: {problems:?}");
        let problem = &problems[0];
        let told = problem.to_string();
        assert!(told.contains(words), "{source}: {told}");
        assert!(
            told.contains(
                file.rsplit_once('/')
                    .unwrap()
                    .0
                    .split('/')
                    .next_back()
                    .unwrap()
            ),
            "{told}"
        );
        if line.is_some() {
            assert_eq!(problem.line, line, "{source}: {told}");
        }
    }
    assert!(load(&[]).is_err());
    assert!(Templates::load(Path::new("/nowhere/at/all")).is_err());
}

#[test]
fn what_works_and_surprises_is_a_warning() {
    let templates = load(&[(
        "recovery_code/body.html",
        "<img src=\"https://x.example/a.png\">{{ code }}",
    )]);
    let templates = templates.unwrap();
    assert!(
        templates.warnings()[0]
            .message
            .contains("loads something from elsewhere")
    );
    let templates = load(&[("recovery_code/body.html", "<p>{{ code }}</p>")]).unwrap();
    assert!(
        templates.warnings()[0]
            .message
            .contains("Enter this code: <b>")
    );
    let templates = load(&[("recovery_code/body.txt", "{{ code }}\n")]).unwrap();
    assert!(templates.warnings()[0].message.contains("{{ link }}"));
}

/// Markup of all kinds, and what ends attributes and lines.
fn hostile() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        Just("<img src=x onerror=alert(1)>".to_owned()),
        Just("\" onclick=\"x".to_owned()),
        Just("' onclick='x".to_owned()),
        Just("\r\nBcc: eve@example.com".to_owned()),
        Just("{{ code }}{% raw %}".to_owned()),
        Just("&lt;".to_owned()),
        "\\PC{0,8}",
    ];
    prop::collection::vec(fragment, 0..4).prop_map(|fragments| fragments.concat())
}

proptest! {
    /// T-M3 for templates of the operator, however they try to switch the escaping off.
    #[test]
    fn t_m3_no_value_becomes_markup_or_a_header_in_any_template(
        app in hostile(),
        identifier in hostile(),
        org in hostile(),
    ) {
        let html = "<p title=\"{{ app }}\">{{ identifier|safe }}</p>{% autoescape false %}<b>{{ app|safe }}</b>\
            {% set x = identifier|safe %}{{ x }}{% endautoescape %}{{ (\"<i>\" ~ app)|safe }}<b>{{ code }}</b>";
        let templates = load(&[
            ("recovery_code/body.html", html),
            ("recovery_code/subject.txt", "{{ app }} {{ org }}"),
        ]).unwrap();
        let brand = Brand { org_name: org, ..with(templates) };
        let mail = Mail::RecoveryCode(CodeMail { app_label: app, identifier, ..CodeMail::sample() });
        let rendered = render(&mail, &brand, Language::En);
        let tags: Vec<&str> = rendered.html.split('<').skip(1).collect();
        prop_assert_eq!(tags.len(), 6, "{}", &rendered.html);
        for (tag, begins) in tags.iter().zip(["p title=\"", "/p>", "b>", "/b>", "b>", "/b>"]) {
            prop_assert!(tag.starts_with(begins), "{}", &rendered.html);
        }
        prop_assert_eq!(tags[0].split('>').next().unwrap().matches('"').count(), 2);
        prop_assert!(!rendered.subject.chars().any(char::is_control));
        // Two parsers read the same headers and parts (T-M4).
        if let Ok(message) = compose(&envelope("evt1", "alice@example.com"), &rendered) {
            let parsed = mailparse::parse_mail(message.raw()).unwrap();
            prop_assert_eq!(parsed.subparts.len(), 2);
            prop_assert!(!parsed.headers.iter().any(|header| header.get_key().eq_ignore_ascii_case("bcc")));
            let other = mail_parser::MessageParser::default().parse(message.raw()).unwrap();
            prop_assert_eq!(other.subject().unwrap_or_default().split_whitespace().collect::<String>(),
                rendered.subject.split_whitespace().collect::<String>());
        }
    }
}

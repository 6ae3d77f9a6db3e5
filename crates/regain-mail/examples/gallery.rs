//! Writes every mail in every language as files, to look at:
//! `cargo run -p regain-mail --example gallery -- DIRECTORY`.

use std::path::PathBuf;

use regain_mail::{Brand, CodeMail, Language, Mail, render};
use regain_types::Secret;

fn main() -> std::io::Result<()> {
    let directory = PathBuf::from(
        std::env::args_os()
            .nth(1)
            .unwrap_or_else(|| "gallery".into()),
    );
    std::fs::create_dir_all(&directory)?;
    let brand = Brand {
        org_name: "Example".to_owned(),
        support_url: Some("https://example.com/help".to_owned()),
        ..Brand::default()
    };
    let long = CodeMail {
        code: Secret::new("123456789012".to_owned()),
        identifier: "somebody.with.a.rather.long.name.indeed@mail.department.example.com"
            .to_owned(),
        ..CodeMail::sample()
    };
    let mut mails = Mail::samples();
    mails.push(Mail::RecoveryCode(long));
    for (number, mail) in mails.iter().enumerate() {
        for language in Language::ALL {
            let rendered = render(mail, &brand, language);
            let name = format!("{number}.{}", language.tag());
            std::fs::write(directory.join(format!("{name}.html")), rendered.html)?;
            let text = format!("{}\n\n{}", rendered.subject, rendered.text);
            std::fs::write(directory.join(format!("{name}.txt")), text)?;
        }
    }
    Ok(())
}

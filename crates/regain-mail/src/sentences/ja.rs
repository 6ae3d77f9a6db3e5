//! Japanese.

use jiff::civil::DateTime;

use super::Sentences;

pub(super) static SENTENCES: Sentences = Sentences {
    added_heading: "新しいサインイン方法が追加されました",
    added_intro: |identifier, authenticator| {
        format!("アカウント {identifier} に {authenticator} が設定されました。")
    },
    added_not_you: |app| {
        format!(
            "お心当たりがない場合、第三者にパスワードを知られているおそれがあります。いつもの方法で \
             {app} を開き、「パスワードをお忘れですか？」から別のパスワードを設定したうえで、\
             追加された方法を削除するようお問い合わせください。"
        )
    },
    added_subject: |org| format!("{org} に新しいサインイン方法が追加されました"),
    app_label: "アプリ",
    address_label: "IP アドレス",
    automatic: |org| {
        format!(
            "このメールは {org} から自動的に送信されています。返信いただいてもお読みできません。"
        )
    },
    browser_label: "ブラウザー",
    changed_heading: "パスワードが変更されました",
    changed_intro: |identifier| format!("アカウント {identifier} のパスワードが新しくなりました。"),
    changed_not_you: |app| {
        format!(
            "お心当たりがない場合、第三者がアカウントを使用しているおそれがあります。いつもの方法で \
             {app} を開き、「パスワードをお忘れですか？」から別のパスワードを設定したうえで、\
             お問い合わせください。"
        )
    },
    changed_subject: |org| format!("{org} のパスワードが変更されました"),
    changed_was_you: "ご自身で変更された場合は、何もする必要はありません。",
    code_lives: |minutes| format!("このコードは {minutes} 分間、1 回だけ使えます。"),
    enter_this_code: "お手続き中のページに戻り、次のコードを入力してください：",
    help_label: "お問い合わせ",
    link_button: "続ける",
    link_continue: |app| format!("このブラウザーでお手続き中の場合は、{app} で続けてください："),
    link_elsewhere: "別のブラウザーや端末でお手続き中の場合は、そちらで次のコードを入力してください：",
    link_expired: "このリンクは期限切れです。お手続き中のページに戻り、新しいメールを送信してください。",
    link_heading: "お手続きを始めた場所で続けてください",
    link_incomplete_heading: "このリンクは完全ではありません",
    link_not_you: "お心当たりがない場合は、このページを閉じてください。何も変更されておらず、このページだけでは\
                   誰もサインインできません。",
    link_replaced: "より新しいメールがあるか、お手続きが終了しています。最新のメールをご利用になるか、最初からやり直してください。",
    link_rows: "リクエストの内容：",
    link_useless_heading: "このリンクは無効です",
    link_unknown: "メールのリンクをもう一度開いてください。開けない場合は、リンク全体をコピーするか、メールのコードを入力してください。",
    link_used: "このリンクは使用済みです。お心当たりがない場合は、「パスワードをお忘れですか？」から別のパスワードを\
                設定してください。",
    never_share: "サポート担当者がこのコードをお尋ねすることはありません。他の人に教えないでください。",
    open_this_link: "または、お手続き中のブラウザーで次のリンクを開いてください：",
    recovery_heading: "パスワードの再設定",
    recovery_intro: |identifier, app| {
        format!("{app} で {identifier} のパスワードを再設定する手続きが始まりました。")
    },
    recovery_not_you: "お心当たりがない場合は、何もする必要はありません。パスワードは変わりません。",
    recovery_subject: |org| format!("{org} のパスワードの再設定"),
    request_word: |word| {
        format!("このメールは「リクエスト {word}」と表示されているページのものです。")
    },
    sign_in_by_name: "お心当たりがない場合は、何もする必要はありません。このコードがなければサインインできませんので、\
                      誰にも教えないでください。",
    sign_in_heading: "サインイン",
    sign_in_intro: |identifier, app| {
        format!("{app} に {identifier} としてサインインする手続きが行われています。")
    },
    sign_in_not_you: |app| {
        format!(
            "お心当たりがない場合、第三者がパスワードを知っているおそれがあります。このコードを誰にも\
             教えず、いつもの方法で {app} を開き、「パスワードをお忘れですか？」から別のパスワードを\
             設定してください。"
        )
    },
    sign_in_subject: |org| format!("{org} へのサインイン用コード"),
    when: |time: DateTime| {
        format!(
            "{}年{}月{}日 {:02}:{:02}（UTC）",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute()
        )
    },
    when_label: "日時",
    with_request_word: |subject, word| format!("{subject}（リクエスト {word}）"),
};

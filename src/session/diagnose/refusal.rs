//! What a refusal means: code, enhanced code, words and provider read together. One alone says little.

use crate::target::SecretKind;
use crate::wire::enhanced::EnhancedCode;
use crate::wire::reply::Reply;

/// Providers that take an app password or an authorisation code in the place of the account's password.
const APP_PASSWORDS: [&str; 12] = [
    "gmail",
    "google-workspace-relay",
    "yahoo",
    "aol",
    "icloud",
    "fastmail",
    "zoho",
    "yandex",
    "mail-ru",
    "qq",
    "163",
    "naver",
];

/// How servers say that they do not relay. The word alone stands in many a host name.
const RELAY: [&str; 14] = [
    "relay access denied",
    "relay denied",
    "relaying denied",
    "relaying not",
    "relaying is not",
    "relaying prohibited",
    "relay not",
    "relay is not",
    "relay prohibited",
    "unable to relay",
    "cannot relay",
    "not allow relay",
    "permitted to relay",
    "no relay",
];

/// A refusal, taken apart.
pub(super) struct Refusal {
    code: u16,
    enhanced: Option<EnhancedCode>,
    words: String,
}

impl Refusal {
    pub fn of(reply: &Reply) -> Self {
        Self {
            code: reply.code().unwrap_or_default(),
            enhanced: reply.enhanced(),
            words: reply.lines.iter().map(|line| line.text()).collect::<Vec<_>>().join(" ").to_lowercase(),
        }
    }

    /// True where the enhanced code is this one; its class is the reply code's.
    fn is(&self, subject: u16, detail: u16) -> bool {
        self.enhanced
            .is_some_and(|e| (u32::from(e.subject), u32::from(e.detail)) == (subject.into(), detail.into()))
    }

    fn says(&self, words: &[&str]) -> bool {
        words.iter().any(|words| self.words.contains(words))
    }

    fn temporary(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// A reply to AUTH or to one of its answers.
    pub fn of_auth(&self, kind: SecretKind, provider: Option<&str>) -> &'static str {
        let wrong = || match (kind, provider) {
            (SecretKind::Token, _) => "auth-token-refused",
            (_, Some(id)) if APP_PASSWORDS.contains(&id) => "auth-app-password-needed",
            _ => "auth-bad-credentials",
        };
        // What the words say plainly goes before the codes.
        if self.says(&[
            "application-specific password",
            "app password",
            "app-specific password",
            "authorization code",
        ]) || self.says(&["invalidsecondfactor", "authorized code", "授权码"])
        {
            return "auth-app-password-needed";
        }
        if self.says(&["web browser", "webloginrequired"]) || self.is(7, 14) {
            return "auth-web-login-needed";
        }
        if self.says(&[
            "credentials were incorrect",
            "username or password",
            "username and password not accepted",
        ]) {
            return wrong();
        }
        if self.is(7, 139)
            || self.is(7, 30)
            || self.is(7, 13)
            || self.says(&["basic authentication is disabled", "basic authentication is not supported"])
            || self.says(&[
                "smtpclientauthentication is disabled",
                "smtp auth is disabled",
                "smtp is not enabled",
            ])
            || self.says(&[
                "has no permission",
                "account disabled",
                "account is disabled",
                "account is locked",
            ])
        {
            return "auth-disabled";
        }
        if self.code == 538
            || self.is(7, 10)
            || self.is(7, 11)
            || self.says(&["starttls", "encryption required"])
        {
            return "auth-plaintext-refused";
        }
        if matches!(self.code, 500..=504) || self.code == 432 || self.is(7, 4) || self.is(7, 12) {
            return "auth-mechanism-unsupported";
        }
        if self.code == 534 || self.is(7, 9) {
            // RFC 4954 §6 means that the mechanism is too weak; who takes app passwords says it for that.
            return match wrong() {
                "auth-app-password-needed" => "auth-app-password-needed",
                _ => "auth-mechanism-unsupported",
            };
        }
        // Yahoo says "too many" of the first attempt with an account's password.
        let many = self.says(&["too many", "rate limit", "try again later"]);
        if self.temporary() {
            let about = self.says(&["credentials", "password", "authentication failed", "invalid user"]);
            let passing = many || self.says(&["temporar", "unavailable", "internal", "busy", "timeout"]);
            return if about && !passing { wrong() } else { "auth-temporary" };
        }
        if many && wrong() == "auth-bad-credentials" {
            return "auth-temporary";
        }
        wrong()
    }

    /// A reply to MAIL, RCPT, DATA or the message; `other` is what a lasting refusal of that command means by itself.
    pub fn of_envelope(&self, other: &'static str) -> &'static str {
        if self.says(&["starttls"]) || self.is(7, 10) {
            return "starttls-required";
        }
        if self.says(&["greylist", "graylist", "grey list", "postgrey"]) && self.temporary() {
            return "greylisted";
        }
        if self.says(&RELAY) {
            return "relay-denied";
        }
        let sign_in = [
            "authentication required",
            "authentication is required",
            "not authenticated",
            "authenticate first",
        ];
        let log_in =
            ["need to authenticate", "must authenticate", "must login", "log in first", "not logged in"];
        if self.code == 530 || self.is(7, 57) || self.says(&sign_in) || self.says(&log_in) {
            return "auth-required";
        }
        if self.is(3, 4)
            || self.is(2, 3)
            || self.says(&["message size", "too large", "too big", "maximum size"])
        {
            return "message-too-large";
        }
        let sender = [
            "sender address",
            "sender is not",
            "not owned by user",
            "send as",
            "sendasdenied",
            "sender verify",
        ];
        let from = ["from address", "not verified", "sender not allowed", "sender rejected", "mail from"];
        if other != "recipient-rejected" && (self.says(&sender) || self.says(&from))
            || self.says(&["sender address rejected", "not owned by user", "sendasdenied"])
            || self.is(1, 7)
            || self.is(1, 8)
        {
            return if self.temporary() { "envelope-temporary" } else { "sender-rejected" };
        }
        // Without the word, greylisting shows itself by its usual code to RCPT.
        if self.code == 451 && self.is(7, 1) && other == "recipient-rejected" {
            return "greylisted";
        }
        if self.temporary() { "envelope-temporary" } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::reply::ReplyReader;

    fn refusal(text: &str) -> Refusal {
        let mut reader = ReplyReader::new();
        reader.push(format!("{}\r\n", text.replace('\n', "\r\n")).as_bytes());
        Refusal::of(&reader.finish().unwrap())
    }

    #[test]
    fn auth_by_code_words_and_provider() {
        let table: &[(&str, Option<&str>, &str)] = &[
            ("535 5.7.8 Error: authentication failed:", None, "auth-bad-credentials"),
            ("535 Incorrect authentication data", None, "auth-bad-credentials"),
            (
                "535-5.7.8 Username and Password not accepted. For more information, go to\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials",
                Some("gmail"),
                "auth-app-password-needed",
            ),
            (
                "534-5.7.9 Application-specific password required. For more information, go to\n534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor",
                None,
                "auth-app-password-needed",
            ),
            (
                "534-5.7.14 <https://accounts.google.com/signin/continue> Please log in via\n534 5.7.14 your web browser",
                Some("gmail"),
                "auth-web-login-needed",
            ),
            ("534 5.7.9 Authentication mechanism is too weak", None, "auth-mechanism-unsupported"),
            ("535 5.7.0 (#AUTH005) Too many bad auth attempts.", Some("yahoo"), "auth-app-password-needed"),
            (
                "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
                Some("outlook"),
                "auth-disabled",
            ),
            (
                "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
                None,
                "auth-disabled",
            ),
            (
                "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
                Some("microsoft-365"),
                "auth-bad-credentials",
            ),
            (
                "550 5.7.30 Basic authentication is not supported for Client Submission.",
                None,
                "auth-disabled",
            ),
            ("525 5.7.13 User account disabled", None, "auth-disabled"),
            ("550 User has no permission", Some("163"), "auth-disabled"),
            (
                "538 5.7.11 Encryption required for requested authentication mechanism",
                None,
                "auth-plaintext-refused",
            ),
            ("530 5.7.0 Must issue a STARTTLS command first", None, "auth-plaintext-refused"),
            ("504 5.5.4 Unrecognized authentication type", None, "auth-mechanism-unsupported"),
            ("504 5.7.4 Unrecognized authentication type", Some("gmail"), "auth-mechanism-unsupported"),
            ("432 4.7.12 A password transition is needed", None, "auth-mechanism-unsupported"),
            ("454 4.7.0 Temporary authentication failure", None, "auth-temporary"),
            ("454 4.7.0 Too many login attempts, please try again later.", Some("gmail"), "auth-temporary"),
            ("421 4.7.0 Too many auth attempts", None, "auth-temporary"),
            (
                "451 Authentication failed: The provided authorization grant is invalid",
                Some("sendgrid"),
                "auth-bad-credentials",
            ),
        ];
        for (text, provider, code) in table {
            assert_eq!(refusal(text).of_auth(SecretKind::Password, *provider), *code, "{text}");
        }
        let token = refusal("535 5.7.8 Username and Password not accepted.")
            .of_auth(SecretKind::Token, Some("gmail"));
        assert_eq!(token, "auth-token-refused");
    }

    #[test]
    fn the_envelope_by_code_and_words() {
        let table: &[(&str, &str, &str)] = &[
            ("recipient-rejected", "554 5.7.1 <a@b.example>: Relay access denied", "relay-denied"),
            ("recipient-rejected", "454 4.7.1 <a@b.example>: Relay access denied", "relay-denied"),
            ("recipient-rejected", "550 relay not permitted", "relay-denied"),
            (
                "recipient-rejected",
                "550 5.1.1 <a@b.example>: Recipient address rejected: User unknown",
                "recipient-rejected",
            ),
            (
                "recipient-rejected",
                "553 5.7.1 <a@b.example>: Sender address rejected: not owned by user ann",
                "sender-rejected",
            ),
            (
                "recipient-rejected",
                "450 4.2.0 <a@b.example>: Recipient address rejected: Greylisted, see http://postgrey",
                "greylisted",
            ),
            ("recipient-rejected", "451 4.7.1 Please try again later", "greylisted"),
            ("recipient-rejected", "450 4.1.2 <a@b.example>: Domain not found", "envelope-temporary"),
            ("recipient-rejected", "530 5.7.0 Authentication required", "auth-required"),
            ("sender-rejected", "530 5.7.57 Client not authenticated to send mail.", "auth-required"),
            ("sender-rejected", "530 5.7.0 Must issue a STARTTLS command first", "starttls-required"),
            ("sender-rejected", "550 5.1.0 Address rejected", "sender-rejected"),
            ("sender-rejected", "552 5.3.4 Message size exceeds fixed limit", "message-too-large"),
            ("sender-rejected", "451 4.3.0 Internal error", "envelope-temporary"),
            ("message-rejected", "554 Message rejected: Email address is not verified.", "sender-rejected"),
            ("message-rejected", "550 5.7.1 Content looks like spam", "message-rejected"),
        ];
        for (other, text, code) in table {
            assert_eq!(refusal(text).of_envelope(other), *code, "{text}");
        }
    }
}

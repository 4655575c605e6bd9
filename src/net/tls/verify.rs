//! OpenSSL's verification results by their texts.
//!
//! native-tls keeps the number of a failed verification to itself and prints its text in brackets behind the error;
//! this table leads back to the number. Spellings changed over the versions: hyphens, capitals, a few words.

/// The X509_V_ERR_* number of a text, in the spelling of OpenSSL 1.1.1 or 3; `None` for an unknown one.
pub(super) fn number(text: &str) -> Option<i32> {
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', " ");
    let wanted = plain(text);
    TEXTS.iter().find(|(_, known)| plain(known) == wanted).map(|(number, _)| *number)
}

/// Those that a handshake can end with: no CRL, proxy certificate or Suite B is ever asked for.
const TEXTS: &[(i32, &str)] = &[
    (1, "unspecified certificate verification error"),
    (2, "unable to get issuer certificate"),
    (4, "unable to decrypt certificate's signature"),
    (6, "unable to decode issuer public key"),
    (7, "certificate signature failure"),
    (9, "certificate is not yet valid"),
    (10, "certificate has expired"),
    (13, "format error in certificate's notBefore field"),
    (14, "format error in certificate's notAfter field"),
    (17, "out of memory"),
    (18, "self-signed certificate"),
    (19, "self-signed certificate in certificate chain"),
    (20, "unable to get local issuer certificate"),
    (21, "unable to verify the first certificate"),
    (22, "certificate chain too long"),
    (23, "certificate revoked"),
    (24, "issuer certificate doesn't have a public key"),
    (25, "path length constraint exceeded"),
    (26, "unsuitable certificate purpose"),
    (26, "unsupported certificate purpose"),
    (27, "certificate not trusted"),
    (28, "certificate rejected"),
    (29, "subject issuer mismatch"),
    (30, "authority and subject key identifier mismatch"),
    (31, "authority and issuer serial number mismatch"),
    (32, "key usage does not include certificate signing"),
    (34, "unhandled critical extension"),
    (37, "invalid non-CA certificate (has CA markings)"),
    (39, "key usage does not include digital signature"),
    (41, "invalid or inconsistent certificate extension"),
    (42, "invalid or inconsistent certificate policy extension"),
    (43, "no explicit policy"),
    (45, "unsupported extension feature"),
    (46, "RFC 3779 resource not subset of parent's resources"),
    (47, "permitted subtree violation"),
    (48, "excluded subtree violation"),
    (49, "name constraints minimum and maximum not supported"),
    (50, "application verification failure"),
    (51, "unsupported name constraint type"),
    (52, "unsupported or invalid name constraint syntax"),
    (53, "unsupported or invalid name syntax"),
    (55, "path loop"),
    (62, "hostname mismatch"),
    (63, "email address mismatch"),
    (64, "IP address mismatch"),
    (66, "EE certificate key too weak"),
    (67, "CA certificate key too weak"),
    (68, "CA signature digest algorithm too weak"),
    (69, "invalid certificate verification context"),
    (70, "issuer certificate lookup error"),
    (76, "Cannot find certificate signature algorithm"),
    (77, "subject signature algorithm and issuer public key algorithm mismatch"),
    (78, "cert info signature and signature algorithm mismatch"),
    (79, "invalid CA certificate"),
    (80, "Path length invalid for non-CA cert"),
    (81, "Path length given without key usage keyCertSign"),
    (82, "Key usage keyCertSign invalid for non-CA cert"),
    (83, "Issuer name empty"),
    (84, "Subject name empty"),
    (85, "Missing Authority Key Identifier"),
    (86, "Missing Subject Key Identifier"),
    (87, "Empty Subject Alternative Name extension"),
    (88, "Subject empty and Subject Alt Name extension not critical"),
    (89, "Basic Constraints of CA cert not marked critical"),
    (90, "Authority Key Identifier marked critical"),
    (91, "Subject Key Identifier marked critical"),
    (92, "CA cert does not include key usage extension"),
    (93, "Using cert extension requires at least X509v3"),
    (94, "Certificate public key has explicit ECC parameters"),
];

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn spellings_of_all_versions_are_known() {
        for (text, expected) in [
            ("self-signed certificate", Some(18)),
            ("self signed certificate", Some(18)),
            ("Hostname mismatch", Some(62)),
            ("hostname mismatch", Some(62)),
            ("unsupported certificate purpose", Some(26)),
            ("something new", None),
            ("", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }
}

//! Whether colours and other than ASCII characters may be used: flags first, then the environment.

/// True where colours may be used: not with `--no-color`, a non-empty NO_COLOR, or TERM=dumb.
pub fn colour(no_color: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !no_color && !set("NO_COLOR") && !dumb()
}

/// True where only ASCII may be used: with `--ascii`, TERM=dumb, or a locale without UTF-8.
pub fn ascii(only_ascii: bool) -> bool {
    only_ascii || dumb() || !utf8_locale(|name| std::env::var(name).ok())
}

fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// The first of LC_ALL, LC_CTYPE and LANG that is set and not empty decides (POSIX); the kernel console cannot.
fn utf8_locale(variable: impl Fn(&str) -> Option<String>) -> bool {
    if variable("TERM").as_deref() == Some("linux") {
        return false;
    }
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()))
        .is_some_and(|locale| {
            let locale = locale.to_ascii_uppercase();
            locale.contains("UTF-8") || locale.contains("UTF8")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_set_variable_decides() {
        let with = |vars: &'static [(&str, &str)]| {
            utf8_locale(move |name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
        };
        assert!(with(&[("LANG", "en_US.UTF-8")]));
        assert!(with(&[("LC_ALL", ""), ("LANG", "C.utf8")]));
        assert!(!with(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(!with(&[]));
        assert!(!with(&[("TERM", "linux"), ("LANG", "en_US.UTF-8")]));
    }
}

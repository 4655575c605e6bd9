//! The tests as they stand in the source, read by Rust's own tokens: a comment is none of them, and what stands in a
//! file that no module names is not compiled and does not count.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Macros that make two tests of a name, a name and a code.
const PAIRS: [&str; 2] = ["pair", "chains"];

/// One `#[test]` that runs.
#[derive(Debug)]
pub struct Test {
    /// From the root of the project.
    pub file: String,
    pub name: String,
    /// The whole text of each string in its body that is asserted, or used by what is.
    pub strings: BTreeSet<String>,
    /// `X` of each `Outcome::X`.
    pub outcomes: BTreeSet<String>,
}

impl Test {
    /// True where its name has these words behind this one.
    pub fn is_named(&self, before: &str, words: &str) -> bool {
        let wanted: Vec<&str> = [before].into_iter().chain(words.split('-')).collect();
        let parts: Vec<&str> = self.name.split('_').collect();
        parts.windows(wanted.len()).any(|window| window == wanted)
    }

    /// True where its name begins so and has these words in it.
    pub fn names(&self, begins: &str, words: &str) -> bool {
        let wanted: Vec<&str> = words.split('-').collect();
        let parts: Vec<&str> = self.name.split('_').collect();
        parts.first() == Some(&begins) && parts.windows(wanted.len()).any(|window| window == wanted)
    }
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All tests of the project.
pub fn tests() -> Vec<Test> {
    let mut found = Vec::new();
    for folder in ["src", "tests"] {
        for path in files(&root().join(folder)) {
            let text = fs::read_to_string(&path).unwrap();
            let tokens: TokenStream =
                text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let mut own = Vec::new();
            read(tokens, &mut own);
            if !own.is_empty() {
                assert!(is_compiled(&path), "{} has tests, and no module names it", path.display());
            }
            let file = path.strip_prefix(root()).unwrap().display().to_string();
            found.extend(own.into_iter().map(|test| Test { file: file.clone(), ..test }));
        }
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// True where `mod NAME;` stands in a file around it, or Cargo takes it for a root.
fn is_compiled(path: &Path) -> bool {
    let (folder, stem) = (path.parent().unwrap(), path.file_stem().unwrap().to_str().unwrap());
    let roots = ["src/lib.rs", "src/main.rs"].map(|name| root().join(name));
    if roots.contains(&path.to_owned()) || folder == root().join("tests") {
        return true;
    }
    // `tests/wire/mod.rs` is named in `tests/lab.rs`, `tests/real/relay.rs` in `tests/real.rs` by its path.
    let (name, around) = match stem {
        "mod" => (folder.file_name().unwrap().to_str().unwrap(), files(folder.parent().unwrap())),
        _ => (stem, [files(folder), files(folder.parent().unwrap())].concat()),
    };
    around.iter().any(|file| {
        let tokens: TokenStream = fs::read_to_string(file).unwrap().parse().unwrap();
        declares(tokens, name)
    })
}

fn declares(tokens: TokenStream, name: &str) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    tokens.windows(3).any(|window| match window {
        [TokenTree::Ident(word), TokenTree::Ident(known), TokenTree::Punct(end)] => {
            word == "mod" && known == name && end.as_char() == ';'
        }
        _ => false,
    })
}

/// Reads the items of a module, or of a macro that holds items.
fn read(tokens: TokenStream, found: &mut Vec<Test>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    // Whether the attributes above the next item make it a test that runs.
    let (mut is_test, mut is_ignored) = (false, false);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                if let Some(TokenTree::Group(attribute)) = tokens.get(at + 1) {
                    let words = path_of(attribute.stream());
                    is_test |= words.last().is_some_and(|word| word == "test");
                    is_ignored |= words.first().is_some_and(|word| word == "ignore");
                    at += 1;
                }
            }
            TokenTree::Ident(word) if *word == "fn" => {
                // A type has none, and in the definition of a macro it stands for one.
                let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else {
                    at += 1;
                    continue;
                };
                let body = tokens[at..].iter().find_map(|token| match token {
                    TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
                    _ => None,
                });
                if is_test && !is_ignored {
                    let mut test = Test::of(&name.to_string());
                    look(body.unwrap(), &mut test);
                    found.push(test);
                }
                (is_test, is_ignored) = (false, false);
            }
            TokenTree::Group(group) => {
                let before = at.checked_sub(1).and_then(|before| tokens.get(before));
                let named = at.checked_sub(2).and_then(|before| tokens.get(before));
                match (named, before) {
                    (Some(TokenTree::Ident(name)), Some(TokenTree::Punct(call)))
                        if call.as_char() == '!' && PAIRS.contains(&name.to_string().as_str()) =>
                    {
                        pairs(group.stream(), found);
                    }
                    _ if group.delimiter() == Delimiter::Brace => read(group.stream(), found),
                    _ => {}
                }
            }
            TokenTree::Punct(end) if end.as_char() == ';' => (is_test, is_ignored) = (false, false),
            _ => {}
        }
        at += 1;
    }
}

impl Test {
    fn of(name: &str) -> Self {
        Self {
            file: String::new(),
            name: name.to_owned(),
            strings: BTreeSet::new(),
            outcomes: BTreeSet::new(),
        }
    }
}

/// The words of an attribute's path.
fn path_of(attribute: TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    for token in attribute {
        match token {
            TokenTree::Ident(word) => words.push(word.to_string()),
            TokenTree::Punct(colon) if colon.as_char() == ':' => {}
            _ => break,
        }
    }
    words
}

/// `says_x, no_x, "x"`: the first test asserts that the code is there, the second that it is not.
fn pairs(tokens: TokenStream, found: &mut Vec<Test>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for window in tokens.windows(5) {
        let [
            TokenTree::Ident(says),
            TokenTree::Punct(_),
            TokenTree::Ident(no),
            TokenTree::Punct(_),
            TokenTree::Literal(code),
        ] = window
        else {
            continue;
        };
        for name in [says, no] {
            let mut test = Test::of(&name.to_string());
            test.strings.insert(unquoted(&code.to_string()));
            found.push(test);
        }
    }
}

fn unquoted(literal: &str) -> String {
    literal.trim_matches('"').to_owned()
}

/// What stands in a body. What is asserted not to be so is left out.
fn look(tokens: TokenStream, test: &mut Test) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if text.starts_with('"') {
                    test.strings.insert(unquoted(&text));
                }
            }
            TokenTree::Group(group) => {
                let before = at.checked_sub(1).and_then(|before| tokens.get(before));
                let attribute = matches!(before, Some(TokenTree::Punct(hash)) if hash.as_char() == '#');
                let denies = matches!(
                    group.stream().into_iter().next(),
                    Some(TokenTree::Punct(not)) if not.as_char() == '!'
                );
                let left_out = attribute || (denies && group.delimiter() == Delimiter::Parenthesis);
                if !left_out {
                    look(group.stream(), test);
                }
            }
            TokenTree::Ident(word) if *word == "Outcome" => {
                let path = [tokens.get(at + 1), tokens.get(at + 2), tokens.get(at + 3)];
                if let [Some(TokenTree::Punct(_)), Some(TokenTree::Punct(_)), Some(TokenTree::Ident(name))] =
                    path
                {
                    test.outcomes.insert(name.to_string());
                }
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_no_test_is_not_read() {
    let text = r#"
        // #[test] fn says_comment() { "comment"; }
        /// #[test] fn says_words() {}
        fn says_helper() { has("helper"); }
        #[test]
        #[ignore = "it takes long"]
        fn says_ignored() { has("ignored"); }
        mod inner {
            #[tokio::test(start_paused = true)]
            async fn says_async() {
                // "remark"
                assert!(!has("denied"));
                assert_eq!(codes(Outcome::NotSmtp), ["found"]);
            }
        }
        pair!(says_one, no_one, "one", Starttls, |t| {}, |t| {});
        chains! { says_two, no_two, "two": a, b; }
    "#;
    let mut found = Vec::new();
    read(text.parse().unwrap(), &mut found);
    let names: Vec<&str> = found.iter().map(|test| test.name.as_str()).collect();
    assert_eq!(names, ["says_async", "says_one", "no_one", "says_two", "no_two"]);
    assert_eq!(found[0].strings, BTreeSet::from(["found".to_owned()]));
    assert_eq!(found[0].outcomes, BTreeSet::from(["NotSmtp".to_owned()]));
    assert!(
        found[1].names("says", "one") && found[2].is_named("no", "one") && !found[1].is_named("no", "one")
    );
    assert!(!declares("// mod a;\nmod b { mod a; }".parse().unwrap(), "a"));
    assert!(declares("#[cfg(test)] mod tests;".parse().unwrap(), "tests"));
}

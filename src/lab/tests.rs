use super::*;

#[test]
fn every_file_is_embedded_and_proven() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/lab");
    let mut on_disk: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    on_disk.sort();
    let mut embedded: Vec<&str> = FILES.iter().map(|(id, _)| *id).collect();
    embedded.sort_unstable();
    assert_eq!(on_disk, embedded);
    for (id, text) in FILES {
        if let Err(error) = Scenario::read(id, text) {
            panic!("{error}");
        }
    }
    assert_eq!(scenarios().len(), FILES.len());
}

#[test]
fn every_scenario_can_be_built_in_no_time() {
    for scenario in scenarios() {
        let lab = open(&scenario.id).unwrap();
        let servers = scenario.smtp.iter().map(|s| &s.id).chain(scenario.http.iter().map(|s| &s.id));
        for id in servers {
            lab.network.context(id).unwrap_or_else(|error| panic!("{}, {id}: {error}", scenario.id));
        }
    }
}

#[test]
fn an_unknown_scenario_says_where_they_are_named_and_what_was_meant() {
    let Err(error) = open("no\u{1b}such") else { panic!("there is none") };
    let text = error.to_string();
    assert!(text.contains("ehlo lab list") && !text.contains("did you mean"), "{text}");
    assert!(!text.contains('\u{1b}'));
    let Err(error) = open("587-filterd") else { panic!("there is none") };
    assert!(error.to_string().contains("did you mean 587-filtered?"), "{error}");
}

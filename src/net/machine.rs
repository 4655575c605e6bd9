//! What this machine says of itself: firmware and hypervisor, as the kernel shows them in /sys. No network call.
//!
//! Only names of makers and products are read, no serial number and no unique id: a journal or report may be handed on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Files of /sys/class/dmi/id that name a maker or product (SMBIOS, by way of the kernel's dmi-id).
const DMI: [&str; 8] = [
    "sys_vendor",
    "product_name",
    "product_version",
    "bios_vendor",
    "bios_version",
    "board_vendor",
    "chassis_vendor",
    "chassis_asset_tag",
];

/// Asset tags by which clouds mark their machines. Any other is a company's own number and nobody's business.
const ASSET_TAGS: [&str; 2] = ["7783-7084-3265-9085-8269-3286-77", "OracleCloud.com"];

/// Environment variables that platforms set in every process: only that they are set is of interest.
const PLATFORMS: [&str; 2] = ["RENDER", "RAILWAY_PROJECT_ID"];

/// Longest value that is kept.
const MAX_VALUE: usize = 64;

/// Reads it below `sys`, which is /sys everywhere but in tests.
pub(crate) fn read(sys: &Path, is_set: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.insert(name.to_owned(), value);
        }
    };
    for name in DMI {
        let value = text(&sys.join("class/dmi/id").join(name));
        add(name, value.filter(|tag| name != "chassis_asset_tag" || ASSET_TAGS.contains(&tag.as_str())));
    }
    add("hypervisor/type", text(&sys.join("hypervisor/type")));
    // The id itself is unique; its first letters are the same on all machines of EC2.
    let uuid = text(&sys.join("hypervisor/uuid")).map(|uuid| uuid.chars().take(3).collect());
    add("hypervisor/uuid", uuid);
    for name in PLATFORMS.iter().filter(|name| is_set(name)) {
        add(&format!("env/{name}"), Some("set".to_owned()));
    }
    facts
}

fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(4 * MAX_VALUE as u64).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let clean = text.trim().chars().filter(|c| !c.is_control()).take(MAX_VALUE).collect::<String>();
    Some(clean.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use super::*;

    #[test]
    fn names_are_read_and_numbers_are_not() {
        let sys = tempfile::tempdir().unwrap();
        let dmi = sys.path().join("class/dmi/id");
        create_dir_all(&dmi).unwrap();
        create_dir_all(sys.path().join("hypervisor")).unwrap();
        write(dmi.join("sys_vendor"), "DigitalOcean\n").unwrap();
        write(dmi.join("product_name"), "  Droplet \x1b[31m\n").unwrap();
        write(dmi.join("product_serial"), "123456789\n").unwrap();
        write(dmi.join("product_uuid"), "4c4c4544-0042\n").unwrap();
        write(dmi.join("chassis_asset_tag"), "ACME-0815\n").unwrap();
        write(dmi.join("board_vendor"), "\n").unwrap();
        write(sys.path().join("hypervisor/uuid"), "ec2e1916-9099-7caf-fd21-012345abcdef\n").unwrap();
        let found = read(sys.path(), |name| name == "RENDER");
        let expected = [
            ("env/RENDER", "set"),
            ("hypervisor/uuid", "ec2"),
            ("product_name", "Droplet [31m"),
            ("sys_vendor", "DigitalOcean"),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn a_cloud_is_marked_by_its_tag() {
        let sys = tempfile::tempdir().unwrap();
        let dmi = sys.path().join("class/dmi/id");
        create_dir_all(&dmi).unwrap();
        write(dmi.join("chassis_asset_tag"), "OracleCloud.com\n").unwrap();
        write(dmi.join("sys_vendor"), "X".repeat(9_000)).unwrap();
        let found = read(sys.path(), |_| false);
        assert_eq!(found["chassis_asset_tag"], "OracleCloud.com");
        assert_eq!(found["sys_vendor"].len(), MAX_VALUE);
        assert!(read(Path::new("/nowhere"), |_| false).is_empty());
    }
}

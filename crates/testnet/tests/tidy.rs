//! Checks the tree against what docs/architecture.md says of it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines a source file may have. Most have under 300.
const LONGEST_FILE: usize = 400;

/// Lines a `main.rs` may have: it is a table of contents.
const LONGEST_MAIN: usize = 40;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Crates of the code map, with their layers.
fn layers() -> BTreeMap<String, u8> {
    let page = read(&root().join("docs/architecture.md"));
    let map = page.split("## Code map").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = map.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | `"));
    rows.filter_map(|(layer, rest)| Some((rest.split('`').next()?.to_owned(), layer.trim().parse().ok()?)))
        .collect()
}

/// Our own crates that a manifest names in its `[dependencies]`.
fn dependencies(name: &str, known: &BTreeMap<String, u8>) -> BTreeSet<String> {
    let manifest = read(&root().join("crates").join(name).join("Cargo.toml"));
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default().split("\n[").next().unwrap();
    let names = section.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).map(str::to_owned);
    names.filter(|name| known.contains_key(name)).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources_of(name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    sources(&root().join("crates").join(name).join("src"), &mut found);
    found
}

#[test]
fn the_code_map_names_every_crate_and_no_other() {
    let folders = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap());
    let there: BTreeSet<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let named: BTreeSet<String> = layers().into_keys().collect();
    assert_eq!(named, there);
}

#[test]
fn dependencies_point_down_only() {
    let layers = layers();
    for (name, layer) in &layers {
        for dependency in dependencies(name, &layers) {
            let below = layers[&dependency];
            assert!(below < *layer, "{name} (layer {layer}) depends on {dependency} (layer {below})");
        }
    }
}

/// Each name in `[dependencies]` stands in a source: what nobody uses is not built and not audited.
#[test]
fn every_dependency_is_used() {
    for name in layers().into_keys() {
        let manifest = read(&root().join("crates").join(&name).join("Cargo.toml"));
        let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let section = section.split("\n[").next().unwrap();
        let code: String = sources_of(&name).iter().map(|path| read(path)).collect();
        for line in section.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic())) {
            let dependency = line.split(['.', ' ', '=']).next().unwrap();
            let library = match dependency {
                "md-5" => "md5".to_owned(),
                // Its entry point is a macro of the fuzz targets, which are no sources of the library.
                "libfuzzer-sys" => continue,
                other => other.replace('-', "_"),
            };
            let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            assert!(words.into_iter().any(|word| word == library), "{name} does not use {dependency}");
        }
    }
}

#[test]
fn nothing_below_the_runtime_reads_a_clock_a_socket_or_the_environment() {
    let forbidden = [
        "tokio",
        "Instant::now",
        "SystemTime::now",
        "std::net::Udp",
        "std::net::Tcp",
        "std::env",
        "getrandom",
    ];
    for (name, _) in layers().into_iter().filter(|(_, layer)| *layer < 4) {
        for path in sources_of(&name) {
            let text = read(&path);
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                let found = forbidden.iter().find(|word| line.contains(**word));
                assert!(found.is_none(), "{}: {line}", path.display());
            }
        }
    }
}

/// Files of the binaries beside the roles: they read configurations and run a node.
const OF_BINARIES: [&str; 7] =
    ["main.rs", "config.rs", "rules_dir.rs", "cli.rs", "console.rs", "place.rs", "run.rs"];

#[test]
fn no_role_reads_a_file_a_clock_or_a_socket() {
    let forbidden =
        ["tokio", "ims_runtime", "std::fs", "std::io", "std::env", "Instant::now", "SystemTime", "UdpSocket"];
    for name in ["pcscf", "scscf", "icscf", "presence-server", "ue-agent"] {
        let is_of_role = |path: &PathBuf| !OF_BINARIES.iter().any(|file| path.ends_with(file));
        for path in sources_of(name).into_iter().filter(is_of_role) {
            for line in read(&path).lines().filter(|line| !line.trim_start().starts_with("//")) {
                let found = forbidden.iter().find(|word| line.contains(**word));
                assert!(found.is_none(), "{}: {line}", path.display());
            }
        }
    }
}

/// The files of a crate, by module path, each with the modules that it names in its code.
fn modules(name: &str) -> BTreeMap<String, BTreeSet<String>> {
    let base = root().join("crates").join(name).join("src");
    let path_of = |file: &PathBuf| {
        let path = file.strip_prefix(&base).unwrap().with_extension("");
        let path = path.to_str().unwrap().replace('/', "::");
        path.strip_suffix("::mod").map(str::to_owned).unwrap_or(path)
    };
    let files: BTreeMap<String, PathBuf> = sources_of(name)
        .into_iter()
        .map(|file| (path_of(&file), file))
        .filter(|(module, _)| !module.split("::").any(|part| part == "tests"))
        .collect();
    let named = |module: &str, file: &PathBuf| {
        let text = read(file);
        let code = text.split("#[cfg(test)]").next().unwrap();
        let code =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
        let from = |marker: &str, prefix: &str| {
            let paths = code.split(marker).skip(1).map(|rest| {
                let path = rest.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').next().unwrap();
                format!("{prefix}{path}")
            });
            paths.collect::<Vec<_>>()
        };
        let beside = if parent.is_empty() { String::new() } else { format!("{parent}::") };
        let mut found = BTreeSet::new();
        for path in from("crate::", "").into_iter().chain(from("super::", &beside)) {
            let parts: Vec<&str> = path.split("::").collect();
            let prefixes = (1..=parts.len()).rev().map(|length| parts[..length].join("::"));
            found.extend(prefixes.into_iter().find(|prefix| files.contains_key(prefix) && prefix != module));
        }
        found
    };
    // The root of a crate names everything.
    let all = files.iter().filter(|(module, _)| *module != "lib" && *module != "main");
    all.map(|(module, file)| (module.clone(), named(module, file))).collect()
}

fn reachable(from: &str, graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(module) = next.pop() {
        for other in graph.get(&module).into_iter().flatten() {
            if seen.insert(other.clone()) {
                next.push(other.clone());
            }
        }
    }
    seen
}

/// Files that need each other can only be understood together.
#[test]
fn no_circle_of_files_is_larger_than_three() {
    for name in ["ims-node", "ims-runtime", "sip-event", "sip-message", "sip-transaction", "sip-resolve"] {
        let graph = modules(name);
        let reach: BTreeMap<&String, BTreeSet<String>> =
            graph.keys().map(|module| (module, reachable(module, &graph))).collect();
        for module in graph.keys() {
            let circle: Vec<&String> = reach[module]
                .iter()
                .filter(|other| reach.get(other).is_some_and(|back| back.contains(module)))
                .collect();
            assert!(circle.len() <= 3, "{name}: {circle:?}");
        }
    }
}

#[test]
fn files_are_short_and_main_is_a_table_of_contents() {
    let mut long = Vec::new();
    for name in layers().into_keys() {
        for path in sources_of(&name) {
            let lines = read(&path).lines().count();
            let cap = if path.ends_with("src/main.rs") { LONGEST_MAIN } else { LONGEST_FILE };
            if lines > cap {
                long.push(format!("{}: {lines} lines", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

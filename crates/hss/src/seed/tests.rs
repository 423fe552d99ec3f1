use super::*;
use cx_protocol::{ProfilePart, ServiceTrigger, SessionCase};
use ims_runtime::config::ConfigFile;
use std::path::PathBuf;

fn config(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config").join(name)
}

fn accounts(changes: Vec<StoreChange>) -> Vec<Account> {
    let account = |change| match change {
        StoreChange::Account(account) => Some(*account),
        StoreChange::Directory(_) | StoreChange::Removed(_) | StoreChange::Registration(..) => None,
    };
    changes.into_iter().filter_map(account).collect()
}

fn lab(domain: u8) -> Vec<StoreChange> {
    let file = ConfigFile::<Subscribers>::new(config(&format!("subscribers-home{domain}.toml")));
    file.load().unwrap().build().unwrap()
}

#[test]
fn the_labs_accounts_are_those_of_the_design() {
    for (domain, names) in
        [(1, &["alice", "carol", "erin", "frank", "grace", "heidi"][..]), (2, &["bob", "dave"])]
    {
        let accounts = accounts(lab(domain));
        assert_eq!(accounts.iter().map(|account| &*account.name).collect::<Vec<_>>(), names);
        for account in accounts {
            let (name, realm) = (&account.name, format!("home{domain}.test"));
            let impis: Vec<&str> = account.credentials.iter().map(|one| one.impi.as_str()).collect();
            assert_eq!(impis, [&*format!("{name}@{realm}"), &**name]);
            // Most clients give up at the sight of SHA-256; grace is for those that do not.
            let both = [DigestAlgorithm::Sha256, DigestAlgorithm::Md5];
            let expected = if &**name == "grace" { &both[..] } else { &both[1..] };
            assert_eq!(account.algorithms, expected, "{name}");
            assert_eq!(*account.realm, *realm);
            let identities = &account.sets[0].identities;
            assert_eq!(identities.default_impu(), Impu::new(&format!("sip:{name}@{realm}")).ok().as_ref());
        }
    }
}

#[test]
fn the_labs_scscfs_are_a_and_b_and_a_is_the_default() {
    let name = |uri| ScscfName::new(uri).unwrap();
    let Some(StoreChange::Directory(directory)) = lab(2).into_iter().next() else {
        panic!("the S-CSCFs first")
    };
    let names: Vec<ScscfName> = directory.scscfs.into_iter().map(|scscf| scscf.name).collect();
    assert_eq!(names, [name("sip:scscf2a.home2.test"), name("sip:scscf2b.home2.test")]);
    assert_eq!(directory.default, Some(name("sip:scscf2a.home2.test")));
}

#[test]
fn the_labs_criteria_send_subscribe_publish_and_register_to_the_presence_server() {
    let account = accounts(lab(1)).remove(0);
    let criteria = &account.sets[0].criteria;
    let parts: Vec<ProfilePart> = criteria.iter().map(|criterion| criterion.profile_part).collect();
    assert_eq!(parts, [ProfilePart::Both, ProfilePart::Registered, ProfilePart::Registered]);
    assert!(criteria.iter().all(|criterion| &*criterion.application_server.uri == "sip:ps1.home1.test;lr"));
    let spts = &criteria[0].trigger.as_ref().unwrap().spts;
    let unregistered = ServiceTrigger::SessionCase(SessionCase::TerminatingUnregistered);
    assert!(spts.iter().any(|spt| spt.groups == [1] && !spt.negated && spt.trigger == unregistered));
    let ServiceTrigger::Header { content: Some(event), .. } = &spts[1].trigger else {
        panic!("the Event header")
    };
    let event = regex_lite::Regex::new(event).unwrap();
    for (value, matches) in [
        ("presence", true),
        ("presence.winfo", true),
        ("presence;id=2", true),
        ("presence.winfo.winfo", false),
    ] {
        assert_eq!(event.is_match(value), matches, "{value}");
    }
}

#[test]
fn rfc7616_3_4_2_passwords_become_one_ha1_a_spelling_and_algorithm() {
    let table = [
        ("alice@home1.test", DigestAlgorithm::Md5, ALICE_AT_MD5),
        ("alice@home1.test", DigestAlgorithm::Sha256, ALICE_AT_SHA256),
        ("alice", DigestAlgorithm::Md5, ALICE_MD5),
        ("alice", DigestAlgorithm::Sha256, ALICE_SHA256),
    ];
    let alice = accounts(lab(1)).remove(0);
    for (impi, algorithm, hex) in table {
        let credentials = alice.credentials.iter().find(|one| one.impi.as_str() == impi).unwrap();
        let ha1 = credentials.ha1s.iter().find(|ha1| ha1.algorithm() == algorithm).unwrap();
        assert_eq!(ha1.to_hex(), hex, "{impi} {algorithm:?}");
    }
    let stored = minicbor::to_vec(&alice).unwrap();
    assert!(!stored.windows(12).any(|octets| octets == b"alice-secret"), "no password is stored");
}

// Computed with Python's hashlib over `username:home1.test:alice-secret`.
const ALICE_AT_MD5: &str = "0b446221521e3e136572f035445fc917";
const ALICE_AT_SHA256: &str = "989d48445b59cf430abc2ab8520cff4ec2813d41011e9dec397f027cad9d0ca3";
const ALICE_MD5: &str = "5290a70ada028a09864a4dcdd62dd942";
const ALICE_SHA256: &str = "0b302da71187a3eddc862fc77767dec82654b750b0f9a72d5d473992ef4fa21b";

const GOOD: &str = r#"realm = "home1.test"
default_scscf = "sip:s.home1.test"
scscf = [{ name = "sip:s.home1.test" }]
[profile.p]
[[profile.p.criterion]]
priority = 0
application_server = "sip:ps1.home1.test;lr"
default_handling = "continued"
profile_part = "both"
when = [{ is_not = { method = "INVITE" } }]
[account.a]
impis = ["a"]
password = "x"
profile = "p"
sets = [[{ impu = "sip:a@home1.test" }], [{ impu = "tel:+1" }]]
"#;

fn load(text: &str) -> Result<Vec<Account>, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s.toml");
    std::fs::write(&path, text).unwrap();
    let loaded = ConfigFile::<Subscribers>::new(path).load().map_err(|error| error.to_string())?;
    Ok(accounts(loaded.build().unwrap()))
}

#[test]
fn a_negated_trigger_is_negated() {
    let account = load(GOOD).unwrap().remove(0);
    assert_eq!(account.sets.len(), 2);
    assert!(account.sets[1].criteria[0].trigger.as_ref().unwrap().spts[0].negated);
}

#[test]
fn an_error_names_file_line_and_key() {
    let second = "[account.b]\nprofile = \"p\"\npassword = \"y\"\nimpis = [\"b\"]\nsets = [[{ impu = \"sip:b@home1.test\" }]]\n";
    let table = [
        (
            "sip:s.home1.test\"\nscscf",
            "sip:t.home1.test\"\nscscf",
            "s.toml:2:1: default_scscf: must be one of",
        ),
        ("name = \"sip:s", "name = \"tel:s", "s.toml:3:19: scscf[0].name: an identity of another scheme"),
        ("profile = \"p\"", "profile = \"q\"", "s.toml:14:1: account.a.profile: must be the NAME"),
        ("impis = [\"a\"]", "impis = []", "s.toml:12:1: account.a.impis: must have"),
        ("sip:a@", "sip:a a@", "s.toml:15:19: account.a.sets[0][0].impu: an identity with an invalid user"),
        ("password = \"x\"\n", "", "s.toml:11:10: account.a.password: must be given"),
        ("password = \"x\"", "password = \"\"", "s.toml:13:1: account.a.password: must be given"),
        (
            "sip:a@home1.test",
            "sip:a@home2.test",
            "s.toml:15:1: account.a.sets: must have identities of the domain",
        ),
        (", [{ impu = \"tel:+1\" }]", ", []", "s.toml:15:1: account.a.sets: must have"),
        ("tel:+1", "sip:a@HOME1.test", "account.a.sets[1][0].impu: must not be in the file twice"),
        ("impis = [\"a\"]", "impis = [\"a\", \"a\"]", "s.toml:12:15: account.a.impis[1]: must not be"),
        (
            "is_not = { method = \"INVITE\" }",
            "groups = [1]",
            "profile.p.criterion[0].when[0]: must have groups",
        ),
        ("method = \"INVITE\"", "request_uri = \"(\"", "s.toml:10:"),
        ("impis = [\"a\"]", "impis = [\"a\"]\nalgorithms = [\"SHA-512\"]", "s.toml:13:"),
        ("realm = ", "realms = ", "s.toml:1:1: realms: unknown field"),
    ];
    assert!(load(&format!("{GOOD}{second}")).is_ok());
    for (good, bad, said) in table {
        let text = GOOD.replacen(good, bad, 1);
        assert_ne!(text, GOOD);
        let error = load(&text).unwrap_err();
        assert!(error.contains(said), "{bad}: {error}");
    }
    let twice = format!("{GOOD}{}", second.replace("sip:b@", "sip:a@"));
    assert!(load(&twice).unwrap_err().contains("account.b.sets[0][0].impu"), "across accounts too");
}

#[test]
fn gw_06_a_name_that_is_a_number_brings_the_number_along() {
    let with =
        |sets: &str| GOOD.replace("[[{ impu = \"sip:a@home1.test\" }], [{ impu = \"tel:+1\" }]]", sets);
    let named = "[[{ impu = \"sip:+1-555@home1.test\", barred = true }, { impu = \"sip:a@home1.test\" }]]";
    let second = "[account.b]\nimpis = [\"b\"]\npassword = \"y\"\nprofile = \"p\"\nsets = [[{ impu = \"tel:+1(555)\" }]]";
    let local = "[[{ impu = \"sip:01-23;phone-context=home1.test@home1.test;user=phone\", barred = true }]]";
    for (text, expected) in [
        (with(named), vec!["sip:+1-555@home1.test", "sip:a@home1.test", "tel:+1555"]),
        (
            with(&named.replace("@home1.test\", barred", "@home1.test;user=phone\", barred")),
            vec!["sip:+1-555@home1.test", "sip:a@home1.test", "tel:+1555"],
        ),
        (
            with(local),
            vec!["sip:01-23;phone-context=home1.test@home1.test", "tel:0123;phone-context=home1.test"],
        ),
        // Unless another account has it.
        (with(named) + second, vec!["sip:+1-555@home1.test", "sip:a@home1.test"]),
    ] {
        let account = load(&text).unwrap().remove(0);
        let identities = &account.sets[0].identities.identities;
        let impus: Vec<&str> = identities.iter().map(|identity| identity.impu.as_str()).collect();
        assert_eq!(impus, expected);
        let numbers = identities.iter().filter(|identity| identity.impu.as_str().starts_with("tel:"));
        assert!(numbers.into_iter().all(|number| number.barred), "as its name is");
    }
}

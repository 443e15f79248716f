//! The configuration as an operator meets it: sample files, layers, and what is refused.
use std::process::{Command, Output};

const BINARY: &str = env!("CARGO_BIN_EXE_plimsoll-bots");

fn sample(bot: &str) -> String {
    format!("{}/config/{bot}.toml", env!("CARGO_MANIFEST_DIR"))
}

/// Runs the binary without the caller's own options.
fn bots(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars() {
        if name.starts_with("PLIMSOLL_") {
            command.env_remove(name);
        }
    }
    let environment = environment.iter().copied();
    command.args(arguments).envs(environment).output().unwrap()
}

fn printed(arguments: &[&str], environment: &[(&str, &str)]) -> toml::Table {
    let output = bots(arguments, environment);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap().parse().unwrap()
}

fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = bots(arguments, environment);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn sample_files_hold_the_defaults() {
    for bot in ["keeper", "liquidator", "maker", "recorder"] {
        let defaults = printed(&[bot, "--print-config"], &[]);
        let file = printed(&[bot, "--print-config", "--config", &sample(bot)], &[]);
        assert_eq!(file[bot], defaults[bot], "{bot}");
        let own = std::fs::read_to_string(sample(bot)).unwrap();
        let own: toml::Table = own.parse().unwrap();
        assert_eq!(
            own[bot], defaults[bot],
            "{bot}: every option stands in the file"
        );
    }
}

#[test]
fn flags_go_before_environment_before_file_before_defaults() {
    let file = sample("maker");
    let base = ["maker", "--print-config", "--config", file.as_str()];
    let environment = [("PLIMSOLL_MAKER_SPREAD", "6"), ("PLIMSOLL_LOG", "debug")];
    let all = printed(&base, &environment);
    assert_eq!(all["maker"]["spread"], 6.0.into());
    assert_eq!(all["common"]["log"], "debug".into());
    assert_eq!(all["common"]["keypair"], "maker.json".into());
    let mut arguments = base.to_vec();
    arguments.extend(["--spread", "7", "--markets", "SOL-PERP,BTC-PERP"]);
    let all = printed(&arguments, &environment);
    assert_eq!(all["maker"]["spread"], 7.0.into());
    let markets = all["maker"]["markets"].as_array().unwrap();
    assert_eq!(markets.len(), 2);
    // A flag that repeats the default still goes before the rest.
    let mut arguments = base.to_vec();
    arguments.extend(["--spread", "4"]);
    let all = printed(&arguments, &environment);
    assert_eq!(all["maker"]["spread"], 4.0.into());
}

#[test]
fn says_which_option_is_wrong() {
    let spelled = [("PLIMSOLL_KEEPER_REFRESH_EVRY", "1")];
    let error = refused(&["keeper", "--print-config"], &spelled);
    assert!(
        error.contains("refresh_evry") && error.contains("refresh_every"),
        "{error}"
    );
    let error = refused(&["keeper", "--print-config", "--refresh-every", "0"], &[]);
    assert!(error.contains("refresh_every"), "{error}");
    let error = refused(&["keeper", "--config", "nowhere.toml"], &[]);
    assert!(error.contains("nowhere.toml"), "{error}");

    let path = std::env::temp_dir().join(format!("plimsoll-{}.toml", std::process::id()));
    let with = |text: &str| {
        std::fs::write(&path, text).unwrap();
        refused(&["keeper", "--config", path.to_str().unwrap()], &[])
    };
    let error = with("[common]\nrcp = \"x\"\n");
    assert!(
        error.contains("`rcp`") && error.contains("`rpc`"),
        "{error}"
    );
    let error = with("[keper]\nrefresh = true\n");
    assert!(error.contains("\"keper\" is no table"), "{error}");
    let error = with("[keeper]\nrefresh_every = \"often\"\n");
    assert!(
        error.contains("refresh_every") && error.contains(".toml"),
        "{error}"
    );
    std::fs::remove_file(&path).unwrap();
}

/// Whoever counted slots is told what to set today, wherever the old name stands.
#[test]
fn old_names_are_refused_with_the_new_ones() {
    let says = |error: String, old: &str, new: &str| {
        let expected = format!("{old} is gone, set {new} instead");
        assert!(error.contains(&expected), "{error}");
    };
    let liquidator = ["liquidator", "--print-config"];
    let spelled = [("PLIMSOLL_LIQUIDATOR_FRESH_SLOTS", "6")];
    says(
        refused(&liquidator, &spelled),
        "fresh_slots",
        "fresh_within",
    );
    for flag in ["--refresh-after-slots=10", "--refresh-after-slots"] {
        let error = refused(&["liquidator", "--print-config", flag, "10"], &[]);
        says(error, "refresh_after_slots", "refresh_after");
    }
    let path = std::env::temp_dir().join(format!("plimsoll-old-{}.toml", std::process::id()));
    for (old, new) in [
        ("refresh_at", "refresh_after"),
        ("refresh_within", "accrue_every"),
    ] {
        std::fs::write(&path, format!("[keeper]\n{old} = 0.5\n")).unwrap();
        let error = refused(&["keeper", "--config", path.to_str().unwrap()], &[]);
        says(error, old, new);
    }
    std::fs::remove_file(&path).unwrap();
    // A name of another bot's table is that bot's own matter.
    let spelled = [("PLIMSOLL_LIQUIDATOR_FRESH_SLOTS", "6")];
    printed(&["keeper", "--print-config"], &spelled);
}

#[test]
fn masks_what_an_address_may_hold() {
    let secret = "https://node.example/?api-key=1234";
    let all = printed(&["keeper", "--print-config", "--rpc", secret], &[]);
    assert_eq!(all["common"]["rpc"], "https://node.example/?***".into());

    // The token for signed prices is known from the environment, and never told.
    let arguments = ["keeper", "--print-config", "--pro-urls", "wss://a,wss://b"];
    let token = [("PLIMSOLL_PRO_TOKEN", "a-secret-token")];
    let all = printed(&arguments, &token);
    assert_eq!(all["common"]["pro_urls"].as_array().map(Vec::len), Some(2));
    assert!(!all.to_string().contains("a-secret-token"), "{all}");
}

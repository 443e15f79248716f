//! The arguments of the commands that take hardly any.

use anyhow::{bail, Result};

/// Whether `--check` is among the arguments, the only one there may be; `None` when help was asked for and printed.
pub fn check(arguments: &[String], help: &str) -> Result<Option<bool>> {
    match arguments {
        [] => Ok(Some(false)),
        [one] if one == "--check" => Ok(Some(true)),
        _ => none(arguments, help).map(|_| None),
    }
}

/// Refuses all arguments; `None` when help was asked for and printed.
pub fn none(arguments: &[String], help: &str) -> Result<Option<()>> {
    match arguments {
        [] => Ok(Some(())),
        [one] if one == "-h" || one == "--help" => {
            println!("{help}");
            Ok(None)
        }
        _ => bail!("unknown arguments\n\n{help}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_there_is_to_take() {
        let given = |text: &str| [text.to_owned()];
        assert_eq!(check(&[], "").unwrap(), Some(false));
        assert_eq!(check(&given("--check"), "").unwrap(), Some(true));
        assert_eq!(check(&given("--help"), "").unwrap(), None);
        assert_eq!(none(&[], "").unwrap(), Some(()));
        assert!(check(&given("--chekc"), "").is_err());
        assert!(none(&given("--check"), "").is_err());
    }
}

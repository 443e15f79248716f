//! Hiding what an address may carry: passwords, keys in the query, tokens in the path.
use serde::Deserialize;

/// Longest part of a path that is not taken for a token.
const LONGEST_WORD: usize = 20;
const HIDDEN: &str = "***";

/// A secret from the environment or a file, which is never printed.
#[derive(Clone, PartialEq, Deserialize)]
pub struct Secret(String);

impl Secret {
    /// What is to be sent to whoever gave it, and to nobody else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// An address without its secrets.
pub fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, _)) => (rest, "?***"),
        None => (rest, ""),
    };
    let (host, path) = rest
        .split_once('/')
        .map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = match host.rsplit_once('@') {
        Some((_, host)) => format!("{HIDDEN}@{host}"),
        None => host.to_owned(),
    };
    let mut text = format!("{scheme}://{host}");
    for part in path.into_iter().flat_map(|path| path.split('/')) {
        let part = if part.len() > LONGEST_WORD {
            HIDDEN
        } else {
            part
        };
        text.push('/');
        text.push_str(part);
    }
    text + query
}

/// A table of the configuration with every address masked.
pub(super) fn mask(value: toml::Value) -> toml::Value {
    match value {
        toml::Value::String(text) => masked(&text).into(),
        toml::Value::Table(table) => {
            let entries = table.into_iter();
            toml::Value::Table(entries.map(|(key, value)| (key, mask(value))).collect())
        }
        toml::Value::Array(items) => toml::Value::Array(items.into_iter().map(mask).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_passwords_queries_and_tokens() {
        let hidden = |url: &str| masked(url);
        assert_eq!(hidden("http://127.0.0.1:8899"), "http://127.0.0.1:8899");
        assert_eq!(
            hidden("https://a.example/?api-key=1"),
            "https://a.example/?***"
        );
        assert_eq!(
            hidden("https://a.example/v2/0123456789abcdef0123456789/x"),
            "https://a.example/v2/***/x"
        );
        assert_eq!(
            hidden("postgres://me:pass@db/plimsoll"),
            "postgres://***@db/plimsoll"
        );
        assert_eq!(hidden("/home/keys/keeper.json"), "/home/keys/keeper.json");
    }
}

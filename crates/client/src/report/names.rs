//! Names of assets and markets for a report.
use crate::Directory;

/// Names by index; what has none is called by its kind and index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub assets: Vec<String>,
    pub markets: Vec<String>,
}

impl Names {
    /// An asset's.
    pub fn asset(&self, index: u16) -> String {
        named(&self.assets, "asset", index)
    }

    /// A market's.
    pub fn market(&self, index: u16) -> String {
        named(&self.markets, "market", index)
    }
}

impl From<&Directory> for Names {
    fn from(directory: &Directory) -> Self {
        Self {
            assets: directory.assets.iter().map(|a| a.symbol.clone()).collect(),
            markets: directory.markets.iter().map(|m| m.name.clone()).collect(),
        }
    }
}

fn named(names: &[String], kind: &str, index: u16) -> String {
    match names.get(usize::from(index)) {
        Some(name) if !name.is_empty() => name.clone(),
        _ => format!("{kind} {index}"),
    }
}

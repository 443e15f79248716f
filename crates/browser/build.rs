//! Takes from the program's interface file what decoding needs: the shapes of accounts and events, without the prose.

use std::{env, error::Error, fs, path::Path};

use serde_json::{Map, Value};

const INTERFACE: &str = "../../idl/plimsoll.json";
/// The parts of the interface file that name shapes.
const PARTS: [&str; 3] = ["accounts", "events", "types"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={INTERFACE}");
    println!("cargo::rerun-if-changed=build.rs");
    let interface: Value = serde_json::from_str(&fs::read_to_string(INTERFACE)?)?;
    let mut schema = Map::new();
    for part in PARTS {
        let value = interface
            .get(part)
            .ok_or("the interface file lacks a part")?;
        schema.insert(part.to_owned(), without_docs(value));
    }
    let out = Path::new(&env::var("OUT_DIR")?).join("schema.json");
    fs::write(out, Value::Object(schema).to_string())?;
    Ok(())
}

fn without_docs(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "docs")
            .map(|(name, value)| (name.clone(), without_docs(value)))
            .collect(),
        Value::Array(values) => values.iter().map(without_docs).collect(),
        other => other.clone(),
    }
}

//! Decodes accounts and events by the program's interface file, so that no layout is written twice.
//!
//! Zero-copy accounts have their padding as fields, so they are read like Borsh: field after field. Names become camel
//! case; padding and reserved fields are left out; 32 bytes that are an address read as one.
use std::{collections::BTreeMap, sync::OnceLock};

use anchor_lang::prelude::Pubkey;
use serde::{ser::SerializeMap, Deserialize, Serialize, Serializer};

/// A decoded value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    /// An integer of up to 32 bits, signed or not.
    Small(i64),
    /// A wider one.
    Large(i128),
    Text(String),
    List(Vec<Value>),
    /// Fields in their order.
    Fields(Vec<(String, Value)>),
    Nothing,
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Small(value) => match (u32::try_from(*value), i32::try_from(*value)) {
                (Ok(value), _) => to.serialize_u32(value),
                (_, Ok(value)) => to.serialize_i32(value),
                _ => to.serialize_i64(*value),
            },
            Self::Large(value) => to.serialize_i128(*value),
            Self::Text(text) => to.serialize_str(text),
            Self::List(values) => to.collect_seq(values),
            Self::Fields(fields) => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::Nothing => to.serialize_none(),
        }
    }
}

impl Value {
    /// A field of a structure.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Fields(fields) = self else {
            return None;
        };
        let found = fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Fields(fields) = self else {
            return None;
        };
        let found = fields.iter_mut().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    /// An integer.
    pub fn integer(&self) -> Option<i128> {
        match self {
            Self::Small(value) => Some(i128::from(*value)),
            Self::Large(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn list_mut(&mut self) -> Option<&mut Vec<Self>> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }
}

/// The shapes of the program's accounts and events.
#[derive(Debug, Deserialize)]
pub struct Schema {
    accounts: Vec<Marked>,
    events: Vec<Marked>,
    types: Vec<Named>,
    #[serde(skip)]
    by_name: BTreeMap<String, usize>,
}

/// A shape that bytes announce by a discriminator.
#[derive(Debug, Deserialize)]
struct Marked {
    name: String,
    discriminator: Vec<u8>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    r#type: Shape,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Shape {
    Struct {
        #[serde(default)]
        fields: Vec<Field>,
    },
    Enum {
        variants: Vec<Variant>,
    },
    Type {
        alias: Type,
    },
}

#[derive(Debug, Deserialize)]
struct Variant {
    name: String,
    #[serde(default)]
    fields: Vec<Field>,
}

/// A field by name, or of a tuple.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Field {
    Named { name: String, r#type: Type },
    Unnamed(Type),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Type {
    Plain(String),
    Array { array: (Box<Type>, usize) },
    List { vec: Box<Type> },
    Optional { option: Box<Type> },
    Defined { defined: Reference },
}

#[derive(Debug, Deserialize)]
struct Reference {
    name: String,
}

/// The program's schema.
///
/// # Errors
/// A sentence, when the interface file has something this reader does not know.
pub fn schema() -> Result<&'static Schema, String> {
    static SCHEMA: OnceLock<Result<Schema, String>> = OnceLock::new();
    let parsed = SCHEMA.get_or_init(|| {
        let text = include_str!(concat!(env!("OUT_DIR"), "/schema.json"));
        let mut schema: Schema = serde_json::from_str(text).map_err(|error| error.to_string())?;
        schema.by_name = (schema.types.iter().enumerate())
            .map(|(i, named)| (named.name.clone(), i))
            .collect();
        Ok(schema)
    });
    parsed.as_ref().map_err(Clone::clone)
}

impl Schema {
    /// Name and fields of an event, if the data is one of the program's.
    pub fn event(&self, data: &[u8]) -> Option<(&str, Value)> {
        let (event, body) = marked(&self.events, data)?;
        Some((event, self.defined(event, &mut Bytes(body))?))
    }

    /// An account of the kind of this name.
    ///
    /// # Errors
    /// A sentence, when it is of another kind or too short.
    pub fn account(&self, name: &str, data: &[u8]) -> Result<Value, String> {
        match marked(&self.accounts, data) {
            Some((kind, body)) if kind == name => self
                .defined(kind, &mut Bytes(body))
                .ok_or_else(|| format!("the {name} account is shorter than its kind")),
            Some((kind, _)) => Err(format!("a {kind} account, not a {name}")),
            None => Err("not an account of the program".to_owned()),
        }
    }

    /// A value of the type of this name, from the front of the bytes.
    pub fn value(&self, name: &str, data: &[u8]) -> Option<Value> {
        self.defined(name, &mut Bytes(data))
    }

    fn defined(&self, name: &str, from: &mut Bytes) -> Option<Value> {
        match &self.types.get(*self.by_name.get(name)?)?.r#type {
            Shape::Struct { fields } => match fields.as_slice() {
                // A unit such as base lots is told as its number.
                [Field::Unnamed(only)] => self.read(only, from),
                fields => self.fields(fields, from).map(Value::Fields),
            },
            Shape::Type { alias } => self.read(alias, from),
            Shape::Enum { variants } => {
                let variant = variants.get(usize::from(from.take::<1>()?[0]))?;
                let mut fields = vec![("kind".to_owned(), Value::Text(variant.name.clone()))];
                fields.extend(self.fields(&variant.fields, from)?);
                Some(Value::Fields(fields))
            }
        }
    }

    fn fields(&self, fields: &[Field], from: &mut Bytes) -> Option<Vec<(String, Value)>> {
        let mut out = Vec::with_capacity(fields.len());
        for (i, field) in fields.iter().enumerate() {
            let (name, shape) = match field {
                Field::Named { name, r#type } => (name.clone(), r#type),
                Field::Unnamed(shape) => (i.to_string(), shape),
            };
            let value = match (shape, name.as_str()) {
                (Type::Array { array: (_, len) }, "name") => text(from.cut(*len)?),
                (Type::Array { array: (_, 32) }, "feed") => hex(from.cut(32)?),
                (Type::Array { array: (_, 32) }, "owner" | "maker") => address(from.take()?),
                (other, _) => self.read(other, from)?,
            };
            let shown = name.trim_start_matches('_');
            if !shown.starts_with("padding") && shown != "reserved" {
                out.push((camel(&name), value));
            }
        }
        Some(out)
    }

    fn read(&self, shape: &Type, from: &mut Bytes) -> Option<Value> {
        match shape {
            Type::Plain(name) => plain(name, from),
            Type::Defined { defined } => self.defined(&defined.name, from),
            Type::Array { array: (of, len) } => self.list(of, *len, from),
            Type::List { vec } => {
                let len = usize::try_from(u32::from_le_bytes(from.take()?)).ok()?;
                self.list(vec, len, from)
            }
            Type::Optional { option } => match from.take::<1>()? {
                [0] => Some(Value::Nothing),
                _ => self.read(option, from),
            },
        }
    }

    fn list(&self, of: &Type, len: usize, from: &mut Bytes) -> Option<Value> {
        let values = (0..len).map(|_| self.read(of, from));
        values.collect::<Option<Vec<_>>>().map(Value::List)
    }
}

/// What the data announces itself as, and the rest of it.
fn marked<'a, 'b>(known: &'a [Marked], data: &'b [u8]) -> Option<(&'a str, &'b [u8])> {
    known.iter().find_map(|marked| {
        let body = data.strip_prefix(marked.discriminator.as_slice())?;
        Some((marked.name.as_str(), body))
    })
}

fn plain(name: &str, from: &mut Bytes) -> Option<Value> {
    Some(match name {
        "bool" => Value::Bool(from.take::<1>()? != [0]),
        "u8" => Value::Small(u8::from_le_bytes(from.take()?).into()),
        "i8" => Value::Small(i8::from_le_bytes(from.take()?).into()),
        "u16" => Value::Small(u16::from_le_bytes(from.take()?).into()),
        "i16" => Value::Small(i16::from_le_bytes(from.take()?).into()),
        "u32" => Value::Small(u32::from_le_bytes(from.take()?).into()),
        "i32" => Value::Small(i32::from_le_bytes(from.take()?).into()),
        "u64" => Value::Large(u64::from_le_bytes(from.take()?).into()),
        "i64" => Value::Large(i64::from_le_bytes(from.take()?).into()),
        "i128" => Value::Large(i128::from_le_bytes(from.take()?)),
        "pubkey" => address(from.take()?),
        "bytes" => {
            let len = usize::try_from(u32::from_le_bytes(from.take()?)).ok()?;
            hex(from.cut(len)?)
        }
        "string" => {
            let len = usize::try_from(u32::from_le_bytes(from.take()?)).ok()?;
            text(from.cut(len)?)
        }
        _ => return None,
    })
}

/// Bytes that are read from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn cut(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.cut(N)?.try_into().ok()
    }
}

fn address(bytes: [u8; 32]) -> Value {
    Value::Text(Pubkey::new_from_array(bytes).to_string())
}

/// Zero-padded UTF-8.
fn text(bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes);
    Value::Text(text.trim_end_matches('\0').to_owned())
}

fn hex(bytes: &[u8]) -> Value {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    Value::Text(digits.collect())
}

fn camel(name: &str) -> String {
    let mut words = name.split('_').filter(|word| !word.is_empty());
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use anchor_lang::{Discriminator, Event};
    use plimsoll::{
        events::Deposited,
        state::{Bank, Book, Exchange, FillQueueAccount, MarginAccount, Market, RiskState},
    };

    /// An account whose every byte is its place, and what is left of it after decoding.
    fn decoded<T: Discriminator>(name: &str) -> (Vec<u8>, Value) {
        let body = (0..size_of::<T>()).map(|i| u8::try_from(i % 251).unwrap());
        let data: Vec<u8> = T::DISCRIMINATOR.iter().copied().chain(body).collect();
        let schema = schema().unwrap();
        let value = schema.account(name, &data).unwrap();
        assert!(schema.account(name, &data[..data.len() - 1]).is_err());
        (data, value)
    }

    #[test]
    fn every_account_is_read_to_its_last_byte() {
        decoded::<Bank>("Bank");
        decoded::<Book>("Book");
        decoded::<Exchange>("Exchange");
        decoded::<FillQueueAccount>("FillQueueAccount");
        decoded::<MarginAccount>("MarginAccount");
        decoded::<Market>("Market");
        decoded::<RiskState>("RiskState");
    }

    #[test]
    fn fields_are_where_the_program_has_them() {
        let (data, value) = decoded::<MarginAccount>("MarginAccount");
        let account = plimsoll_client::decode::<MarginAccount>(&data).unwrap();
        assert_eq!(
            value.get("owner"),
            Some(&Value::Text(account.owner.to_string()))
        );
        let Some(Value::List(orders)) = value.get("orders") else {
            panic!("no orders");
        };
        let last = account.orders[63];
        let field = |name| orders[63].get(name).and_then(Value::integer);
        assert_eq!(field("id"), Some(last.id.into()));
        assert_eq!(field("lots"), Some(last.lots.0.into()));
        assert_eq!(field("flags"), Some(last.flags.into()));
        assert!(value.get("reserved").is_none() && value.get("padding").is_none());
    }

    #[test]
    fn events_are_named_and_read() {
        let event = Deposited {
            margin_account: Pubkey::new_from_array([7; 32]),
            asset: 3,
            amount: u64::MAX,
            shares: -5,
        };
        let (name, value) = schema().unwrap().event(&event.data()).unwrap();
        assert_eq!(name, "Deposited");
        let field = |name: &str| value.get(name).and_then(Value::integer);
        assert_eq!(field("asset"), Some(3));
        assert_eq!(field("amount"), Some(u64::MAX.into()));
        assert_eq!(field("shares"), Some(-5));
        let json = crate::output::json(&value).unwrap();
        let json = String::from_utf8(json).unwrap();
        assert!(json.contains(r#""asset":3,"amount":"18446744073709551615","shares":"-5""#));
    }
}

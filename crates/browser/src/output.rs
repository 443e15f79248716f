//! Answers in JSON, and why there is none.
use std::io;

use anchor_lang::error::Error;
use plimsoll_client::errors::Refusal;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// An answer's JSON, or a failure.
pub type Answer = Result<Vec<u8>, Failure>;

/// Why a question has no answer.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    error: Refusal,
}

impl Failure {
    /// The input makes no sense.
    pub fn input(problem: &str) -> Self {
        Self {
            error: Refusal {
                code: 0,
                name: "InvalidInput".into(),
                message: problem.to_owned(),
            },
        }
    }

    /// As an answer.
    pub fn into_json(self) -> Vec<u8> {
        json(&self).unwrap_or_else(|_| br#"{"error":{"code":0,"name":"","message":""}}"#.to_vec())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error: error.into(),
        }
    }
}

/// The answer to an input that makes no sense.
pub fn failed(problem: &str) -> Vec<u8> {
    Failure::input(problem).into_json()
}

/// A value as JSON, integers of 64 bits and more as strings.
pub fn json<T: Serialize>(value: &T) -> Answer {
    let mut out = Vec::with_capacity(1024);
    let mut serializer = Serializer::with_formatter(&mut out, Quoted);
    value
        .serialize(&mut serializer)
        .map_err(|error| Failure::input(&error.to_string()))?;
    Ok(out)
}

/// Writes large integers as strings.
struct Quoted;

impl Formatter for Quoted {
    fn write_u64<W: ?Sized + io::Write>(&mut self, to: &mut W, value: u64) -> io::Result<()> {
        write!(to, "\"{value}\"")
    }

    fn write_i64<W: ?Sized + io::Write>(&mut self, to: &mut W, value: i64) -> io::Result<()> {
        write!(to, "\"{value}\"")
    }

    fn write_i128<W: ?Sized + io::Write>(&mut self, to: &mut W, value: i128) -> io::Result<()> {
        write!(to, "\"{value}\"")
    }
}

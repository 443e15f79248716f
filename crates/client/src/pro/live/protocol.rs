//! What is said over the connection: subscriptions in JSON, answers in JSON with the signed message in base64.
use base64::{prelude::BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};

use super::Channel;
use crate::pro::SignedMessage;

/// What the program demands of a price.
const PROPERTIES: [&str; 5] = [
    "price",
    "confidence",
    "exponent",
    "publisherCount",
    "feedUpdateTimestamp",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Subscribe<'a> {
    r#type: &'static str,
    subscription_id: u64,
    price_feed_ids: &'a [u32],
    properties: [&'static str; 5],
    formats: [&'static str; 1],
    delivery_format: &'static str,
    json_binary_encoding: &'static str,
    parsed: bool,
    channel: &'static str,
    ignore_invalid_feeds: bool,
}

/// The request for a subscription, counted from 0.
pub(super) fn subscribe(index: usize, feeds: &[u32], channel: Channel) -> String {
    let request = Subscribe {
        r#type: "subscribe",
        subscription_id: index as u64,
        price_feed_ids: feeds,
        properties: PROPERTIES,
        formats: ["solana"],
        delivery_format: "json",
        json_binary_encoding: "base64",
        parsed: false,
        channel: channel.name(),
        ignore_invalid_feeds: false,
    };
    serde_json::to_string(&request).expect("numbers and names are JSON")
}

/// What a server said.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// A message of a subscription, counted from 0.
    Update(usize, SignedMessage),
    /// A request was refused: nothing will come of it.
    Refusal(String),
    /// Nothing that matters here.
    Other,
    /// Nothing that can be understood.
    Noise,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    r#type: String,
    subscription_id: Option<u64>,
    solana: Option<Data>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Data {
    encoding: String,
    data: String,
}

pub(super) fn read(text: &str) -> Said {
    let Ok(answer) = serde_json::from_str::<Answer>(text) else {
        return Said::Noise;
    };
    match answer.r#type.as_str() {
        "streamUpdated" => update(&answer).unwrap_or(Said::Noise),
        "error" | "subscriptionError" => {
            Said::Refusal(answer.error.unwrap_or_else(|| "no reason given".into()))
        }
        _ => Said::Other,
    }
}

fn update(answer: &Answer) -> Option<Said> {
    let index = usize::try_from(answer.subscription_id?).ok()?;
    let solana = answer.solana.as_ref()?;
    if solana.encoding != "base64" {
        return None;
    }
    let bytes = BASE64_STANDARD.decode(&solana.data).ok()?;
    let message = SignedMessage::decode(&bytes).ok()?;
    Some(Said::Update(index, message))
}

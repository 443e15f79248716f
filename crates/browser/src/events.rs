//! The program's events in a transaction's logs.
use plimsoll_client::events::payloads;
use serde::{Deserialize, Serialize};

use crate::{
    input::Parts,
    output::{json, Answer, Failure},
    schema::{schema, Value},
};

#[derive(Deserialize)]
struct EventsInput {
    logs: Vec<String>,
}

#[derive(Serialize)]
struct Event<'a> {
    kind: &'a str,
    data: Value,
}

/// Every event that the program logged, in order.
pub fn events(parts: &Parts) -> Answer {
    let input: EventsInput = parts.header()?;
    let schema = schema().map_err(|problem| Failure::input(&problem))?;
    let data = payloads(&input.logs);
    let events: Vec<Event> = (data.iter())
        .filter_map(|data| schema.event(data))
        .map(|(kind, data)| Event { kind, data })
        .collect();
    json(&events)
}

//! A node that answers as it is told, and remembers what it was sent.
use std::{
    collections::{BTreeMap, HashSet},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use anchor_lang::prelude::Pubkey;
use base64::{engine::general_purpose::STANDARD, Engine};
use plimsoll_client::transaction::VERSION_1_FEATURE;
use serde_json::{json, Value};
use solana_message::VersionedMessage;
use solana_signature::Signature;
use solana_transaction::versioned::{TransactionVersion, VersionedTransaction};

/// What the node knows. Tests change it as they please.
#[derive(Default)]
pub struct Script {
    /// Confirmed block height; block hashes are valid up to 100.
    pub height: u64,
    /// Slot of the height, and the slot as of which statuses are told.
    pub slot: u64,
    pub status_slot: u64,
    /// Status of every signature.
    pub status: Value,
    /// Metadata of every transaction.
    pub meta: Value,
    /// Refuses so many submissions for an unknown blockhash.
    pub unknown_blockhash: u32,
    /// Error of every simulation.
    pub simulated: Value,
    pub simulation_logs: Vec<String>,
    /// Transactions that were sent, each as often as it was.
    pub sent: Vec<VersionedTransaction>,
    /// Transactions that were simulated.
    pub tried: Vec<VersionedTransaction>,
    /// Answers transactions of version 1 with this error.
    pub refuses_version_1: Option<i64>,
    /// Simulates no transactions of version 1.
    pub unsupported_version: bool,
    /// How often each account was asked for.
    pub asked: BTreeMap<Pubkey, u32>,
    /// Block hashes that were handed out.
    pub blockhashes: u8,
    /// Accounts as of `slot`, all that there are.
    pub accounts: BTreeMap<Pubkey, Vec<u8>>,
    /// Refuses every call.
    pub down: bool,
}

impl Script {
    /// Signatures of what was sent, each once.
    pub fn signatures(&self) -> HashSet<Signature> {
        self.sent.iter().map(|sent| sent.signatures[0]).collect()
    }

    /// The cluster has activated version 1.
    pub fn with_version_1(mut self) -> Self {
        let active = [&[1u8][..], &7u64.to_le_bytes()].concat();
        self.accounts.insert(VERSION_1_FEATURE, active);
        self
    }

    /// Why the node does not take a transaction, if so.
    fn objection(&self, transaction: &VersionedTransaction) -> Option<Value> {
        let newer = matches!(transaction.message, VersionedMessage::V1(_));
        let code = newer.then_some(self.refuses_version_1).flatten()?;
        Some(json!({ "code": code, "message": "base64 encoded transaction too large" }))
    }

    /// Nothing is known of any transaction, nor ever will be.
    pub fn expired() -> Self {
        Self {
            height: 101,
            slot: 120,
            status_slot: 120,
            ..Self::default()
        }
    }

    /// Every transaction is confirmed.
    pub fn confirmed(error: Value) -> Self {
        let verdict = match &error {
            Value::Null => json!({ "Ok": null }),
            error => json!({ "Err": error }),
        };
        Self {
            status: json!({
                "slot": 77, "confirmations": 3, "status": verdict, "err": error,
                "confirmationStatus": "confirmed",
            }),
            ..Self::default()
        }
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        if self.down {
            return Err(json!({ "code": -32005, "message": "the node is behind" }));
        }
        Ok(match method {
            "getLatestBlockhash" => {
                self.blockhashes += 1;
                let hash = solana_hash::Hash::new_from_array([self.blockhashes; 32]);
                let value = json!({ "blockhash": hash.to_string(), "lastValidBlockHeight": 100 });
                json!({ "context": { "slot": self.slot }, "value": value })
            }
            "simulateTransaction" => {
                let transaction = transaction(params);
                if let Some(objection) = self.objection(&transaction) {
                    return Err(objection);
                }
                let newer = matches!(transaction.message, VersionedMessage::V1(_));
                let error = match newer && self.unsupported_version {
                    true => json!("UnsupportedVersion"),
                    false => self.simulated.clone(),
                };
                self.tried.push(transaction);
                json!({
                    "context": { "slot": self.slot },
                    "value": {
                        "err": error, "logs": self.simulation_logs, "unitsConsumed": 30_000,
                    },
                })
            }
            "sendTransaction" => {
                if self.unknown_blockhash > 0 {
                    self.unknown_blockhash -= 1;
                    return Err(json!({ "code": -32002, "message": "Blockhash not found" }));
                }
                let transaction = transaction(params);
                if let Some(objection) = self.objection(&transaction) {
                    return Err(objection);
                }
                let signature = transaction.signatures[0].to_string();
                self.sent.push(transaction);
                json!(signature)
            }
            "getSignatureStatuses" => {
                json!({ "context": { "slot": self.status_slot }, "value": [self.status] })
            }
            "getEpochInfo" => json!({
                "absoluteSlot": self.slot, "blockHeight": self.height, "epoch": 0,
                "slotIndex": 0, "slotsInEpoch": 432_000, "transactionCount": 1,
            }),
            "getTransaction" => {
                let version = self.sent.last().map(VersionedTransaction::version);
                let newest = params[1]["maxSupportedTransactionVersion"].as_u64();
                if let Some(TransactionVersion::Number(number)) = version {
                    if newest.is_none_or(|newest| newest < u64::from(number)) {
                        let message = format!("Transaction version ({number}) is not supported");
                        return Err(json!({ "code": -32015, "message": message }));
                    }
                }
                json!({
                    "slot": 77, "blockTime": null, "meta": self.meta,
                    "transaction": ["", "base64"], "version": version,
                })
            }
            "getProgramAccounts" => {
                let all = self
                    .accounts
                    .iter()
                    .map(|(address, data)| keyed(address, data));
                json!({ "context": { "slot": self.slot }, "value": all.collect::<Vec<_>>() })
            }
            "getMultipleAccounts" => {
                let asked = params[0].as_array().unwrap().iter();
                let found = asked.map(|address| {
                    let address = address.as_str().unwrap().parse().unwrap();
                    *self.asked.entry(address).or_default() += 1;
                    self.accounts.get(&address).map(|data| account(data))
                });
                json!({ "context": { "slot": self.slot }, "value": found.collect::<Vec<_>>() })
            }
            other => return Err(json!({ "code": -32601, "message": format!("no {other}") })),
        })
    }
}

fn transaction(params: &Value) -> VersionedTransaction {
    let bytes = STANDARD.decode(params[0].as_str().unwrap()).unwrap();
    wincode::deserialize(&bytes).unwrap()
}

fn account(data: &[u8]) -> Value {
    json!({
        "lamports": 1, "owner": plimsoll::ID.to_string(), "executable": false, "rentEpoch": 0,
        "space": data.len(), "data": [STANDARD.encode(data), "base64"],
    })
}

/// An account with its address, as scans and notifications tell of it.
pub fn keyed(address: &Pubkey, data: &[u8]) -> Value {
    json!({ "pubkey": address.to_string(), "account": account(data) })
}

/// A running node; it ends with the process.
pub struct Node {
    pub url: String,
    script: Arc<Mutex<Script>>,
}

impl Node {
    pub fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(script));
        let shared = script.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let script = shared.clone();
                thread::spawn(move || serve(stream, &script));
            }
        });
        Self { url, script }
    }

    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }
}

/// Answers requests on one connection until it is closed.
fn serve(mut stream: TcpStream, script: &Mutex<Script>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let request: Value = serde_json::from_slice(&body).ok()?;
        let method = request["method"].as_str()?;
        let outcome = script.lock().unwrap().answer(method, &request["params"]);
        let mut answer = json!({ "jsonrpc": "2.0", "id": request["id"] });
        match outcome {
            Ok(result) => answer["result"] = result,
            Err(error) => answer["error"] = error,
        }
        let answer = answer.to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
        write!(stream, "{head} {}\r\n\r\n{answer}", answer.len()).ok()?;
    }
}

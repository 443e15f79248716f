//! The WebSocket of a node that notifies as it is told.
use std::{
    io::ErrorKind,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use anchor_lang::prelude::Pubkey;
use serde_json::{json, Value};
use tungstenite::{accept, Error, Message, WebSocket};

use crate::node::keyed;

/// What the WebSocket does next. Tests change it as they please.
#[derive(Default)]
pub struct Plan {
    /// Does not know `programSubscribe`.
    pub unsupported: bool,
    /// Closes the connection, once.
    pub hang_up: bool,
    /// Takes no connections.
    pub away: bool,
    /// Notifications to send: address, slot, data.
    pub tell: Vec<(Pubkey, u64, Vec<u8>)>,
}

/// A running WebSocket; it ends with the process.
pub struct Notifier {
    pub url: String,
    plan: Arc<Mutex<Plan>>,
}

impl Notifier {
    pub fn start(plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let plan = Arc::new(Mutex::new(plan));
        let shared = plan.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let plan = shared.clone();
                if !plan.lock().unwrap().away {
                    thread::spawn(move || serve(stream, &plan));
                }
            }
        });
        Self { url, plan }
    }

    pub fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap()
    }
}

/// Answers and notifies on one connection until it is closed.
fn serve(stream: TcpStream, plan: &Mutex<Plan>) -> Option<()> {
    let mut socket = accept(stream).ok()?;
    let patience = Some(Duration::from_millis(5));
    socket.get_ref().set_read_timeout(patience).ok()?;
    let (mut count, mut accounts) = (0u64, None);
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let request: Value = serde_json::from_str(&text).ok()?;
                let mut answer = json!({ "jsonrpc": "2.0", "id": request["id"] });
                match request["method"].as_str()? {
                    "programSubscribe" if plan.lock().unwrap().unsupported => {
                        answer["error"] = json!({ "code": -32601, "message": "Method not found" });
                    }
                    method => {
                        count += 1;
                        if method == "programSubscribe" {
                            accounts = Some(count);
                        }
                        answer["result"] = json!(count);
                    }
                }
                say(&mut socket, &answer)?;
            }
            Ok(_) => {}
            Err(Error::Io(e))
                if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return None,
        }
        let mut plan = plan.lock().unwrap();
        if std::mem::take(&mut plan.hang_up) {
            return None;
        }
        if let Some(subscription) = accounts {
            for (address, slot, data) in plan.tell.drain(..) {
                let value = keyed(&address, &data);
                let result = json!({ "context": { "slot": slot }, "value": value });
                let notification = json!({
                    "jsonrpc": "2.0", "method": "programNotification",
                    "params": { "result": result, "subscription": subscription },
                });
                say(&mut socket, &notification)?;
            }
        }
    }
}

fn say(socket: &mut WebSocket<TcpStream>, what: &Value) -> Option<()> {
    socket.send(Message::text(what.to_string())).ok()
}

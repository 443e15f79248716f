//! A server that speaks Pyth's protocol, by Pyth's own types, and misbehaves as it is told.
use std::{
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use base64::{prelude::BASE64_STANDARD, Engine as _};
use plimsoll_client::pro::SignedMessage;
use pyth_lazer_protocol::api::{
    JsonBinaryData, JsonBinaryEncoding, JsonUpdate, StreamUpdatedResponse, SubscribeRequest,
    SubscribedResponse, SubscriptionErrorResponse, SubscriptionId, WsRequest, WsResponse,
};
use tungstenite::{
    accept_hdr,
    handshake::server::{ErrorResponse, Request, Response},
    http::StatusCode,
    Message, WebSocket,
};

/// The only token that is let in.
pub const TOKEN: &str = "a-token";

/// What the server does, and what it saw. Tests change it as they please.
#[derive(Default)]
pub struct Plan {
    /// What to send next, to one connection.
    pub send: Vec<Message>,
    /// Refuses subscriptions with this text.
    pub refuse: Option<String>,
    /// Closes the connection, once.
    pub hang_up: bool,
    /// Connections that came with the right token.
    pub connections: usize,
    /// Subscriptions asked for.
    pub requests: Vec<SubscribeRequest>,
}

/// A running server; it ends with the process.
pub struct Server {
    pub url: String,
    plan: Arc<Mutex<Plan>>,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/v1/stream", listener.local_addr().unwrap());
        let plan = Arc::new(Mutex::new(Plan::default()));
        let shared = plan.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let plan = shared.clone();
                thread::spawn(move || serve(stream, &plan));
            }
        });
        Self { url, plan }
    }

    pub fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap()
    }

    /// Sends a message of a subscription.
    pub fn send(&self, subscription: u64, message: &SignedMessage) {
        self.plan().send.push(update(subscription, message));
    }
}

/// The answer that carries a message.
pub fn update(subscription: u64, message: &SignedMessage) -> Message {
    let data = JsonBinaryData {
        encoding: JsonBinaryEncoding::Base64,
        data: BASE64_STANDARD.encode(message.encode()),
    };
    let payload = JsonUpdate {
        parsed: None,
        evm: None,
        solana: Some(data),
        le_ecdsa: None,
        le_unsigned: None,
    };
    say(&WsResponse::StreamUpdated(StreamUpdatedResponse {
        subscription_id: SubscriptionId(subscription),
        payload,
    }))
}

fn say(response: &WsResponse) -> Message {
    Message::text(serde_json::to_string(response).unwrap())
}

#[expect(clippy::result_large_err, reason = "the callback's type is given")]
fn admit(request: &Request, response: Response) -> Result<Response, ErrorResponse> {
    let expected = format!("Bearer {TOKEN}");
    let found = request.headers().get("authorization");
    if found.is_some_and(|value| value.as_bytes() == expected.as_bytes()) {
        return Ok(response);
    }
    let mut refusal = ErrorResponse::new(None);
    *refusal.status_mut() = StatusCode::UNAUTHORIZED;
    Err(refusal)
}

/// Answers and sends on one connection until it is closed.
fn serve(stream: TcpStream, plan: &Mutex<Plan>) -> Option<()> {
    let mut socket = accept_hdr(stream, admit).ok()?;
    plan.lock().unwrap().connections += 1;
    let patience = Some(Duration::from_millis(5));
    socket.get_ref().set_read_timeout(patience).ok()?;
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let WsRequest::Subscribe(request) = serde_json::from_str(&text).ok()? else {
                    return None;
                };
                let answer = answer(&request, plan);
                plan.lock().unwrap().requests.push(request);
                socket.send(answer).ok()?;
            }
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if is_timeout(&error) => {}
            Err(_) => return None,
        }
        turn(&mut socket, plan)?;
    }
}

fn answer(request: &SubscribeRequest, plan: &Mutex<Plan>) -> Message {
    let subscription_id = request.subscription_id;
    say(&match plan.lock().unwrap().refuse.clone() {
        Some(error) => WsResponse::SubscriptionError(SubscriptionErrorResponse {
            subscription_id,
            error,
        }),
        None => WsResponse::Subscribed(SubscribedResponse { subscription_id }),
    })
}

fn turn(socket: &mut WebSocket<TcpStream>, plan: &Mutex<Plan>) -> Option<()> {
    let (send, hang_up) = {
        let mut plan = plan.lock().unwrap();
        (
            std::mem::take(&mut plan.send),
            std::mem::take(&mut plan.hang_up),
        )
    };
    for message in send {
        socket.send(message).ok()?;
    }
    (!hang_up).then_some(())
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

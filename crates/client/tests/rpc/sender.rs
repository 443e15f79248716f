//! What a sender does when the node loses, refuses or executes its transactions.
use std::{sync::Arc, time::Duration};

use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::error::PlimsollError;
use plimsoll_client::rpc::{ComputeLimit, Connection, SendError, SendPolicy, Sender};
use serde_json::json;
use solana_keypair::Keypair;

use crate::node::{Node, Script};

fn instruction() -> Instruction {
    Instruction {
        program_id: plimsoll::ID,
        accounts: Vec::new(),
        data: vec![1; 8],
    }
}

fn sender(node: &Node) -> Sender {
    let policy = SendPolicy {
        poll_every: Duration::from_millis(5),
        resend_every: Duration::from_millis(10),
        ..SendPolicy::default()
    };
    let connection = Connection::new(&node.url, None);
    Sender::new(connection, Arc::new(Keypair::new()), policy)
}

fn refused(code: PlimsollError) -> serde_json::Value {
    json!({ "InstructionError": [2, { "Custom": plimsoll_client::errors::code(code) }] })
}

fn logs() -> Vec<String> {
    vec![
        format!("Program {} invoke [1]", plimsoll::ID),
        "Program log: Instruction: CancelOrder".into(),
    ]
}

#[tokio::test]
async fn reports_what_landed() {
    let node = Node::start(Script {
        meta: json!({
            "err": null, "status": { "Ok": null }, "fee": 5000, "preBalances": [],
            "postBalances": [], "logMessages": logs(), "computeUnitsConsumed": 4321,
        }),
        ..Script::confirmed(json!(null))
    });
    let landed = sender(&node).send(&[instruction()], &[]).await.unwrap();
    assert_eq!((landed.slot, landed.units), (77, Some(4321)));
    assert_eq!(landed.logs, logs());
    assert_eq!(node.script().sent.len(), 1);
}

#[tokio::test]
async fn signs_anew_once_the_old_transaction_can_no_longer_land() {
    let node = Node::start(Script::expired());
    let error = sender(&node).send(&[instruction()], &[]).await.unwrap_err();
    assert!(matches!(error, SendError::Expired { .. }), "{error}");
    let script = node.script();
    // The first and one renewal, each sent again and again meanwhile.
    assert_eq!(script.signatures().len(), 2);
    assert!(script.sent.len() > 2, "{}", script.sent.len());
}

#[tokio::test]
async fn does_not_sign_anew_on_the_word_of_a_node_that_lags() {
    let node = Node::start(Script {
        status_slot: 119,
        ..Script::expired()
    });
    let sender = sender(&node);
    let instructions = [instruction()];
    let sending = sender.send(&instructions, &[]);
    let waited = tokio::time::timeout(Duration::from_millis(400), sending).await;
    assert!(waited.is_err(), "it is still in flight");
    assert_eq!(node.script().signatures().len(), 1);
}

#[tokio::test]
async fn uses_another_blockhash_when_the_node_does_not_know_one() {
    let node = Node::start(Script {
        unknown_blockhash: 1,
        ..Script::confirmed(json!(null))
    });
    let sent = sender(&node).send(&[instruction()], &[]).await;
    assert!(sent.is_ok(), "{sent:?}");
    assert_eq!(node.script().blockhashes, 2);
}

#[tokio::test]
async fn tells_why_simulation_was_refused_and_sends_nothing() {
    let node = Node::start(Script {
        simulated: refused(PlimsollError::NoSuchOrder),
        simulation_logs: logs(),
        ..Script::confirmed(json!(null))
    });
    let error = sender(&node).send(&[instruction()], &[]).await.unwrap_err();
    assert!(error.is(PlimsollError::NoSuchOrder));
    let text = error.to_string();
    assert!(
        text.starts_with("cancel_order refused: NoSuchOrder: "),
        "{text}"
    );
    assert!(error.refused().unwrap().signature.is_none());
    assert!(node.script().sent.is_empty());
}

#[tokio::test]
async fn tells_why_the_chain_refused() {
    let error = refused(PlimsollError::StaleEntry);
    let node = Node::start(Script {
        meta: json!({
            "err": error, "status": { "Err": error }, "fee": 5000, "preBalances": [],
            "postBalances": [], "logMessages": logs(), "computeUnitsConsumed": 4321,
        }),
        ..Script::confirmed(error.clone())
    });
    let error = sender(&node).send(&[instruction()], &[]).await.unwrap_err();
    assert!(error.is(PlimsollError::StaleEntry), "{error}");
    let refused = error.refused().unwrap();
    assert!(refused.signature.is_some());
    assert_eq!(refused.logs, logs());
}

#[tokio::test]
async fn equal_instructions_are_different_transactions() {
    let node = Node::start(Script::confirmed(json!(null)));
    let connection = Connection::new(&node.url, None);
    let policy = SendPolicy {
        compute: ComputeLimit::Fixed(50_000),
        poll_every: Duration::from_millis(5),
        read_back: false,
        ..SendPolicy::default()
    };
    let sender = Sender::new(connection, Arc::new(Keypair::new()), policy);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let sender = sender.clone();
            tokio::spawn(async move { sender.send(&[instruction()], &[]).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let script = node.script();
    assert_eq!(script.signatures().len(), 20);
    assert_eq!(script.blockhashes, 1, "tasks share a blockhash");
}

#[tokio::test]
async fn refuses_what_is_too_large() {
    let node = Node::start(Script::default());
    let mut large = instruction();
    large.data = vec![0; 1_300];
    let error = sender(&node).send(&[large], &[]).await.unwrap_err();
    assert!(matches!(error, SendError::TooLarge { bytes } if bytes > 1_300));
}

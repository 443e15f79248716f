//! What a sender does when the node loses, refuses or executes its transactions.
use std::{sync::Arc, time::Duration};

use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::error::PlimsollError;
use plimsoll_client::{
    rpc::{ComputeLimit, Connection, PriorityFee, SendError, SendPolicy, Sender},
    transaction::{Version, VERSION_1_FEATURE},
};
use serde_json::json;
use solana_keypair::Keypair;
use solana_message::VersionedMessage;
use solana_transaction::versioned::{TransactionVersion, VersionedTransaction};

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

/// Metadata of a transaction that succeeded.
fn meta() -> serde_json::Value {
    json!({
        "err": null, "status": { "Ok": null }, "fee": 5000, "preBalances": [],
        "postBalances": [], "logMessages": logs(), "computeUnitsConsumed": 4321,
    })
}

/// With so many bytes of data.
fn large(bytes: usize) -> Instruction {
    Instruction {
        data: vec![1; bytes],
        ..instruction()
    }
}

#[tokio::test]
async fn reports_what_landed() {
    let node = Node::start(Script {
        meta: meta(),
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
    for (script, bytes) in [
        (Script::default(), 1_232),
        (Script::default().with_version_1(), 4_096),
    ] {
        let node = Node::start(script);
        let error = sender(&node).send(&[large(bytes)], &[]).await.unwrap_err();
        assert!(
            matches!(error, SendError::TooLarge { size, .. } if size.bytes > bytes),
            "{error}"
        );
        let text = error.to_string();
        assert!(
            text.contains(&format!("{bytes} and 64 are allowed")),
            "{text}"
        );
    }
}

#[tokio::test]
async fn sends_version_1_where_the_cluster_takes_it() {
    let policy = SendPolicy {
        fee: PriorityFee::Fixed(1_000_000),
        poll_every: Duration::from_millis(5),
        ..SendPolicy::default()
    };
    let node = Node::start(Script {
        meta: meta(),
        ..Script::confirmed(json!(null)).with_version_1()
    });
    let payer = Arc::new(Keypair::new());
    let sender = Sender::new(Connection::new(&node.url, None), payer, policy);
    for _ in 0..3 {
        let landed = sender.send(&[large(2_000)], &[]).await.unwrap();
        assert_eq!((landed.units, landed.logs), (Some(4_321), logs()));
    }
    let script = node.script();
    assert_eq!(script.sent.len(), 3);
    for sent in &script.sent {
        assert!(sent.verify_with_results().iter().all(|valid| *valid));
        let VersionedMessage::V1(message) = &sent.message else {
            panic!("{:?}", sent.message)
        };
        assert_eq!(message.instructions.len(), 1);
        let units = message.config.compute_unit_limit.unwrap();
        assert!((50_000..60_000).contains(&units), "{units}");
        // A lamport for each unit.
        assert_eq!(message.config.priority_fee, Some(u64::from(units)));
    }
    assert_eq!(script.asked[&VERSION_1_FEATURE], 1, "it stays active");
}

#[tokio::test]
async fn sends_version_0_where_the_cluster_does_not() {
    let node = Node::start(Script::confirmed(json!(null)));
    let sender = sender(&node);
    for _ in 0..2 {
        sender.send(&[instruction()], &[]).await.unwrap();
    }
    let script = node.script();
    assert_eq!(script.sent.len(), 2);
    for sent in &script.sent {
        assert_eq!(sent.version(), TransactionVersion::Number(0));
        assert_eq!(sent.message.instructions().len(), 3);
    }
    assert_eq!(script.asked[&VERSION_1_FEATURE], 1, "not at every turn");
}

#[tokio::test]
async fn falls_back_where_the_node_refuses_what_its_cluster_takes() {
    // One transaction of version 1, six of version 0.
    let all: Vec<Instruction> = (0..6).map(|_| large(600)).collect();
    for compute in [SendPolicy::default().compute, ComputeLimit::Fixed(50_000)] {
        let node = Node::start(Script {
            refuses_version_1: Some(-32_602),
            ..Script::confirmed(json!(null)).with_version_1()
        });
        let policy = SendPolicy {
            compute,
            poll_every: Duration::from_millis(5),
            read_back: false,
            ..SendPolicy::default()
        };
        let payer = Arc::new(Keypair::new());
        let sender = Sender::new(Connection::new(&node.url, None), payer, policy);
        assert_eq!(sender.pack(all.clone()).await.len(), 1);
        sender.send_all(all.clone(), &[]).await.unwrap();
        assert_eq!(sender.pack(all.clone()).await.len(), 6, "and stays there");
        let script = node.script();
        assert_eq!(script.sent.len(), 6);
        let sent = script.sent.iter().chain(&script.tried);
        for sent in sent {
            assert_eq!(sent.version(), TransactionVersion::Number(0));
        }
    }
}

#[tokio::test]
async fn falls_back_where_simulation_knows_no_version_1() {
    let node = Node::start(Script {
        unsupported_version: true,
        ..Script::confirmed(json!(null)).with_version_1()
    });
    let sender = sender(&node);
    sender.simulate(&[instruction()]).await.unwrap();
    sender.send(&[instruction()], &[]).await.unwrap();
    let script = node.script();
    let sent = script.tried.iter().chain(&script.sent);
    let versions: Vec<_> = sent.map(VersionedTransaction::version).collect();
    let expected = [1, 0, 0, 0].map(TransactionVersion::Number);
    assert_eq!(versions, expected);
}

#[tokio::test]
async fn another_error_of_the_node_is_no_reason_to_fall_back() {
    let node = Node::start(Script {
        refuses_version_1: Some(-32_005),
        ..Script::confirmed(json!(null)).with_version_1()
    });
    let sender = sender(&node);
    let error = sender.send(&[instruction()], &[]).await.unwrap_err();
    assert!(matches!(error, SendError::Rpc { .. }), "{error}");
    assert!(node.script().tried.is_empty());
    assert_eq!(sender.version().await, Version::V1);
}

#[tokio::test]
async fn tells_which_instruction_of_version_1_was_refused() {
    // No instructions of a budget precede it.
    let code = plimsoll_client::errors::code(PlimsollError::NoSuchOrder);
    let node = Node::start(Script {
        simulated: json!({ "InstructionError": [0, { "Custom": code }] }),
        simulation_logs: logs(),
        ..Script::confirmed(json!(null)).with_version_1()
    });
    let error = sender(&node).send(&[instruction()], &[]).await.unwrap_err();
    assert!(error.is(PlimsollError::NoSuchOrder), "{error}");
}

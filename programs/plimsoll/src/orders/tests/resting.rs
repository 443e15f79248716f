//! Tests of the two places of a resting order: book and account.
use super::*;
use crate::orders::{cancel_in_book, cancel_slot, report::RemovalLog, Resting};
use plimsoll_risk::Side as AccountSide;

#[test]
fn an_order_whose_fill_waits_is_reported_and_its_slot_kept() {
    let mut desk = Desk::new();
    desk.place(0, ask(1_000, 10), &[]).unwrap();
    desk.place(0, ask(1_001, 10), &[]).unwrap();
    desk.place(1, bid(1_001, 14), &[]).unwrap();
    let cancelled = desk.cancel_all(0);
    assert_eq!((cancelled.count, cancelled.waiting), (1, 1));
    assert_eq!(desk.perp(0).ask_lots.0, 14, "what was filled still counts");
    assert_eq!(desk.settle(0), 2);
    assert_eq!(desk.position(0), -14);
    assert_eq!(desk.perp(0).order_mask, 0);
    assert_eq!(desk.book_lots(Side::Ask), 0);
}

#[test]
fn a_side_and_a_limit_choose_what_is_cancelled() {
    let mut desk = Desk::new();
    for price in [990, 991, 992] {
        desk.place(0, bid(price, 10), &[]).unwrap();
        desk.place(0, ask(price + 20, 10), &[]).unwrap();
    }
    let (key, cell) = &desk.accounts[0];
    let side = Some(AccountSide::Ask);
    let done = cancel_in_book(key, &mut cell.borrow_mut(), &mut desk.book, side, 2).unwrap();
    assert_eq!(done.count, 2);
    assert_eq!(
        (desk.book_lots(Side::Bid), desk.book_lots(Side::Ask)),
        (30, 10)
    );
}

#[test]
fn another_exchanges_book_and_another_accounts_order_are_refused() {
    let mut desk = Desk::new();
    desk.place(0, bid(990, 10), &[]).unwrap();
    let (_, cell) = &desk.accounts[0];
    let stranger = desk.accounts[1].0;
    let mut log = RemovalLog::new(stranger, 0);
    let book = &mut desk.book;
    let wrong = cancel_slot(&stranger, &mut cell.borrow_mut(), book, 0, &mut log);
    refused(wrong, PlimsollError::OrderMismatch);
    let mut desk = Desk::new();
    desk.place(0, bid(990, 10), &[]).unwrap();
    desk.book.exchange = Pubkey::new_from_array([9; 32]);
    let (key, cell) = &desk.accounts[0];
    let wrong = cancel_all_in_book(key, &mut cell.borrow_mut(), &mut desk.book);
    refused(wrong, PlimsollError::WrongExchange);
}

#[test]
fn a_slot_of_another_order_is_a_mismatch() {
    let mut desk = Desk::new();
    desk.place(0, bid(990, 10), &[]).unwrap();
    let mut account = desk.accounts[0].1.borrow_mut();
    for (market, slot, id) in [(0, 0, 2), (0, 1, 1), (1, 0, 1), (0, 64, 1), (0, 1, 0)] {
        let found = Resting::find(&mut account, market, slot, id).map(|_| ());
        refused(found, PlimsollError::OrderMismatch);
    }
    assert!(Resting::find(&mut account, 0, 0, 1).is_ok());
}

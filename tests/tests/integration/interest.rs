//! Interest: lenders never get more than borrowers owe, whatever the rhythm, and rounding cannot be farmed.
use plimsoll_tests::{
    env::{SOL, USDC},
    params::ratio,
    usd, Env, Trader,
};

const SOLS: u64 = 1_000_000_000;

/// A lender of 1,000 SOL and a borrower of 900 of them.
async fn lent() -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    let lender = env.trader_with(&[(SOL, 1_000 * SOLS)]).await;
    let borrower = env.trader_with(&[(USDC, usd(1_000_000))]).await;
    env.borrow(&borrower, SOL, 900 * SOLS).await.unwrap();
    (env, lender, borrower)
}

#[tokio::test]
async fn lenders_gain_what_borrowers_owe_less_the_protocols_part() {
    let (mut env, lender, borrower) = lent().await;
    let owed = -env.balance(borrower.margin, SOL).await;
    let held = env.balance(lender.margin, SOL).await;
    let fees = env.bank(SOL).await.fees;
    for _ in 0..48 {
        env.advance(3_600).await;
        let entry = env.asset_entry(SOL);
        env.refresh(&entry).await;
        env.assert_conserved().await;
    }
    let paid = -env.balance(borrower.margin, SOL).await - owed;
    let gained = env.balance(lender.margin, SOL).await - held;
    let earned = (env.bank(SOL).await.fees - fees) as i64;
    assert!(gained > 0 && gained + earned <= paid);
    assert!(paid - gained - earned <= 2);
    // A tenth is the protocol's.
    let part = (i128::from(paid) * i128::from(ratio(0.1))) >> 24;
    assert!(
        (i128::from(earned) - part).abs() <= 48,
        "{earned} of {paid}"
    );
    // 90.045% used: 0.15 + (0.10045 / 0.2) * 1.35, about 82.8% a year, of 900.45 SOL for two days.
    let rate = 0.15 + (0.90045 - 0.8) / 0.2 * 1.35;
    let expected = 900.45e9 * rate * 2.0 / 365.0;
    assert!(
        (paid as f64 / expected - 1.0).abs() < 0.01,
        "{paid} of {expected}"
    );
}

#[tokio::test]
async fn an_outage_costs_a_day_at_most() {
    let (mut env, _lender, borrower) = lent().await;
    let owed = -env.balance(borrower.margin, SOL).await;
    env.advance(86_400).await;
    let entry = env.asset_entry(SOL);
    env.refresh(&entry).await;
    let day = -env.balance(borrower.margin, SOL).await - owed;
    env.advance(30 * 86_400).await;
    env.refresh(&entry).await;
    let month = -env.balance(borrower.margin, SOL).await - owed - day;
    assert!(day > 0 && month < day * 101 / 100, "{day} then {month}");
    env.assert_conserved().await;
}

#[tokio::test]
async fn accruing_twice_in_a_second_charges_once() {
    let (mut env, _, _) = lent().await;
    env.advance(1_000).await;
    let entry = env.asset_entry(SOL);
    env.refresh(&entry).await;
    let bank = env.bank(SOL).await;
    env.refresh(&[entry, entry].concat()).await;
    let again = env.bank(SOL).await;
    assert_eq!(
        (bank.deposit_index, bank.borrow_index, bank.fees),
        (again.deposit_index, again.borrow_index, again.fees)
    );
}

#[tokio::test]
async fn nobody_borrows_nobody_pays() {
    let mut env = Env::new().await;
    let lender = env.trader_with(&[(SOL, 1_000 * SOLS)]).await;
    env.advance(86_400).await;
    let entry = env.asset_entry(SOL);
    env.refresh(&entry).await;
    assert_eq!(env.balance(lender.margin, SOL).await as u64, 1_000 * SOLS);
    env.assert_conserved().await;
}

/// With indices that are no whole numbers, units are moved in and out one by one: each move may only cost.
#[tokio::test]
async fn rounding_is_never_the_traders() {
    let (mut env, _lender, _borrower) = lent().await;
    env.advance(86_400).await;
    env.refresh_all().await;
    let bank = env.bank(SOL).await;
    assert!(bank.deposit_index > 1 << 48 && bank.borrow_index > bank.deposit_index);
    let farmer = env.trader_with(&[(USDC, usd(1_000))]).await;
    for amount in [1, 2, 3, 7] {
        let before = env.tokens(farmer.tokens[SOL]).await;
        for _ in 0..5 {
            env.deposit(&farmer, SOL, amount).await.unwrap();
        }
        // As much as the program lets out again, unit by unit.
        while env.balance(farmer.margin, SOL).await > 0 {
            env.withdraw(&farmer, SOL, 1).await.unwrap();
        }
        let after = env.tokens(farmer.tokens[SOL]).await;
        assert!(after <= before, "gained {}", after - before);
        env.assert_conserved().await;
    }
    // Borrowing single units costs one more each, and repaying them one by one repays nothing.
    for _ in 0..5 {
        env.borrow(&farmer, SOL, 1).await.unwrap();
    }
    let debt = env.balance(farmer.margin, SOL).await.unsigned_abs();
    assert!(debt >= 10, "borrowed 5, owes {debt}");
    for _ in 0..5 {
        env.deposit(&farmer, SOL, 1).await.unwrap();
    }
    let left = env.balance(farmer.margin, SOL).await.unsigned_abs();
    assert!(left + 5 >= debt, "repaid 5 of {debt}, owes {left}");
    env.deposit(&farmer, SOL, left).await.unwrap();
    assert_eq!(env.balance(farmer.margin, SOL).await, 0);
    env.assert_conserved().await;
}

/// A whole circle of deposit, interest, repayment and withdrawal leaves nothing behind but the protocol's part.
#[tokio::test]
async fn everyone_can_leave() {
    let (mut env, lender, borrower) = lent().await;
    for _ in 0..10 {
        env.advance(40_000).await;
        env.refresh_all().await;
    }
    let owed = env.balance(borrower.margin, SOL).await.unsigned_abs();
    let rate = env.bank(SOL).await.params.interest_fee;
    assert_eq!(rate, ratio(0.1));
    env.deposit(&borrower, SOL, owed).await.unwrap();
    assert_eq!(env.bank(SOL).await.borrow_shares, 0);
    env.withdraw(&lender, SOL, u64::MAX).await.unwrap();
    env.withdraw(&borrower, USDC, u64::MAX).await.unwrap();
    let bank = env.bank(SOL).await;
    assert_eq!((bank.deposit_shares, bank.borrow_shares), (0, 0));
    let left = env.tokens(env.assets[SOL].asset.vault).await;
    assert!(
        left >= bank.fees && left - bank.fees <= 3,
        "{left} for {}",
        bank.fees
    );
    env.assert_conserved().await;
}

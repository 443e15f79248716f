//! What is missing from the record, by the orders' own numbers: a market counts them without a gap, and each says what it traded.
use anyhow::Result;
use serde::Serialize;
use sqlx::{any::AnyRow, Row};

use super::database::Database;

/// Orders of a market of which no event was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    pub market: i64,
    pub first: i64,
    pub last: i64,
}

/// An order of which fewer trades were recorded than it says it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Incomplete {
    pub market: i64,
    pub order_id: i64,
    pub missing_lots: i64,
}

/// What is missing of the trades.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gaps {
    pub orders: Vec<Missing>,
    pub trades: Vec<Incomplete>,
}

/// The first `limit` of either kind, by market and number.
pub async fn find(database: &Database, limit: i64) -> Result<Gaps> {
    let orders = sqlx::query(
        "SELECT market, id + 1, next - 1 FROM \
         (SELECT market, id, LEAD(id) OVER (PARTITION BY market ORDER BY id) AS next FROM orders) AS numbered \
         WHERE next > id + 1 ORDER BY market, id LIMIT $1",
    )
    .bind(limit)
    .fetch_all(database.pool())
    .await?;
    let trades = sqlx::query(
        "SELECT orders.market, orders.id, orders.filled_lots - COALESCE(traded.lots, 0) FROM orders \
         LEFT JOIN (SELECT market, taker_order, CAST(SUM(lots) AS BIGINT) AS lots FROM fills \
         GROUP BY market, taker_order) AS traded \
         ON traded.market = orders.market AND traded.taker_order = orders.id \
         WHERE orders.filled_lots > COALESCE(traded.lots, 0) ORDER BY orders.market, orders.id LIMIT $1",
    )
    .bind(limit)
    .fetch_all(database.pool())
    .await?;
    Ok(Gaps {
        orders: orders.iter().map(missing).collect::<Result<_>>()?,
        trades: trades.iter().map(incomplete).collect::<Result<_>>()?,
    })
}

fn missing(row: &AnyRow) -> Result<Missing> {
    Ok(Missing {
        market: row.try_get(0)?,
        first: row.try_get(1)?,
        last: row.try_get(2)?,
    })
}

fn incomplete(row: &AnyRow) -> Result<Incomplete> {
    Ok(Incomplete {
        market: row.try_get(0)?,
        order_id: row.try_get(1)?,
        missing_lots: row.try_get(2)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{
        catch_up::CatchUp,
        clock::unix_now,
        fixture::{self, exchange, fill, line, trader, Chain},
        membership::Membership,
    };
    use plimsoll::events::OrderPlaced;

    fn placed(order_id: u64, filled_lots: i64) -> OrderPlaced {
        OrderPlaced {
            margin_account: trader(2).1,
            market: 0,
            order_id,
            client_id: 0,
            side: 0,
            price: 100,
            filled_lots,
            filled_quote: 0,
            fee: 0,
            resting_lots: 0,
        }
    }

    #[tokio::test]
    async fn a_missing_order_and_a_missing_trade_are_noticed_until_they_are_there() {
        let (maker, taker) = (trader(1).1, trader(2).1);
        let (database, chain) = (fixture::database().await, Chain::default());
        chain.trade(0);
        chain.push(3, false, &[line(&placed(1_000, 0))]);
        chain.push(
            4,
            false,
            &[line(&fill(maker, taker, 1)), line(&placed(1_001, 2))],
        );
        // The log of the next was cut short after the order's own event, and two more transactions are lost.
        chain.push(5, false, &[line(&placed(1_002, 7))]);
        chain.push(6, false, &[line(&placed(1_005, 0))]);
        let membership = Membership::load(&database, exchange().address).await;
        let membership = membership.unwrap();
        let catch_up = CatchUp::new(&database, &membership, &chain);
        catch_up.run(unix_now()).await.unwrap();
        let found = find(&database, 9).await.unwrap();
        let orders = vec![Missing {
            market: 0,
            first: 1_003,
            last: 1_004,
        }];
        let trades = vec![Incomplete {
            market: 0,
            order_id: 1_002,
            missing_lots: 7,
        }];
        assert_eq!(found, Gaps { orders, trades });
    }
}

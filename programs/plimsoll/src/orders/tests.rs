//! Tests of what orders do to margin accounts.

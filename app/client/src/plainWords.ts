// Every refusal of the program in plain words, and what the person who meets it can do.
import type { ProgramErrorName } from './generated';

/** What happened, and what can be done about it, if anything. */
export interface PlainWords {
  readonly text: string;
  readonly advice: string | null;
}

const says = (text: string, advice: string | null = null): PlainWords => ({ text, advice });

/** Every refusal in plain words. */
export const PLAIN_WORDS: Readonly<Record<ProgramErrorName, PlainWords>> = {
  Overflow: says('A number in this action is too large to compute with.', 'Try a smaller amount.'),
  InvalidParameter: says('A risk parameter is outside its allowed range.'),
  ZeroAmount: says('The amount is zero.', 'Enter an amount above zero.'),
  NotAuthority: says("Only the exchange's authority may do this."),
  NotGuardian: says("Only the exchange's authority or its guardian may do this."),
  NotOwner: says('This wallet does not own the margin account.', 'Connect the wallet that owns it.'),
  NotOwnerOrDelegate: says(
    'This wallet neither owns the margin account nor may trade for it.',
    "Connect the owner's wallet, or have it name this wallet as a delegate.",
  ),
  WrongExchange: says(
    'The accounts belong to different exchanges.',
    'Reload the page: the directory may have changed.',
  ),
  WrongMarketAccount: says(
    'An account does not belong to this market.',
    'Reload the page: the directory may have changed.',
  ),
  WrongVault: says('The vault does not belong to this asset.', 'Reload the page: the directory may have changed.'),
  WrongMint: says('The token is not the one of this asset.', 'Reload the page: the directory may have changed.'),
  WrongTokenAccount: says(
    'The token account cannot be used here.',
    'Use a token account of your own wallet for this token.',
  ),
  DuplicateAccount: says('The same account was passed twice.'),
  WrongRemainingAccount: says(
    'An account that the action needs is missing or of another kind.',
    'Reload the page and try again.',
  ),
  DifferentOwners: says(
    'The two margin accounts have different owners.',
    'Transfers are between accounts of one owner; withdraw and deposit instead.',
  ),
  ExchangeGated: says(
    'The exchange is paused or only lets you reduce risk.',
    'Cancelling, repaying and reduce-only orders may still work.',
  ),
  BankGated: says('This asset is paused or only lets you reduce risk.', 'Try repaying, or another asset.'),
  MarketGated: says('This market is paused.', 'Cancelling orders still works.'),
  AccountGated: says(
    'The margin account is being liquidated: nothing can be withdrawn, moved or closed.',
    'Deposit collateral or reduce positions. An order that leaves enough margin ends the liquidation, as does any liquidator once the account is back above its line.',
  ),
  AccountNotExtended: says('An account of the exchange is not fully set up yet.'),
  AlreadyExtended: says('The account already has its full size.'),
  TooManyAssets: says('The exchange has no room for another asset.'),
  TooManyMarkets: says('The exchange has no room for another market.'),
  QuoteNotListed: says('The quote asset must be listed first.'),
  MintHasTransferFee: says('Tokens that charge for transfers cannot be listed.'),
  MintHasPermanentDelegate: says('Tokens that somebody else can move cannot be listed.'),
  MintHasTransferHook: says('Tokens that run code on transfers cannot be listed.'),
  MintStartsFrozen: says('Tokens whose accounts start frozen cannot be listed.'),
  MintExtensionRefused: says('The token has an extension that is not known to be harmless.'),
  TooManyDecimals: says('The token has too many decimals.'),
  ChangeNeedsDelay: says(
    'This change loosens a limit and has to wait.',
    'Propose it first, and execute it when its delay is over.',
  ),
  ChangeMismatch: says('The pending change describes something else.'),
  ChangeNotReady: says('The pending change has not waited long enough.', 'Execute it when its delay is over.'),
  ChangeExpired: says('The pending change has lapsed.', 'Propose it again.'),
  WrongOracleAccount: says(
    'The price account is not the one that this exchange uses.',
    'Reload the page: the directory may have changed.',
  ),
  WrongOracleOwner: says('The price account belongs to the wrong program.'),
  WrongFeed: says('The price account is for another feed.'),
  NotFullyVerified: says('The price has not been fully verified.', 'Wait for the next update.'),
  InvalidOraclePrice: says('The price feed reports no valid price.', 'Wait for the next update.'),
  OracleTooWide: says('The price is too uncertain at the moment.', 'Wait until the feed agrees on a price.'),
  OracleTooOld: says('The price is too old.', 'Wait for the next update.'),
  StaleEntry: says(
    'A price that this action needs is stale, or in doubt.',
    'Prices are refreshed along with the action, or by a keeper where they come in signed messages, so its oracle may be silent: wait for a new price. Cancels and repayments still work.',
  ),
  InsufficientBalance: says('The account does not hold that much.', 'Lower the amount, or allow borrowing.'),
  InsufficientLiquidity: says(
    'Too much of this asset is lent out right now.',
    'Withdraw less, or wait until borrowers repay.',
  ),
  DepositCap: says('The deposit cap of this asset is reached.', 'Deposit less, or another asset.'),
  BorrowCap: says('The borrow cap of this asset is reached.', 'Borrow less, or another asset.'),
  NetBorrowLimit: says('Too much of this asset was borrowed lately.', 'Borrow less, or wait: room comes back evenly.'),
  OutflowLimit: says('Too much of this asset was withdrawn lately.', 'Withdraw less, or wait: room comes back evenly.'),
  AssetReduceOnly: says('This asset accepts repayments only.', 'Deposit another asset.'),
  InsufficientHealth: says(
    'The account has too little margin for this.',
    'Lower the size, deposit collateral, or close other positions.',
  ),
  NoFreeBalanceSlot: says(
    'The account already holds as many assets as it can.',
    'Withdraw an asset whole, or use another sub-account.',
  ),
  NoFreePerpSlot: says(
    'The account is already in as many markets as it can.',
    'Close a position and settle it, or use another sub-account.',
  ),
  NoFreeOrderSlot: says('The account has as many open orders as it can.', 'Cancel an order first.'),
  NoSuchPosition: says('The account holds nothing in this asset or market.'),
  AccountNotEmpty: says(
    'The account still holds balances, positions or orders.',
    'Close and withdraw everything first.',
  ),
  PriceOutOfBand: says("The price is too far from the oracle's.", 'Choose a limit nearer to the oracle price.'),
  InvalidOrderSize: says("The size is below the market's minimum or too large.", 'Change the size.'),
  WouldCross: says(
    'The order would trade at once, which post-only forbids.',
    'Choose a price behind the best, or drop post-only.',
  ),
  CannotFill: says('The book cannot fill the whole order at this price.', 'Lower the size, or accept a partial fill.'),
  SelfTrade: says('The order would trade with one of your own.', 'Cancel that one first.'),
  AlreadyExpired: says("The order's expiry has already passed.", 'Choose a later expiry.'),
  MarketReduceOnly: says('This market accepts reduce-only orders only.', 'Mark the order reduce-only.'),
  NotReducing: says('The order does not reduce the position.', 'Turn reduce-only off, or change side or size.'),
  OpenInterestCap: says("The market's open-interest cap is reached.", 'Lower the size; closing positions still works.'),
  BookFull: says('The book is full at this price.', 'Choose a better price.'),
  NoSuchOrder: says('The order is no longer there.', 'It was filled, cancelled or has expired.'),
  FillQueueFull: says(
    "The market's queue of unsettled trades is full.",
    'Try again shortly: settling it takes a moment.',
  ),
  NotLiquidatable: says(
    'The account is above its maintenance line.',
    'Its owner, a price or another liquidator was faster.',
  ),
  SelfLiquidation: says('An account cannot liquidate itself.', 'Choose another of your accounts as liquidator.'),
  FillsPending: says('The account has trades that are not settled yet.', 'Settle them first.'),
  OrdersRemain: says('The account still has open orders.', 'Cancel them in the same transaction.'),
  NothingToLiquidate: says('What was to be liquidated is not there any more.', 'Reload the account: it has changed.'),
  NotBankrupt: says('The account still holds something of value.', 'Liquidate that first.'),
  BrokenFeed: says(
    'The price jumped too far from its own recent average to be trusted.',
    'Wait until further prices confirm it, or the feed is steady again.',
  ),
  NothingToSettle: says('There is nothing to settle.'),
  NothingToCollect: says('There is nothing to collect.'),
  CannotPayLoss: says(
    'The realised loss cannot be paid from this account.',
    'Deposit quote, or reduce other risk first.',
  ),
  OrderMismatch: says('Book and margin account disagree about an order.'),
  MissingAccount: says('An account that this action needs was not passed.'),
  SliceTooSmall: says('The slice is too small to help the account.', 'Take over more.'),
  LiquidationHarms: says(
    "The liquidation would lower the account's health.",
    'Choose other collateral or another position.',
  ),
  NobodyCanPay: says('Neither insurance nor anyone else can bear the loss now.', 'Try again later.'),
  NoPortfolioModel: says('This exchange offers no portfolio margin yet.', 'Stay in standard margin.'),
  UnknownUnderlying: says('The portfolio model has no such underlying.', 'Reload the page and try again.'),
  TooManyUnderlyings: says('The portfolio model has no room for another underlying.'),
  QuoteHasNoUnderlying: says('The quote asset follows no underlying: every price is told in it.'),
  UnknownFeed: says('The exchange has no such price feed.', 'Reload the page: the directory may have changed.'),
  TooManyFeeds: says('The exchange has no room for another price feed.'),
  PrimaryAlive: says(
    'The fallback price counts only once the feed itself has long been silent.',
    'Wait for the next update of the feed.',
  ),
  FallbackDiverged: says(
    'The fallback price is too far from the last known one to be trusted.',
    'Wait until the feed itself has a price again.',
  ),
  DepositInDoubt: says(
    'The price of this asset is in doubt: nothing beyond a repayment is accepted.',
    'Wait for a new price, or deposit another asset.',
  ),
  SameObservation: says(
    'The account has been flagged. What it holds is seized only at later prices than it was flagged at.',
    'Try again when all of its feeds have a newer price.',
  ),
  DoubtTooYoung: says(
    'A price that is in doubt is seized at only when the account has been flagged for ten minutes.',
    'Post the price if there is one, or wait.',
  ),
  TooFewPublishers: says('Too few publishers stand behind the price.', 'Wait for the next update.'),
  WrongExponent: says('The signed price is written in another unit than this feed expects.'),
  FeedLeftOut: says('The signed message has a price for a feed that was left out.', 'All prices of a message are taken together.'),
  WrongInstructionsSysvar: says('The account to read the transaction from is another one.'),
  NotASignedMessage: says('The transaction carries no signed prices where it says so.'),
  WrongSignerAccount: says("The account is not Pyth's list of trusted signers."),
  UntrustedSigner: says('Whoever signed these prices is not trusted, or no longer.', 'Get a new message.'),
  MalformedMessage: says('The signed message holds no prices, or is cut short.', 'Get a new message.'),
  UnknownProperty: says('The signed message holds something that this program cannot read.'),
  MessageFromTheFuture: says("The signed prices are dated ahead of the chain's clock.", 'Try again in a moment.'),
  MissingProperty: says('The signed message lacks a part that a price needs.', 'Get a message with price, confidence and exponent.'),
  WindingDown: says(
    'It is being wound down at a final price: nothing can be added or traded any more.',
    'Repay, withdraw, or wait: positions and debts are closed at the final price, and deposits returned.',
  ),
  NotWindingDown: says('It has no final price: it is not being wound down.'),
  FeedAlive: says('The price feed was heard not long ago: it cannot get a final price.', 'Wait until doubt about its price has lasted.'),
  QuoteCannotWindDown: says('The quote asset cannot be wound down: every price is told in it.'),
  NothingToCloseOut: says('The two accounts hold nothing that could be closed out against each other.'),
  NothingToMark: says('None of the accounts has anything in the market that could be marked.'),
  EpochIncomplete: says('Not everybody in the market is marked yet.', 'Mark the other accounts first.'),
  ReduceOnlyExceeded: says('The reduce-only orders in the market are larger than the position would be.', 'Cancel them first.'),
  WithdrawnInSlot: says(
    'Depositors who would bear a part of the loss have withdrawn in this very moment.',
    'Try again in a second.',
  ),
  NothingMissing: says('The bank lacks nothing that could be bought.'),
  MintScalesAmounts: says(
    "Wallets multiply this token's amounts, and the asset's feed is not said to be one per raw unit.",
  ),
  MustImprove: says(
    'This account is flagged for liquidation, and the order would leave it no better.',
    'Reduce at a better price, or deposit collateral.',
  ),
  PriceBeyondLimit: says('The price is worse than your limit.', 'Try again at the price of now.'),
  RewardTooSmall: says('The liquidation brings less than the least you ask for.', 'Somebody was first, or the price moved: try again.'),
  DelegationExpired: says('What this key was allowed to do for the account has expired.', "The account's owner can allow it again."),
  OutsideScope: says('This key may not do that for the account.', "The account's owner can allow it more."),
  MarketNotDelegated: says('This key may not act in this market for the account.', "The account's owner can add the market."),
  LossBudget: says(
    'The order might lose more against the oracle than this key may lose now.',
    'Choose a better price or a smaller size, or wait: the budget comes back over a day.',
  ),
  RestsTooLong: says("A delegate's order must expire sooner than this.", 'Give it an expiry within the time that the owner allows.'),
  DelegatesRemain: says('The account still has delegates.', 'Revoke them first.'),
};

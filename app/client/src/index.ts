// The TypeScript client of Plimsoll: directory, addresses, instructions, sending, live accounts, history.
export * from './accounts';
export * from './addresses';
export * from './book';
export { connect, type Connection } from './connection';
export * from './delegates';
export * from './directory';
export * from './errors';
export * from './events';
export * from './feeds';
export {
  OrderSide,
  OrderType,
  SelfTradeBehavior,
  type AssetParams,
  type Bank,
  type Change,
  type Delegation,
  type EntryPrice,
  type Exchange,
  type Feed,
  type FeedLimits,
  type AccountRiskReport,
  type HealthReport,
  type MarginAccount,
  type Market,
  type MarketParams,
  type ProgramErrorName,
  type ProgramEvent,
  type ProgramEventKind,
  type RiskState,
  type SignedPrices,
} from './generated';
export * from './history';
export { ServerError } from './http';
export * from './instructions';
export * from './local';
export { fits, LIMITS, pack, room, type Size, type Version } from './message';
export { Risk, RiskError, type ChainClock, type Crossing, type HealthLines, type Stale } from './risk';
export * from './send';
export * from './store';
export * from './units';
export { newestVersion, VERSION_1_FEATURE, type VersionedSigner } from './version';
export * from './wallet';

// This file is generated from the interface file by `npm run generate`. Do not edit it.
import {
  getAssetEditedEventDecoder,
  type AssetEditedEvent,
  getAssetListedEventDecoder,
  type AssetListedEvent,
  getBankRestockedEventDecoder,
  type BankRestockedEvent,
  getBankruptcyResolvedEventDecoder,
  type BankruptcyResolvedEvent,
  getChangeCancelledEventDecoder,
  type ChangeCancelledEvent,
  getChangeProposedEventDecoder,
  type ChangeProposedEvent,
  getCollateralLiquidatedEventDecoder,
  type CollateralLiquidatedEvent,
  getDebtClosedOutEventDecoder,
  type DebtClosedOutEvent,
  getDelegateRevokedEventDecoder,
  type DelegateRevokedEvent,
  getDelegateSetEventDecoder,
  type DelegateSetEvent,
  getDepositedEventDecoder,
  type DepositedEvent,
  getDustForfeitedEventDecoder,
  type DustForfeitedEvent,
  getEpochOpenedEventDecoder,
  type EpochOpenedEvent,
  getExchangeCreatedEventDecoder,
  type ExchangeCreatedEvent,
  getExchangeEditedEventDecoder,
  type ExchangeEditedEvent,
  getFeedEditedEventDecoder,
  type FeedEditedEvent,
  getFeedListedEventDecoder,
  type FeedListedEvent,
  getFeesCollectedEventDecoder,
  type FeesCollectedEvent,
  getFillsSettledEventDecoder,
  type FillsSettledEvent,
  getInsuranceFundedEventDecoder,
  type InsuranceFundedEvent,
  getLiquidationFlagEventDecoder,
  type LiquidationFlagEvent,
  getMarginAccountClosedEventDecoder,
  type MarginAccountClosedEvent,
  getMarginAccountCreatedEventDecoder,
  type MarginAccountCreatedEvent,
  getMarginModeSetEventDecoder,
  type MarginModeSetEvent,
  getMarketCreatedEventDecoder,
  type MarketCreatedEvent,
  getMarketEditedEventDecoder,
  type MarketEditedEvent,
  getModeSetEventDecoder,
  type ModeSetEvent,
  getOrderFilledEventDecoder,
  type OrderFilledEvent,
  getOrderPlacedEventDecoder,
  type OrderPlacedEvent,
  getOrdersCancelledEventDecoder,
  type OrdersCancelledEvent,
  getPnlSettledEventDecoder,
  type PnlSettledEvent,
  getPortfolioModelEditedEventDecoder,
  type PortfolioModelEditedEvent,
  getPositionLiquidatedEventDecoder,
  type PositionLiquidatedEvent,
  getPositionsClosedOutEventDecoder,
  type PositionsClosedOutEvent,
  getProfitsMarkedEventDecoder,
  type ProfitsMarkedEvent,
  getRefreshSkippedEventDecoder,
  type RefreshSkippedEvent,
  getShortfallSharedEventDecoder,
  type ShortfallSharedEvent,
  getTransferredEventDecoder,
  type TransferredEvent,
  getUnderlyingAssignedEventDecoder,
  type UnderlyingAssignedEvent,
  getUnderlyingEditedEventDecoder,
  type UnderlyingEditedEvent,
  getWithdrawnEventDecoder,
  type WithdrawnEvent,
} from "./types";

/** Everything the program logs as an event. */
export type ProgramEvent =
  | { kind: "AssetEdited"; data: AssetEditedEvent }
  | { kind: "AssetListed"; data: AssetListedEvent }
  | { kind: "BankRestocked"; data: BankRestockedEvent }
  | { kind: "BankruptcyResolved"; data: BankruptcyResolvedEvent }
  | { kind: "ChangeCancelled"; data: ChangeCancelledEvent }
  | { kind: "ChangeProposed"; data: ChangeProposedEvent }
  | { kind: "CollateralLiquidated"; data: CollateralLiquidatedEvent }
  | { kind: "DebtClosedOut"; data: DebtClosedOutEvent }
  | { kind: "DelegateRevoked"; data: DelegateRevokedEvent }
  | { kind: "DelegateSet"; data: DelegateSetEvent }
  | { kind: "Deposited"; data: DepositedEvent }
  | { kind: "DustForfeited"; data: DustForfeitedEvent }
  | { kind: "EpochOpened"; data: EpochOpenedEvent }
  | { kind: "ExchangeCreated"; data: ExchangeCreatedEvent }
  | { kind: "ExchangeEdited"; data: ExchangeEditedEvent }
  | { kind: "FeedEdited"; data: FeedEditedEvent }
  | { kind: "FeedListed"; data: FeedListedEvent }
  | { kind: "FeesCollected"; data: FeesCollectedEvent }
  | { kind: "FillsSettled"; data: FillsSettledEvent }
  | { kind: "InsuranceFunded"; data: InsuranceFundedEvent }
  | { kind: "LiquidationFlag"; data: LiquidationFlagEvent }
  | { kind: "MarginAccountClosed"; data: MarginAccountClosedEvent }
  | { kind: "MarginAccountCreated"; data: MarginAccountCreatedEvent }
  | { kind: "MarginModeSet"; data: MarginModeSetEvent }
  | { kind: "MarketCreated"; data: MarketCreatedEvent }
  | { kind: "MarketEdited"; data: MarketEditedEvent }
  | { kind: "ModeSet"; data: ModeSetEvent }
  | { kind: "OrderFilled"; data: OrderFilledEvent }
  | { kind: "OrderPlaced"; data: OrderPlacedEvent }
  | { kind: "OrdersCancelled"; data: OrdersCancelledEvent }
  | { kind: "PnlSettled"; data: PnlSettledEvent }
  | { kind: "PortfolioModelEdited"; data: PortfolioModelEditedEvent }
  | { kind: "PositionLiquidated"; data: PositionLiquidatedEvent }
  | { kind: "PositionsClosedOut"; data: PositionsClosedOutEvent }
  | { kind: "ProfitsMarked"; data: ProfitsMarkedEvent }
  | { kind: "RefreshSkipped"; data: RefreshSkippedEvent }
  | { kind: "ShortfallShared"; data: ShortfallSharedEvent }
  | { kind: "Transferred"; data: TransferredEvent }
  | { kind: "UnderlyingAssigned"; data: UnderlyingAssignedEvent }
  | { kind: "UnderlyingEdited"; data: UnderlyingEditedEvent }
  | { kind: "Withdrawn"; data: WithdrawnEvent };

/** The name of an event. */
export type ProgramEventKind = ProgramEvent["kind"];

/** How each event begins and is read. */
export const EVENT_TABLE = [
  { kind: "AssetEdited", discriminator: [162, 252, 70, 236, 8, 86, 203, 206], decoder: getAssetEditedEventDecoder },
  { kind: "AssetListed", discriminator: [39, 64, 97, 162, 189, 150, 150, 2], decoder: getAssetListedEventDecoder },
  { kind: "BankRestocked", discriminator: [86, 192, 202, 253, 188, 84, 10, 166], decoder: getBankRestockedEventDecoder },
  { kind: "BankruptcyResolved", discriminator: [94, 86, 196, 195, 106, 72, 227, 169], decoder: getBankruptcyResolvedEventDecoder },
  { kind: "ChangeCancelled", discriminator: [139, 179, 97, 81, 214, 21, 119, 93], decoder: getChangeCancelledEventDecoder },
  { kind: "ChangeProposed", discriminator: [170, 10, 10, 8, 244, 196, 146, 151], decoder: getChangeProposedEventDecoder },
  { kind: "CollateralLiquidated", discriminator: [148, 42, 28, 104, 72, 50, 124, 98], decoder: getCollateralLiquidatedEventDecoder },
  { kind: "DebtClosedOut", discriminator: [253, 105, 238, 45, 92, 204, 95, 253], decoder: getDebtClosedOutEventDecoder },
  { kind: "DelegateRevoked", discriminator: [10, 200, 133, 29, 238, 207, 193, 124], decoder: getDelegateRevokedEventDecoder },
  { kind: "DelegateSet", discriminator: [103, 126, 239, 131, 201, 31, 212, 253], decoder: getDelegateSetEventDecoder },
  { kind: "Deposited", discriminator: [111, 141, 26, 45, 161, 35, 100, 57], decoder: getDepositedEventDecoder },
  { kind: "DustForfeited", discriminator: [18, 191, 227, 235, 61, 66, 119, 168], decoder: getDustForfeitedEventDecoder },
  { kind: "EpochOpened", discriminator: [136, 166, 130, 170, 78, 145, 67, 78], decoder: getEpochOpenedEventDecoder },
  { kind: "ExchangeCreated", discriminator: [0, 50, 0, 190, 87, 189, 99, 3], decoder: getExchangeCreatedEventDecoder },
  { kind: "ExchangeEdited", discriminator: [139, 95, 54, 202, 29, 159, 106, 14], decoder: getExchangeEditedEventDecoder },
  { kind: "FeedEdited", discriminator: [247, 159, 188, 177, 117, 177, 47, 50], decoder: getFeedEditedEventDecoder },
  { kind: "FeedListed", discriminator: [20, 160, 54, 13, 4, 100, 247, 254], decoder: getFeedListedEventDecoder },
  { kind: "FeesCollected", discriminator: [233, 23, 117, 225, 107, 178, 254, 8], decoder: getFeesCollectedEventDecoder },
  { kind: "FillsSettled", discriminator: [217, 163, 141, 0, 180, 221, 42, 213], decoder: getFillsSettledEventDecoder },
  { kind: "InsuranceFunded", discriminator: [158, 72, 23, 80, 138, 56, 33, 206], decoder: getInsuranceFundedEventDecoder },
  { kind: "LiquidationFlag", discriminator: [194, 110, 68, 171, 234, 167, 249, 45], decoder: getLiquidationFlagEventDecoder },
  { kind: "MarginAccountClosed", discriminator: [234, 104, 71, 148, 114, 30, 107, 38], decoder: getMarginAccountClosedEventDecoder },
  { kind: "MarginAccountCreated", discriminator: [157, 214, 66, 63, 149, 164, 160, 119], decoder: getMarginAccountCreatedEventDecoder },
  { kind: "MarginModeSet", discriminator: [192, 27, 40, 80, 79, 77, 121, 88], decoder: getMarginModeSetEventDecoder },
  { kind: "MarketCreated", discriminator: [88, 184, 130, 231, 226, 84, 6, 58], decoder: getMarketCreatedEventDecoder },
  { kind: "MarketEdited", discriminator: [205, 1, 249, 134, 206, 17, 223, 224], decoder: getMarketEditedEventDecoder },
  { kind: "ModeSet", discriminator: [69, 75, 205, 201, 23, 196, 156, 48], decoder: getModeSetEventDecoder },
  { kind: "OrderFilled", discriminator: [120, 124, 109, 66, 249, 116, 174, 30], decoder: getOrderFilledEventDecoder },
  { kind: "OrderPlaced", discriminator: [96, 130, 204, 234, 169, 219, 216, 227], decoder: getOrderPlacedEventDecoder },
  { kind: "OrdersCancelled", discriminator: [7, 134, 210, 3, 65, 222, 254, 188], decoder: getOrdersCancelledEventDecoder },
  { kind: "PnlSettled", discriminator: [24, 113, 104, 254, 135, 46, 95, 203], decoder: getPnlSettledEventDecoder },
  { kind: "PortfolioModelEdited", discriminator: [244, 226, 209, 66, 135, 146, 11, 82], decoder: getPortfolioModelEditedEventDecoder },
  { kind: "PositionLiquidated", discriminator: [40, 107, 90, 214, 96, 30, 61, 128], decoder: getPositionLiquidatedEventDecoder },
  { kind: "PositionsClosedOut", discriminator: [126, 94, 135, 104, 96, 239, 105, 210], decoder: getPositionsClosedOutEventDecoder },
  { kind: "ProfitsMarked", discriminator: [75, 247, 232, 195, 40, 229, 40, 50], decoder: getProfitsMarkedEventDecoder },
  { kind: "RefreshSkipped", discriminator: [17, 120, 239, 200, 138, 90, 19, 17], decoder: getRefreshSkippedEventDecoder },
  { kind: "ShortfallShared", discriminator: [81, 216, 44, 140, 57, 124, 67, 246], decoder: getShortfallSharedEventDecoder },
  { kind: "Transferred", discriminator: [21, 132, 239, 64, 146, 239, 166, 68], decoder: getTransferredEventDecoder },
  { kind: "UnderlyingAssigned", discriminator: [107, 132, 18, 139, 162, 240, 89, 6], decoder: getUnderlyingAssignedEventDecoder },
  { kind: "UnderlyingEdited", discriminator: [19, 159, 20, 163, 63, 130, 152, 164], decoder: getUnderlyingEditedEventDecoder },
  { kind: "Withdrawn", discriminator: [20, 89, 223, 198, 194, 124, 219, 13], decoder: getWithdrawnEventDecoder },
] as const;

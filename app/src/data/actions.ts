// What the owner can do: every action builds its instructions, has the wallet sign, and says in plain words what became of it.
import { flagOf, type MarginMode } from '@plimsoll/client/accounts';
import { marginAccountAddress, type AssetRef, type MarketRef } from '@plimsoll/client/addresses';
import { delegationsOf } from '@plimsoll/client/delegates';
import { makersFor } from '@plimsoll/client/instructions/orders';
import {
  cancelAllOrders,
  cancelOrder,
  closeMarginAccount,
  createMarginAccount,
  deposit,
  flagging,
  liquidation,
  placeOrder,
  refreshFor,
  revokeDelegate,
  setDelegate,
  setMarginMode,
  transfer,
  withdraw,
  type DelegateTerms,
  type Entries,
  type Liquidation,
  type OrderTerms,
  type PricesAt,
} from '@plimsoll/client/instructions/index';
import { OrderType, SelfTradeBehavior, settlePnl } from './program.ts';
import type { Terms } from '@plimsoll/client/risk';
import { SendError, Sender, type Simulation } from '@plimsoll/client/send';
import type { Purpose } from '@plimsoll/client/feeds';
import type { MarginAccount, RiskState } from '@plimsoll/client/generated';
import { sleep, type Connection } from '@plimsoll/client/connection';
import type { Address, Instruction, TransactionSigner } from '@solana/kit';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { shortAddress } from '../format/address.ts';
import { duration } from '../format/time.ts';
import { feedViews } from '../model/feeds.ts';
import { toast } from '../ui/index.ts';
import { useWallet } from '../wallet/store.ts';
import { useExchange } from './exchange.tsx';
import type { ExchangeState, Snapshot } from './types.ts';

const KIND: Record<Terms['kind'], OrderType> = {
  limit: OrderType.Limit,
  postOnly: OrderType.PostOnly,
  postOnlySlide: OrderType.PostOnlySlide,
  immediateOrCancel: OrderType.ImmediateOrCancel,
  fillOrKill: OrderType.FillOrKill,
  market: OrderType.Market,
};

const SELF_TRADE: Record<NonNullable<Terms['selfTrade']>, SelfTradeBehavior> = {
  decrementAndCancel: SelfTradeBehavior.DecrementAndCancel,
  cancelProvide: SelfTradeBehavior.CancelProvide,
  abortTransaction: SelfTradeBehavior.AbortTransaction,
};

function orderTerms(terms: Terms): OrderTerms {
  return {
    side: terms.side,
    price: terms.price,
    lots: terms.lots,
    kind: KIND[terms.kind],
    reduceOnly: terms.reduceOnly ?? false,
    expiry: terms.expiry ?? 0,
    selfTrade: SELF_TRADE[terms.selfTrade ?? 'cancelProvide'],
    maxFills: terms.maxFills ?? 16,
  };
}

/** What to liquidate of an account, given what it holds and the prices. */
export type LiquidationPlan = (account: MarginAccount, risk: RiskState) => Liquidation;

/** How long to wait for later prices than an account was flagged at, and how often to look, milliseconds. */
const LATER = { patience: 90_000, every: 1_000 };

/** Refusals because of a price that is too old or in doubt. */
const FOR_OLD_PRICES: readonly (string | null)[] = ['StaleEntry', 'BrokenFeed', 'DepositInDoubt'];

/** Whether a liquidation that is refused so has to wait for later prices, and no more. */
export const waitsForPrices = (check: Pick<Simulation, 'refusal'>): boolean =>
  check.refusal?.name === 'SameObservation' || check.refusal?.name === 'StaleEntry';

/** The actions; each returns whether it landed. */
export class Actions {
  private readonly sender: Sender;

  constructor(
    private readonly state: ExchangeState,
    private readonly connection: Connection,
    private readonly signer: TransactionSigner,
    private readonly latest: () => Snapshot,
    private readonly onLanded: () => void,
  ) {
    this.sender = new Sender(connection, state.ref.program, signer);
  }

  /** Address of the owner's account with this number. */
  address(subAccount: number): Promise<Address> {
    return marginAccountAddress(this.state.ref.program, this.state.ref.address, this.signer.address, subAccount);
  }

  /** Places an order, after refreshing what its health check reads and has grown old. */
  async place(account: string, market: MarketRef, terms: Terms, title: string): Promise<boolean> {
    const { ref, snapshot } = this.state;
    const order = orderTerms(terms);
    const book = snapshot.books.get(market.index)?.value;
    const refreshes = this.refresh('trade', account, { markets: [market.index] });
    const place = (makers: Address[]) => placeOrder(ref, { trader: this.signer, marginAccount: account as Address, market, terms: order, makers });
    const room = await this.sender.room([...refreshes, place([])]);
    const makers = book ? makersFor(book, order, account as Address, room) : [];
    return this.send(title, [...refreshes, place(makers)]);
  }

  /** Cancels one order. */
  async cancel(account: string, market: MarketRef, id: bigint): Promise<boolean> {
    return this.send('Cancel the order', [cancelOrder(this.state.ref, this.signer, account as Address, market, { id })]);
  }

  /** Cancels all orders of an account. */
  async cancelAll(account: string): Promise<boolean> {
    const [stored] = this.stored(account);
    const all = stored && cancelAllOrders(this.state.ref, this.signer, account as Address, stored);
    return all ? this.send('Cancel all orders', [all]) : false;
  }

  /** Deposits, and opens the account first where there is none. */
  async deposit(subAccount: number, asset: AssetRef, amount: bigint, tokenBalance: bigint, title: string): Promise<boolean> {
    const { ref } = this.state;
    const account = await this.address(subAccount);
    const isNew = !this.state.snapshot.accounts?.some((stored) => stored.address === account);
    const create = isNew ? [await createMarginAccount(ref, this.signer, subAccount)] : [];
    const move = await deposit(ref, { depositor: this.signer, marginAccount: account, asset, amount, tokenBalance });
    return this.send(title, [...create, ...this.refresh('trade', undefined, { assets: [asset.index] }), ...move]);
  }

  /** Withdraws to the wallet, borrowing what the deposit lacks if allowed. */
  async withdraw(account: string, asset: AssetRef, amount: bigint, allowBorrow: boolean, title: string): Promise<boolean> {
    const { ref } = this.state;
    const move = await withdraw(ref, { owner: this.signer, marginAccount: account as Address, asset, amount, allowBorrow });
    return this.send(title, [...this.refresh('pay', account, { assets: [asset.index] }), ...move]);
  }

  /** Moves a balance between two accounts of the owner; opens the second where there is none. */
  async transfer(from: string, toSubAccount: number, asset: AssetRef, amount: bigint, title: string): Promise<boolean> {
    const { ref } = this.state;
    const to = await this.address(toSubAccount);
    const isNew = !this.state.snapshot.accounts?.some((stored) => stored.address === to);
    const create = isNew ? [await createMarginAccount(ref, this.signer, toSubAccount)] : [];
    const move = transfer(ref, { owner: this.signer, from: from as Address, to, asset, amount, allowBorrow: false });
    return this.send(title, [...create, ...this.refresh('pay', from, { assets: [asset.index] }), move]);
  }

  /** Opens an account without a deposit. */
  async create(subAccount: number): Promise<boolean> {
    return this.send(`Open account ${subAccount}`, [await createMarginAccount(this.state.ref, this.signer, subAccount)]);
  }

  /** Closes an empty account and revokes its delegates; the rent comes back. */
  async close(account: string): Promise<boolean> {
    const { ref } = this.state;
    const [address, stored] = [account as Address, this.stored(account)[0]];
    const delegations = stored?.delegates ? await delegationsOf(this.connection, ref.program, address) : [];
    const revokes = await Promise.all(delegations.map(({ delegate }) => revokeDelegate(ref, this.signer, address, delegate)));
    return this.send('Close the account', [...revokes, closeMarginAccount(ref, this.signer, address)]);
  }

  /** Lets another key act for the account on these terms. */
  async delegate(account: string, to: Address, terms: DelegateTerms): Promise<boolean> {
    return this.send('Set the delegate', [await setDelegate(this.state.ref, this.signer, account as Address, to, terms)]);
  }

  /** Stops a delegate; its rent comes back. */
  async revoke(account: string, delegate: Address): Promise<boolean> {
    return this.send('Revoke the delegate', [await revokeDelegate(this.state.ref, this.signer, account as Address, delegate)]);
  }

  /** Chooses how the account is margined, by fresh entries: it must have the margin of that mode. */
  async setMarginMode(account: string, mode: MarginMode): Promise<boolean> {
    const { ref } = this.state;
    const set = setMarginMode(ref, this.signer, account as Address, mode);
    return this.send(`Switch to ${mode} margin`, [...this.refresh('trade', account), set]);
  }

  /** Turns a position's profit or loss into quote, as far as the market's pool can pay; what is announced pays marked profits later. */
  async settle(account: string, market: MarketRef): Promise<boolean> {
    const { ref } = this.state;
    const settle = settlePnl(ref, market, account as Address);
    const announced = this.state.snapshot.markets.get(market.index)?.value.profits.announced ?? 0n;
    const title = announced > 0n ? 'Settle, or mark for what is announced' : 'Settle profit and loss';
    return this.send(title, [...this.refresh('pay', account, { assets: [0], markets: [market.index] }), settle]);
  }

  /**
   * Liquidates an account into one of the owner's; what it would do can be asked first with {@link checkLiquidation}. In two
   * steps: the account is flagged, unless it is, and what it holds is seized at prices later than those, once there are any.
   */
  async liquidate(own: string, target: Address, plan: LiquidationPlan): Promise<boolean> {
    const name = shortAddress(target);
    if (this.flag(target) === 'none') {
      const flagged = await this.send(`Flag ${name}`, () => this.liquidation(own, target, (account, risk) => flagging(plan(account, risk))));
      if (!flagged) return false;
    }
    const title = `Liquidate ${name}`;
    const id = toast({ tone: 'busy', title, detail: 'Flagged. Waiting for later prices…' });
    await this.laterPrices(own, target, plan);
    return this.send(title, () => this.liquidation(own, target, plan), id);
  }

  /** What the next step of a liquidation would do now, flagging or seizing: its refusal, or its logs. */
  async checkLiquidation(own: string, target: Address, plan: LiquidationPlan, signal?: AbortSignal): Promise<Simulation> {
    const next: LiquidationPlan = (account, risk) => (flagOf(account) === 'none' ? flagging(plan(account, risk)) : plan(account, risk));
    const instructions = this.liquidation(own, target, next);
    // Of one that needs several transactions the last is the liquidation; the others only refresh prices.
    const groups = await this.sender.pack(instructions, signal);
    return this.sender.simulate(groups.at(-1) ?? instructions, signal);
  }

  /** Waits until a flagged account may be seized from as far as its prices go, or nothing is to be gained by waiting. */
  private async laterPrices(own: string, target: Address, plan: LiquidationPlan): Promise<void> {
    for (const end = Date.now() + LATER.patience; Date.now() < end; await sleep(LATER.every)) {
      if (this.flag(target) === 'none') continue;
      const check = await this.checkLiquidation(own, target, plan).catch(() => undefined);
      if (check && !waitsForPrices(check)) return;
    }
  }

  private flag(target: Address) {
    const entry = this.latest().all.find((one) => one.address === target);
    return entry ? flagOf(entry.account) : 'none';
  }

  private liquidation(own: string, target: Address, plan: LiquidationPlan): Instruction[] {
    const [account] = this.stored(own);
    const entry = this.latest().all.find((one) => one.address === target);
    if (!account || !entry) throw new Error('The accounts have not been read yet.');
    const at = this.prices();
    const queues = new Map([...this.latest().queues].map(([index, stored]) => [index, stored.value]));
    const what = plan(entry.account, at.risk);
    return liquidation(this.state.ref, { at, liquidator: this.signer, own: { address: own as Address, account }, target: entry, queues, what });
  }

  private prices(): PricesAt {
    const { risk, clock } = this.latest();
    if (!risk) throw new Error('The prices have not been read yet.');
    return { risk: risk.value, clock };
  }

  /** The refreshes that an action on an account needs. */
  private refresh(purpose: Purpose, account?: string, extra?: Partial<Entries>): Instruction[] {
    return refreshFor(this.state.ref, this.prices(), purpose, account === undefined ? [] : this.stored(account), extra);
  }

  /** The feeds whose prices nothing may be paid out at now: what comes in signed messages only a keeper refreshes. */
  private oldPrices(): string {
    const { risk, clock } = this.prices();
    const old = feedViews(risk, clock).filter(({ serves }) => !serves.pay);
    return old.length === 0 ? '' : `Prices that are not fresh: ${old.map(({ name, age }) => `${name}, ${duration(age)} old`).join('; ')}.`;
  }

  private stored(address: string) {
    return this.latest().accounts?.filter((account) => account.address === address).map((account) => account.value) ?? [];
  }

  /** Sends, and says what becomes of it: in a message of its own, or in one that is shown already. */
  private async send(title: string, wanted: readonly Instruction[] | (() => readonly Instruction[]), shown?: number): Promise<boolean> {
    const id = toast({ tone: 'busy', title, detail: 'Checking…', ...(shown !== undefined && { id: shown }) });
    try {
      const instructions = typeof wanted === 'function' ? wanted() : wanted;
      const landed = await this.sender.sendAll(instructions, {
        onStage: (stage) => {
          const detail = { simulating: 'Checking…', signing: 'Waiting for the wallet…', sending: 'Sent, waiting for confirmation…', confirmed: 'Confirmed' }[stage];
          toast({ id, tone: 'busy', title, detail });
        },
      });
      const signature = landed.at(-1)?.signature;
      toast({ id, tone: 'good', title, detail: signature ? `Done · ${shortAddress(signature)}` : 'Done' });
      this.onLanded();
      return true;
    } catch (error) {
      const refused = error instanceof SendError && error.kind === 'refused';
      const said = error instanceof Error ? error.message : String(error);
      const detail = refused && FOR_OLD_PRICES.includes(error.refusal.name) ? `${said} ${this.oldPrices()}` : said;
      toast({ id, tone: 'bad', title: refused ? `${title}: refused` : `${title}: not sent`, detail });
      return false;
    }
  }
}

/** The actions of the connected wallet; `undefined` without one. */
export function useActions(): Actions | undefined {
  const { state, chain } = useExchange();
  const { connected } = useWallet();
  const queries = useQueryClient();
  return useMemo(() => {
    if (!state || !chain || !connected) return undefined;
    return new Actions(state, chain.connection, connected.signer, chain.snapshot, () => {
      chain.refresh();
      void queries.invalidateQueries({ queryKey: ['tokens'] });
      void queries.invalidateQueries({ queryKey: ['history'] });
    });
  }, [state, chain, connected, queries]);
}

/** Runs one action at a time and says whether one is under way. */
export function useBusy(): [boolean, (run: () => Promise<unknown>) => Promise<void>] {
  const [busy, setBusy] = useState(false);
  return [
    busy,
    async (run) => {
      setBusy(true);
      try {
        await run();
      } finally {
        setBusy(false);
      }
    },
  ];
}

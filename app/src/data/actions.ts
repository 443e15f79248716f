// What the owner can do: every action builds its instructions, has the wallet sign, and says in plain words what became of it.
import type { MarginMode } from '@plimsoll/client/accounts';
import { marginAccountAddress, type AssetRef, type MarketRef } from '@plimsoll/client/addresses';
import { makersFor } from '@plimsoll/client/instructions/orders';
import {
  cancelAllOrders,
  cancelOrder,
  closeMarginAccount,
  createMarginAccount,
  deposit,
  liquidation,
  placeOrder,
  refresh,
  refreshFor,
  setDelegate,
  setMarginMode,
  transfer,
  withdraw,
  type Liquidation,
  type OrderTerms,
} from '@plimsoll/client/instructions/index';
import { OrderType, SelfTradeBehavior, settlePnl } from './program.ts';
import type { Terms } from '@plimsoll/client/risk';
import { SendError, Sender, type Simulation } from '@plimsoll/client/send';
import type { MarginAccountEntry } from '@plimsoll/client/store/index';
import type { Address, Instruction, TransactionSigner } from '@solana/kit';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { shortAddress } from '../format/address.ts';
import { toast } from '../ui/index.ts';
import { useWallet } from '../wallet/store.ts';
import { useExchange } from './exchange.tsx';
import type { ExchangeState } from './types.ts';

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

/** The actions; each returns whether it landed. */
export class Actions {
  private readonly sender: Sender;

  constructor(
    private readonly state: ExchangeState,
    connection: ConstructorParameters<typeof Sender>[0],
    private readonly signer: TransactionSigner,
    private readonly onLanded: () => void,
  ) {
    this.sender = new Sender(connection, state.ref.program, signer);
  }

  /** Address of the owner's account with this number. */
  address(subAccount: number): Promise<Address> {
    return marginAccountAddress(this.state.ref.program, this.state.ref.address, this.signer.address, subAccount);
  }

  /** Places an order, after refreshing what its health check reads. */
  async place(account: string, market: MarketRef, terms: Terms, title: string): Promise<boolean> {
    const { ref, snapshot } = this.state;
    const order = orderTerms(terms);
    const book = snapshot.books.get(market.index)?.value;
    const refreshes = refreshFor(ref, this.stored(account), { markets: [market.index] });
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
    return this.send(title, [...create, ...refresh(ref, { assets: [asset.index], markets: [] }), ...move]);
  }

  /** Withdraws to the wallet, borrowing what the deposit lacks if allowed. */
  async withdraw(account: string, asset: AssetRef, amount: bigint, allowBorrow: boolean, title: string): Promise<boolean> {
    const { ref } = this.state;
    const move = await withdraw(ref, { owner: this.signer, marginAccount: account as Address, asset, amount, allowBorrow });
    return this.send(title, [...refreshFor(ref, this.stored(account), { assets: [asset.index] }), ...move]);
  }

  /** Moves a balance between two accounts of the owner; opens the second where there is none. */
  async transfer(from: string, toSubAccount: number, asset: AssetRef, amount: bigint, title: string): Promise<boolean> {
    const { ref } = this.state;
    const to = await this.address(toSubAccount);
    const isNew = !this.state.snapshot.accounts?.some((stored) => stored.address === to);
    const create = isNew ? [await createMarginAccount(ref, this.signer, toSubAccount)] : [];
    const move = transfer(ref, { owner: this.signer, from: from as Address, to, asset, amount, allowBorrow: false });
    return this.send(title, [...create, ...refreshFor(ref, this.stored(from), { assets: [asset.index] }), move]);
  }

  /** Opens an account without a deposit. */
  async create(subAccount: number): Promise<boolean> {
    return this.send(`Open account ${subAccount}`, [await createMarginAccount(this.state.ref, this.signer, subAccount)]);
  }

  /** Closes an empty account; its rent comes back. */
  async close(account: string): Promise<boolean> {
    return this.send('Close the account', [closeMarginAccount(this.state.ref, this.signer, account as Address)]);
  }

  /** Lets another key trade for the account, or nobody. */
  async delegate(account: string, to: Address | null): Promise<boolean> {
    return this.send(to ? 'Set the delegate' : 'Remove the delegate', [setDelegate(this.state.ref, this.signer, account as Address, to)]);
  }

  /** Chooses how the account is margined, by fresh entries: it must have the margin of that mode. */
  async setMarginMode(account: string, mode: MarginMode): Promise<boolean> {
    const { ref } = this.state;
    const set = setMarginMode(ref, this.signer, account as Address, mode);
    return this.send(`Switch to ${mode} margin`, [...refreshFor(ref, this.stored(account)), set]);
  }

  /** Turns a position's profit or loss into quote, as far as the market's pool can pay. */
  async settle(account: string, market: MarketRef): Promise<boolean> {
    const { ref } = this.state;
    const settle = settlePnl(ref, market, account as Address);
    return this.send('Settle profit and loss', [...refreshFor(ref, this.stored(account), { markets: [market.index] }), settle]);
  }

  /** Liquidates an account into one of the owner's; what it would do can be asked first with {@link checkLiquidation}. */
  async liquidate(own: string, target: MarginAccountEntry, what: Liquidation): Promise<boolean> {
    const instructions = this.liquidation(own, target, what);
    return instructions ? this.send(`Liquidate ${shortAddress(target.address)}`, instructions) : false;
  }

  /** What a liquidation would do now: its refusal, or its logs. */
  async checkLiquidation(own: string, target: MarginAccountEntry, what: Liquidation, signal?: AbortSignal): Promise<Simulation> {
    const instructions = this.liquidation(own, target, what);
    if (!instructions) throw new Error('Your account has not been read yet.');
    // Of one that needs several transactions the last is the liquidation; the others only refresh prices.
    const groups = await this.sender.pack(instructions, signal);
    return this.sender.simulate(groups.at(-1) ?? instructions, signal);
  }

  private liquidation(own: string, target: MarginAccountEntry, what: Liquidation): Instruction[] | undefined {
    const [account] = this.stored(own);
    const { ref, snapshot } = this.state;
    const queues = new Map([...snapshot.queues].map(([index, stored]) => [index, stored.value]));
    return account && liquidation(ref, { liquidator: this.signer, own: { address: own as Address, account }, target, queues, what });
  }

  private stored(address: string) {
    return this.state.snapshot.accounts?.filter((account) => account.address === address).map((account) => account.value) ?? [];
  }

  private async send(title: string, instructions: readonly Instruction[]): Promise<boolean> {
    const id = toast({ tone: 'busy', title, detail: 'Checking…' });
    try {
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
      const detail = error instanceof Error ? error.message : String(error);
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
    return new Actions(state, chain.connection, connected.signer, () => {
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

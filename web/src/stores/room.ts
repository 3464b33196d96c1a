import { defineStore } from 'pinia'
import { computed, ref, shallowRef, triggerRef } from 'vue'
import { deliver, pendingOf, type Pending } from '@/api/bids'
import { api, ApiError, call } from '@/api/client'
import { checkedTo, checkpoint, missed, streamState } from '@/api/feed'
import { takeReceipt } from '@/api/receipts'
import { source } from '@/api/source'
import { toBase64 } from '@/lib/bytes'
import { signBid, signConfirmation, uuidV7, type BidClaims } from '@/verify'
import { parseMoney, UNIT_FEN, type Fen, type MoneyProblem, type MoneyUnit } from '@/lib/money'
import { parseTime, type Micros } from '@/lib/time'
import { applyToLot, bidProblem, bidRange, rankOf, type BidProblem } from '@/model/lot'
import { serverClock } from './clock'
import { keyring, records } from './keyring'
import { screen } from './screen'

export type Amount = { fen: Fen; problem: MoneyProblem | BidProblem | null }

/** What became of the last thing signed here. */
export type BidAnswer =
  | { name: 'sending'; kind: Pending['kind']; amount: Fen; attempt: number }
  | {
      name: 'accepted'
      kind: Pending['kind']
      amount: Fen
      seq: number
      time: Micros
      replayed: boolean
      receipt: 'wait' | 'ok' | 'bad'
    }
  | { name: 'refused'; kind: Pending['kind']; amount: Fen; words: string | null; code: string; seq: number | null }

/** The bidding room: what stands, what I may bid, what I am about to sign. */
export const useRoom = defineStore('room', () => {
  const lotId = ref('')
  const shared = screen(
    () => source().room(lotId.value),
    (view, entry) => applyToLot(view.lot, entry),
  )
  const answer = shallowRef<BidAnswer | null>(null)
  const nonce = ref(uuidV7(serverClock.nowMs()))

  /** The unit in which this lot is bid for: 万元 where steps are whole 万元. */
  const unit = computed<MoneyUnit>(() => {
    const step = range.value?.step
    return step !== undefined && step % UNIT_FEN.wan !== 0n ? 'yuan' : 'wan'
  })
  const range = computed(() => (shared.view.value ? bidRange(shared.view.value.lot) : null))

  /**
   * Either a number of steps, which moves along with the price, or a free entry, which stays as typed: when a new bid
   * has made it worthless it says so, and nobody signs a price that they did not choose.
   */
  const steps = ref<number | null>(1)
  const typed = ref('')

  const amount = computed<Amount | null>(() => {
    const view = shared.view.value
    if (!view || !range.value) return null
    let fen: Fen
    if (steps.value !== null) {
      fen = range.value.at(steps.value)
    } else {
      const parsed = parseMoney(typed.value, unit.value)
      if (!parsed.ok) return { fen: 0n, problem: parsed.problem }
      fen = parsed.fen
    }
    return { fen, problem: bidProblem(view.lot, view.number ?? 0, fen) }
  })

  const standing = computed(() => {
    const view = shared.view.value
    if (!view) return null
    const { lot, number } = view
    const best = number === null ? null : (lot.best.get(number) ?? null)
    const behind =
      best && lot.leader
        ? lot.leader.amount > best.amount
          ? lot.leader.amount - best.amount
          : best.amount - lot.leader.amount
        : null
    return {
      rank: number === null ? null : rankOf(lot, number),
      best,
      behind,
      leading: number !== null && lot.leader?.number === number,
    }
  })

  /** Whether this browser can sign for the number: there is one, its key is here, nothing is on its way. */
  const canSign = computed(() => {
    const view = shared.view.value
    return view !== null && view.number !== null && view.kid !== null && answer.value?.name !== 'sending'
  })

  const mayConfirm = computed(() => {
    const view = shared.view.value
    return (
      view !== null &&
      view.number !== null &&
      view.lot.stage === 'confirming' &&
      view.lot.eligible.includes(view.number) &&
      !view.lot.confirmed.includes(view.number)
    )
  })

  /** The claims as they would be signed this moment; the newest checkpoint that this browser verified stands in `seen`. */
  function claimsFor(fen: Fen): BidClaims | null {
    const view = shared.view.value
    const seen = checkpoint.value?.value
    if (!view || view.number === null || !seen) return null
    return {
      amount: fen,
      issuedAt: serverClock.now(),
      ledger: view.origin,
      lot: view.lot.id,
      nonce: nonce.value,
      number: view.number,
      ...(view.lot.rung > 0 ? { rung: view.lot.rung } : {}),
      seen: { size: seen.size, root: toBase64(seen.root) },
    }
  }

  const signer = () => (message: Uint8Array<ArrayBuffer>) => keyring.sign(`lot/${lotId.value}`, message)

  async function bid(claims: BidClaims): Promise<void> {
    const view = shared.view.value
    if (!view?.kid || !canSign.value) return
    await send({
      kind: 'bid',
      lot: claims.lot,
      amount: claims.amount,
      statement: await signBid(claims, view.kid, signer()),
    })
  }

  async function confirm(): Promise<void> {
    const view = shared.view.value
    const claims = claimsFor(0n)
    if (!view?.kid || !claims || !canSign.value) return
    const { issuedAt, ledger, lot, number } = claims
    const statement = await signConfirmation({ issuedAt, ledger, lot, nonce: nonce.value, number }, view.kid, signer())
    await send({ kind: 'confirmation', lot, amount: 0n, statement })
  }

  async function send(pending: Pending): Promise<void> {
    const { kind, lot, amount: fen } = pending
    // This nonce belongs to this statement from now on, whatever becomes of it.
    nonce.value = uuidV7(serverClock.nowMs())
    answer.value = { name: 'sending', kind, amount: fen, attempt: 0 }
    const body = { params: { path: { lot } }, body: { statement: pending.statement } }
    const post = async () => {
      const accepted = await call(
        kind === 'bid' ? api.POST('/api/v1/lots/{lot}/bids', body) : api.POST('/api/v1/lots/{lot}/confirmations', body),
      )
      return { seq: accepted.seq, time: accepted.time, replayed: accepted.replayed }
    }
    try {
      const outcome = await deliver(pending, {
        post,
        storage: records,
        stopped: () => lotId.value !== lot,
        onRetry: (attempt) => (answer.value = { name: 'sending', kind, amount: fen, attempt }),
      })
      if (outcome.name === 'refused') {
        answer.value = {
          name: 'refused',
          kind,
          amount: fen,
          words: outcome.error.words,
          code: outcome.error.code,
          seq: outcome.error.seq,
        }
        return
      }
      const accepted = {
        name: 'accepted' as const,
        kind,
        amount: fen,
        seq: outcome.seq,
        time: parseTime(outcome.time),
        replayed: outcome.replayed,
      }
      answer.value = { ...accepted, receipt: 'wait' }
      steps.value = 1
      typed.value = ''
      await keepReceipt(pending, outcome.seq, accepted)
    } catch (error) {
      if (answer.value?.name === 'sending')
        answer.value = {
          name: 'refused',
          kind,
          amount: fen,
          words: error instanceof ApiError ? error.words : null,
          code: error instanceof ApiError ? error.code : 'internal',
          seq: null,
        }
    }
  }

  async function keepReceipt(
    pending: Pending,
    seq: number,
    accepted: Omit<Extract<BidAnswer, { name: 'accepted' }>, 'receipt'>,
  ): Promise<void> {
    const tell = (receipt: 'ok' | 'bad') => {
      if (answer.value?.name === 'accepted' && answer.value.seq === seq) answer.value = { ...accepted, receipt }
    }
    try {
      const row = await takeReceipt({ lot: pending.lot, seq, amount: pending.amount, statement: pending.statement })
      const view = shared.view.value
      if (view && view.lot.id === row.lot && !view.receipts.some((r) => r.seq === seq)) {
        view.receipts.unshift(row)
        triggerRef(shared.view)
      }
      tell('ok')
    } catch {
      tell('bad')
    }
  }

  async function load(): Promise<void> {
    answer.value = null
    await shared.load()
    // Signed before a reload and never answered: the same statement goes out again and gets its one answer.
    const pending = shared.view.value && (await pendingOf(records, lotId.value).catch(() => null))
    if (pending) void send(pending)
  }

  return {
    lotId,
    ...shared,
    load,
    stream: streamState,
    checkedTo,
    missed,
    unit,
    range,
    steps,
    typed,
    amount,
    standing,
    answer,
    canSign,
    mayConfirm,
    claimsFor,
    bid,
    confirm,
  }
})

/**
 * Who has cosigned the checkpoint that this browser was shown: every cosignature is verified here, and the policy's quorum
 * counted here. What the server says about its witnesses only adds how far behind the others are.
 */

import { onBeforeUnmount, onMounted, ref, shallowRef } from 'vue'
import { api, call, text, type Schemas } from '@/api/client'
import { LEDGER } from '@/api/trust'
import { ALG_COSIGNATURE, parseCheckpoint, parseVerifierKey, verifyNote } from '@/verify'

/** `signed`: its cosignature stands on this checkpoint and holds. `broken`: it stands there and does not hold. */
export type WitnessState = 'signed' | 'behind' | 'silent' | 'broken'

export interface WitnessView {
  /** As the policy calls it. */
  name: string
  key: string
  state: WitnessState
  /** Milliseconds since 1970 by the witness's own clock; of this checkpoint where it has signed it. */
  at: number | null
  /** Entries of this checkpoint that it has not cosigned; `null` where it has cosigned nothing. */
  behind: number | null
}

export interface CosigningView {
  /** Entries under the checkpoint that is shown. */
  size: number
  /** Entries committed by now. */
  head: number
  /** The least number of witnesses that meets the policy. */
  required: number
  /** Whether those whose cosignature holds here meet the policy; `null` where it asks for nobody. */
  met: boolean | null
  waitSeconds: number
  witnesses: WitnessView[]
}

/** C2SP tlog-policy: whether witnesses of these names meet its quorum; `null` for `quorum none`. */
export function meets(policy: string, has: (name: string) => boolean): boolean | null {
  const groups = new Map<string, { need: number; members: string[] }>()
  const met = (name: string): boolean => {
    const group = groups.get(name)
    return group ? group.members.filter(met).length >= group.need : has(name)
  }
  for (const line of policy.split('\n')) {
    const [word, name, ...rest] = line.split(/[ \t]+/).filter((part) => part !== '')
    if (word === 'group' && name !== undefined) {
      const [count, ...members] = rest
      const need = count === 'all' ? members.length : count === 'any' ? 1 : Number(count)
      // A group is made of what stands before it, so no circle can be written.
      if (!Number.isSafeInteger(need) || need < 1 || members.includes(name)) throw new Error('not a policy')
      groups.set(name, { need, members })
    }
    if (word === 'quorum' && name !== undefined) return name === 'none' ? null : met(name)
  }
  return null
}

/** Throws where the checkpoint itself cannot be read. */
export async function judge(note: string, ledger: Schemas['LedgerItem']): Promise<CosigningView> {
  const checkpoint = parseCheckpoint(note)
  const judged = ledger.cosigning.witnesses.map(async (item): Promise<WitnessView> => {
    const { name, verifier_key: key } = item
    const behind = item.size == null ? null : Math.max(0, checkpoint.size - item.size)
    const at = item.cosigned_at == null ? null : item.cosigned_at * 1_000
    const parsed = await parseVerifierKey(key)
    if (parsed.alg !== ALG_COSIGNATURE) throw new Error('not a key of a witness')
    try {
      const [line] = await verifyNote(checkpoint.note, [parsed])
      if (line?.cosignedAt != null) return { name, key, state: 'signed', at: line.cosignedAt * 1_000, behind: 0 }
    } catch {
      return { name, key, state: 'broken', at: null, behind }
    }
    return { name, key, state: item.in_trouble || behind === null ? 'silent' : 'behind', at, behind }
  })
  const witnesses = await Promise.all(judged)
  const signed = new Set(witnesses.filter((w) => w.state === 'signed').map((w) => w.name))
  return {
    size: checkpoint.size,
    head: Math.max(ledger.size, checkpoint.size),
    required: ledger.cosigning.required,
    met: meets(ledger.cosigning.policy, (name) => signed.has(name)),
    waitSeconds: ledger.cosigning.wait_seconds,
    witnesses,
  }
}

const EVERY_MS = 5_000

/** Looks again and again as long as the component is there. */
export function useCosigning() {
  const view = shallowRef<CosigningView | null>(null)
  const failed = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  let over = false
  async function look(): Promise<void> {
    try {
      const { items } = await call(api.GET('/api/v1/ledgers'))
      const ledger = items.find((item) => item.name === LEDGER) ?? items[0]
      if (ledger) view.value = await judge(await text(`/ledger/${ledger.name}/checkpoint`), ledger)
      failed.value = false
    } catch {
      failed.value = true
    }
    if (!over) timer = setTimeout(() => void look(), EVERY_MS)
  }
  onMounted(() => void look())
  onBeforeUnmount(() => {
    over = true
    clearTimeout(timer)
  })
  return { view, failed }
}

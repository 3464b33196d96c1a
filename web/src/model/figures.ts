/** The year's figures, summed out of the ledger's own entries: the same sum as the server's, made by whoever looks. */

import { parseFen, type Fen } from '@/lib/money'
import { known, lotOf, type Category, type Entry } from './events'

export interface Sums {
  projects: number
  lots: number
  amount: Fen
}

/** Reads entries in order; what they add up to can be asked for at any time. */
export class Recount {
  private readonly categories = new Map<string, Category>()
  private readonly projectOfLot = new Map<string, string>()
  private readonly awards = new Map<string, { project: string; price: Fen }>()

  take(entry: Entry): void {
    if (!entry.payload) return
    const { kind, subject, data } = entry.payload
    if (kind === 'project.registered') {
      this.categories.set(subject.slice('project/'.length), (data as { category: Category }).category)
      return
    }
    const lot = lotOf(subject)
    if (lot === null) return
    if (kind === 'lot.noticed') this.projectOfLot.set(lot, (data as { project: string }).project)
    const event = known(entry.payload)
    if (event.kind === 'lot.awarded') {
      const project = this.projectOfLot.get(lot)
      if (project === undefined) throw new Error(`entry ${entry.seq}: an award without a notice`)
      this.awards.set(lot, { project, price: parseFen(event.data.price) })
    } else if (event.kind === 'lot.failed') {
      // After the award: the winner did not stand by it.
      this.awards.delete(lot)
    }
  }

  sums(): Sums & { byCategory: Map<Category, Sums> } {
    const byCategory = new Map<Category, Sums>()
    const seen = new Set<string>()
    let amount = 0n
    for (const { project, price } of this.awards.values()) {
      const category = this.categories.get(project)
      if (category === undefined) throw new Error(`project ${project} was never registered`)
      const sums = byCategory.get(category) ?? { projects: 0, lots: 0, amount: 0n }
      byCategory.set(category, sums)
      sums.lots++
      sums.amount += price
      amount += price
      if (!seen.has(project)) sums.projects++
      seen.add(project)
    }
    return { projects: seen.size, lots: this.awards.size, amount, byCategory }
  }
}

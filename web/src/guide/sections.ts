/** The guide's sections with the number of their paragraphs; the words stand in the locale files. */
export interface Section {
  id: string
  paragraphs: number
}

export const GUIDE: readonly Section[] = [
  { id: 'start', paragraphs: 5 },
  { id: 'deposit', paragraphs: 2 },
  { id: 'bidding', paragraphs: 6 },
  { id: 'time', paragraphs: 2 },
  { id: 'receipt', paragraphs: 2 },
  { id: 'objection', paragraphs: 2 },
  { id: 'offline', paragraphs: 2 },
]

export const ACCESS: readonly Section[] = [
  { id: 'standard', paragraphs: 1 },
  { id: 'does', paragraphs: 3 },
  { id: 'lacks', paragraphs: 3 },
  { id: 'contact', paragraphs: 1 },
]

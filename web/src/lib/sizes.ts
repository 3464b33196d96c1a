/** Sizes of files as people read them: decimal units, as the notices' lists have them. */
export const bytesText = (n: number): string =>
  n >= 1_000_000 ? `${(n / 1_000_000).toFixed(1)} MB` : `${Math.ceil(n / 1000)} kB`

// What a first visit to the hall loads, gzipped: the shell (entry and what it imports) and the hall itself.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const manifest = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'))
const SHELL_KB_MAX = 170
function files(key, seen = new Set()) {
  const chunk = manifest[key]
  if (!chunk || seen.has(chunk.file)) return seen
  seen.add(chunk.file)
  chunk.css?.forEach((f) => seen.add(f))
  chunk.imports?.forEach((k) => files(k, seen))
  return seen
}
const weigh = (set) =>
  [...set].reduce((sum, f) => sum + gzipSync(readFileSync(`dist/${f}`), { level: 9 }).length, 0) / 1000
const shell = files('index.html')
const hall = files('src/views/HallView.vue', new Set(shell))
console.log(`shell ${weigh(shell).toFixed(1)} kB, with the hall ${weigh(hall).toFixed(1)} kB (gzip)`)
if (weigh(shell) > SHELL_KB_MAX) {
  console.error(`the shell is above ${SHELL_KB_MAX} kB`)
  process.exitCode = 1
}

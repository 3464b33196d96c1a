/**
 * Builds the offline verifier, one file without a network: `public/verify.html`, and the rules by themselves for the
 * interface, `public/verifier.wasm`. `--twice` builds both again from nothing and compares every byte.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { compile } from './wasm.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const sha256 = (data, encoding) => createHash('sha256').update(data).digest(encoding)

/** One entry and all that it imports as a single classic script, and the styles beside it. */
async function bundle(entry) {
  const built = await build({
    configFile: here('../vite.config.ts'),
    root: here('..'),
    mode: 'production',
    logLevel: 'warn',
    publicDir: false,
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      manifest: false,
      target: 'es2022',
      cssCodeSplit: false,
      assetsInlineLimit: Number.MAX_SAFE_INTEGER,
      rolldownOptions: { output: { codeSplitting: false } },
      lib: { entry: here(entry), formats: ['es'], name: 'verifier', fileName: 'verifier' },
    },
  })
  const { output } = Array.isArray(built) ? built[0] : built
  const chunks = output.filter((file) => file.type === 'chunk')
  if (chunks.length !== 1) throw new Error(`${entry}: ${chunks.length} chunks, not one`)
  const css = output.filter((file) => file.fileName.endsWith('.css')).map((file) => String(file.source))
  return { code: inline(chunks[0].code), css: css.join('\n') }
}

/** No text inside a script element may end it. */
const inline = (code) => code.replaceAll('\r', '').replace(/<(\/script|!--)/gi, '\\x3c$1')

/** The page: nothing may be loaded from anywhere, and only these very bytes may run. */
function page({ app, worker, rules }) {
  const code = `\n${app.code}\n`
  const css = `\n${app.css}\n`
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${sha256(code, 'base64')}' blob: 'wasm-unsafe-eval'`,
    `style-src 'sha256-${sha256(css, 'base64')}'`,
    'worker-src blob:',
    'media-src blob:',
    'img-src data: blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  return `<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>明鉴 · 离线核验 Mingjian offline verification</title>
<style>${css}</style>
</head>
<body>
<div id="app"></div>
<noscript>核验在您的浏览器里完成，请允许本页运行 JavaScript。 The verification runs in your browser: allow JavaScript.</noscript>
<script type="text/plain" id="rules">${rules.toString('base64')}</script>
<script type="text/plain" id="worker">${worker.code}</script>
<script type="module">${code}</script>
</body>
</html>
`
}

async function make(targetDir) {
  const rules = readFileSync(compile(targetDir))
  const [app, worker] = [await bundle('../src/offline/main.ts'), await bundle('../src/verify/worker.ts')]
  return { html: page({ app, worker, rules }), rules }
}

const first = await make()
if (process.argv.includes('--twice')) {
  const fresh = mkdtempSync(join(tmpdir(), 'verifier-'))
  const second = await make(fresh)
  rmSync(fresh, { recursive: true })
  if (second.html !== first.html || !second.rules.equals(first.rules)) {
    console.error('two builds differ')
    process.exit(1)
  }
  console.log('two builds, the same bytes')
}
mkdirSync(here('../public/'), { recursive: true })
writeFileSync(here('../public/verifier.wasm'), first.rules)
writeFileSync(here('../public/verify.html'), first.html)
console.log(`verify.html  ${(first.html.length / 1e6).toFixed(2)} MB  sha256 ${sha256(first.html, 'hex')}`)

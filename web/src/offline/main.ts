/**
 * Lives here: the offline verifier, built into one file that needs no network (`npm run verifier`).
 * Must never know: the server, the router, stores.
 * Start reading at `useFile`, then `OfflineApp`.
 */
import { createApp } from 'vue'
import { i18n, preferredLocale, setLocale } from '@/i18n'
import zh from '@/locales/offline/zh-CN.json'
import en from '@/locales/offline/en.json'
import { addPhrases } from '@/phrases'
import { fromBase64 } from '@/lib/bytes'
import { RulesThread } from '@/verify/thread'
import OfflineApp from './OfflineApp.vue'
import '@/theme/tokens.css'
import '@/theme/base.css'
import './print.css'

const block = (id: string): string => document.getElementById(id)!.textContent!.trim()

/** Worker and rules stand in the page itself. */
function start(): RulesThread {
  const url = URL.createObjectURL(new Blob([block('worker')], { type: 'text/javascript' }))
  const worker = new Worker(url)
  return new RulesThread(worker, fromBase64(block('rules')).buffer)
}

addPhrases(zh, en)
await setLocale(preferredLocale())
createApp(OfflineApp, { start }).use(i18n).mount('#app')

/** Chinese first, in the shell; English arrives when it is asked for. Both are compiled when the page is built. */
import { computed } from 'vue'
import { createI18n } from 'vue-i18n'
import zh from './locales/zh-CN.json'

export type Locale = 'zh-CN' | 'en'
const KEPT_AS = 'mingjian.locale'

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN' as Locale,
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zh } as Record<string, typeof zh>,
})

export const locale = computed(() => i18n.global.locale.value as Locale)

export async function setLocale(to: Locale): Promise<void> {
  if (to === 'en' && !i18n.global.availableLocales.includes('en')) {
    i18n.global.setLocaleMessage('en', (await import('./locales/en.json')).default as typeof zh)
  }
  i18n.global.locale.value = to
  document.documentElement.lang = to
  remember(to)
}

function remember(to: Locale): void {
  try {
    localStorage.setItem(KEPT_AS, to)
  } catch {
    // Storage may be closed to us; the choice then lasts for this visit.
  }
}

export function preferredLocale(): Locale {
  try {
    const kept = localStorage.getItem(KEPT_AS)
    if (kept === 'en' || kept === 'zh-CN') return kept
  } catch {
    // As above.
  }
  return 'zh-CN'
}

/** Phrases that only some screens need arrive with them, in whichever language the page speaks, and stay out of the shell. */
import { watch } from 'vue'
import { i18n } from '@/i18n'

const global = i18n.global as unknown as { mergeLocaleMessage(locale: string, messages: object): void }

export function addPhrases(zh: object, en: object): void {
  global.mergeLocaleMessage('zh-CN', zh)
  // English is loaded when it is asked for; merging before that would pass for having loaded it.
  watch(
    () => i18n.global.locale.value as string,
    (now) => now === 'en' && global.mergeLocaleMessage('en', en),
    { immediate: true, flush: 'sync' },
  )
}

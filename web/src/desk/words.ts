/** The desks' own phrases arrive with the desks, in whichever language the page speaks, and stay out of the shell. */
import { watch } from 'vue'
import { i18n } from '@/i18n'
import en from '@/locales/desk/en.json'
import zh from '@/locales/desk/zh-CN.json'

const global = i18n.global as unknown as { mergeLocaleMessage(locale: string, messages: object): void }
global.mergeLocaleMessage('zh-CN', zh)
// English is loaded when it is asked for; merging before that would pass for having loaded it.
watch(
  () => i18n.global.locale.value as string,
  (now) => now === 'en' && global.mergeLocaleMessage('en', en),
  { immediate: true, flush: 'sync' },
)

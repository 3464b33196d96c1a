/** The desks' own phrases arrive with the desks, in whichever language the page speaks, and stay out of the shell. */
import { watch } from 'vue'
import { i18n } from '@/i18n'
import en from '@/locales/desk/en.json'
import zh from '@/locales/desk/zh-CN.json'

const global = i18n.global as unknown as { mergeLocaleMessage(locale: string, messages: object): void; locale: { value: string } }
global.mergeLocaleMessage('zh-CN', zh)
// English is loaded when it is asked for; merging before that would pass for having loaded it.
watch(global.locale, (now) => now === 'en' && global.mergeLocaleMessage('en', en), { immediate: true, flush: 'sync' })

/** The desks' own phrases. */
import en from '@/locales/desk/en.json'
import zh from '@/locales/desk/zh-CN.json'
import { addPhrases } from '@/phrases'

addPhrases(zh, en)

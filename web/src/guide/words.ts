/** The guide's and the accessibility statement's own phrases. */
import en from '@/locales/guide/en.json'
import zh from '@/locales/guide/zh-CN.json'
import { addPhrases } from '@/phrases'

addPhrases(zh, en)

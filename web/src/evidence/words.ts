/** What screens of cameras and footage say. */
import en from '@/locales/evidence/en.json'
import zh from '@/locales/evidence/zh-CN.json'
import { addPhrases } from '@/phrases'

addPhrases(zh, en)

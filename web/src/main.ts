import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { serverSource } from './api/server'
import { useSource } from './api/source'
import App from './App.vue'
import { i18n, preferredLocale, setLocale } from './i18n'
import { router } from './router'
import { applyTheme } from './theme/theme'
import './theme/tokens.css'
import './theme/element.css'
import './theme/base.css'

applyTheme()
await setLocale(preferredLocale())

useSource(serverSource)
// Invented data for work on the screens; `import.meta.env.DEV` is false in a build and takes the branch and its files away.
if (import.meta.env.DEV && new URLSearchParams(location.search).has('fixtures')) {
  useSource((await import('./fixtures')).fixtures())
}

createApp(App).use(createPinia()).use(i18n).use(router).mount('#app')

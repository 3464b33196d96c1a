import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'

export const routes: RouteRecordRaw[] = [
  { path: '/', name: 'hall', component: () => import('./views/HallView.vue'), meta: { title: 'hall.title' } },
  { path: '/lots/:id', name: 'lot', component: () => import('./views/LotView.vue'), meta: { title: 'lot.title' } },
  {
    path: '/lots/:id/room',
    name: 'room',
    component: () => import('./views/RoomView.vue'),
    meta: { title: 'room.title' },
  },
  {
    path: '/floor',
    name: 'floor',
    component: () => import('./views/FloorView.vue'),
    meta: { title: 'floor.title', theme: 'dark' },
  },
  {
    path: '/review',
    name: 'review-find',
    component: () => import('./views/ReviewFindView.vue'),
    meta: { title: 'review.find' },
  },
  {
    path: '/office',
    name: 'office',
    component: () => import('./views/OfficeView.vue'),
    meta: { title: 'desk.office.title' },
  },
  {
    path: '/rooms',
    name: 'rooms',
    component: () => import('./evidence/RoomsView.vue'),
    meta: { title: 'floor.picture' },
  },
  {
    path: '/admin',
    name: 'admin',
    component: () => import('./views/AdminView.vue'),
    meta: { title: 'desk.admin.title' },
  },
  {
    path: '/review/:id',
    name: 'review',
    component: () => import('./views/ReviewView.vue'),
    meta: { title: 'review.title' },
  },
  { path: '/verify', name: 'verify', component: () => import('./views/VerifyView.vue'), meta: { title: 'nav.verify' } },
  {
    path: '/notices',
    name: 'notices',
    component: () => import('./views/NoticesView.vue'),
    meta: { title: 'nav.notices' },
  },
  {
    path: '/results',
    name: 'results',
    component: () => import('./views/ResultsView.vue'),
    meta: { title: 'nav.results' },
  },
  {
    path: '/statistics',
    name: 'statistics',
    component: () => import('./views/StatisticsView.vue'),
    meta: { title: 'nav.statistics' },
  },
  { path: '/guide', name: 'guide', component: () => import('./views/GuideView.vue'), meta: { title: 'nav.guide' } },
  {
    path: '/accessibility',
    name: 'accessibility',
    component: () => import('./views/AccessibilityView.vue'),
    meta: { title: 'foot.open.access' },
  },
  {
    path: '/sign-in',
    name: 'sign-in',
    component: () => import('./views/SignInView.vue'),
    meta: { title: 'signIn.title' },
  },
  {
    path: '/sign-up',
    name: 'sign-up',
    component: () => import('./views/SignUpView.vue'),
    meta: { title: 'signUp.title' },
  },
  { path: '/keys', name: 'keys', component: () => import('./views/KeysView.vue'), meta: { title: 'keys.title' } },
  { path: '/my', name: 'my', component: () => import('./views/MyLotsView.vue'), meta: { title: 'my.title' } },
  {
    path: '/:rest(.*)*',
    name: 'missing',
    component: () => import('./views/LaterView.vue'),
    meta: { title: 'state.missing.title' },
  },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (to, _from, saved) => saved ?? (to.hash ? { el: to.hash } : { top: 0 }),
})

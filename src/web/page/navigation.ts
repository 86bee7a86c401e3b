import type { FastifyRequest } from 'fastify'
import { type Words, wordsFor } from '../../messages/catalogue.ts'
import type { Standing } from '../../storage/account/standing.ts'
import { type Html, html } from './html.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What the person who is signed in is here. */
    standing: Standing | undefined
  }
}

/** Links to the pages that are of use to the person who is signed in; undefined if nobody is. */
export const navigation = ({ standing, url }: FastifyRequest, words: Words = wordsFor('en')): Html | undefined => {
  if (standing === undefined) return undefined
  const [path = ''] = url.split('?', 1)
  const isHere = (href: string) => path === href || path.startsWith(`${href}/`)
  return html`<nav class="w-100" aria-label="${words.say('nav')}">
<ul class="list-inline mb-0">${links
    .filter(({ isOfUse }) => isOfUse(standing))
    .map(
      ({ href, key }) =>
        html`<li class="list-inline-item me-3"><a href="${href}"${isHere(href) && html` class="fw-bold" aria-current="page"`}>${words.say(key)}</a></li>`,
    )}</ul>
</nav>`
}

type Link = {
  readonly href: string
  readonly key: Parameters<Words['say']>[0]
  readonly isOfUse: (standing: Standing) => boolean
}

const links: readonly Link[] = [
  { href: '/account', key: 'nav.account', isOfUse: () => true },
  { href: '/sharing', key: 'nav.sharing', isOfUse: ({ patient }) => patient },
  { href: '/studies', key: 'nav.studies', isOfUse: ({ staff }) => staff },
  { href: '/patients', key: 'nav.patients', isOfUse: ({ staff }) => staff },
  { href: '/organizations', key: 'nav.organizations', isOfUse: ({ staff, administrator }) => staff || administrator },
  { href: '/audit', key: 'nav.audit', isOfUse: ({ officer }) => officer },
  { href: '/devices', key: 'nav.devices', isOfUse: ({ administrator }) => administrator },
  { href: '/system', key: 'nav.system', isOfUse: ({ administrator }) => administrator },
]

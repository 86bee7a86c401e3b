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
  const shown = links.flatMap(({ key, at, also = [] }) => {
    const href = at(standing)
    return href === undefined ? [] : [{ key, href, paths: [href, ...also] }]
  })
  // Their own record lies below all patients, so what is nearest counts.
  const [here] = shown
    .flatMap(({ href, paths }) => paths.map(above => ({ href, above })))
    .filter(({ above }) => path === above || path.startsWith(`${above}/`))
    .sort((one, other) => other.above.length - one.above.length)
  return html`<nav class="ways w-100" aria-label="${words.say('nav')}">
<ul class="list-unstyled d-flex flex-wrap mb-0">${shown.map(
    ({ href, key }) =>
      html`<li><a href="${href}"${href === here?.href && html` aria-current="page"`}>${words.say(key)}</a></li>`,
  )}</ul>
</nav>`
}

type Link = {
  readonly key: Parameters<Words['say']>[0]
  /** Undefined if it is of no use to them. */
  readonly at: (standing: Standing) => string | undefined
  /** The paths of other pages that belong to it. */
  readonly also?: readonly string[]
}

const where = (isOfUse: boolean, href: string): string | undefined => (isOfUse ? href : undefined)

const links: readonly Link[] = [
  { key: 'nav.account', at: () => '/account' },
  { key: 'nav.record', at: ({ record }) => record && `/patients/${record}` },
  { key: 'nav.sharing', at: ({ patient }) => where(patient, '/sharing') },
  { key: 'nav.studies', at: ({ staff }) => where(staff, '/studies') },
  { key: 'nav.patients', at: ({ staff }) => where(staff, '/patients') },
  { key: 'nav.shared', at: ({ shared }) => where(shared, '/shared') },
  { key: 'nav.organizations', at: ({ staff, administrator }) => where(staff || administrator, '/organizations') },
  { key: 'nav.audit', at: ({ officer }) => where(officer, '/audit') },
  {
    key: 'nav.devices',
    at: ({ staff, administrator }) => where(staff || administrator, '/devices'),
    also: ['/quarantine'],
  },
  { key: 'nav.system', at: ({ administrator }) => where(administrator, '/system') },
]

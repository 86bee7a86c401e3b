import t from 'tap'
import { organizationRole } from '../../src/access/vocabulary.ts'
import { auditKeyOf } from '../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../src/storage/audit/seal/seal.ts'
import { wordsOf } from '../support/browser.ts'
import { clinicalConsent } from '../support/clinical-consent.ts'
import { openTenants } from './tenants.ts'

const world = await openTenants()
const { people, lab, create } = world
t.teardown(() => world.server.close())
t.setTimeout(120_000)
const { id: study } = await world.newStudy(lab.manager, lab.organization, 'nights', ['omh:heart-rate'])
const managingOrganization = { reference: `Organization/${lab.organization}` }
for (let number = 0; number < 60; number += 1) {
  const patient = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: `Many${number % 7}` }],
    ...(number % 3 > 0 && { birthDate: `19${50 + (number % 5)}-01-01` }),
    managingOrganization,
  })
  const self = await world.patientToken(patient.id, 'patient/Consent.cruds')
  await create(self, clinicalConsent(patient.id, { to: `Organization/${lab.organization}`, kinds: ['omh:heart-rate'] }))
  if (number < 30)
    await create(lab.manager, {
      resourceType: 'ResearchSubject',
      status: 'candidate',
      study: { reference: `ResearchStudy/${study}` },
      individual: { reference: `Patient/${patient.id}` },
    })
}
const yard = await create('everything', {
  resourceType: 'Organization',
  name: 'Yard',
  partOf: { reference: `Organization/${lab.organization}` },
})
for (let number = 0; number < 55; number += 1) {
  await create('everything', {
    resourceType: 'Device',
    deviceName: [{ name: `Band ${number % 7}`, type: 'model-name' }],
    ...(number % 3 > 0 && { manufacturer: `Maker ${number % 5}` }),
  })
  await create(lab.manager, {
    resourceType: 'ResearchStudy',
    status: number % 4 === 0 ? 'active' : 'completed',
    title: `Sleep ${number % 9}`,
    sponsor: managingOrganization,
  })
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ family: `One ${number % 7}` }] })
  await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner: { reference: `Practitioner/${id}` },
    organization: { reference: `Organization/${yard.id}` },
    code: [{ coding: [{ system: organizationRole, code: number % 5 === 0 ? 'member' : 'viewer' }] }],
    ...(number % 3 > 0 && { period: { start: `20${10 + (number % 10)}-01-01` } }),
  })
}
await sealAudit(world.database, auditKeyOf(Buffer.alloc(32, 7)))

type Listed = {
  readonly who: keyof typeof people
  readonly path: string
  readonly query?: string
  /** What an item of the list has in its first group. */
  readonly item: RegExp
}

/** Every list with pages and a choice of orders. */
const lists: readonly Listed[] = [
  { who: 'member', path: '/patients', query: 'name=many', item: /href="\/patients\/([\w-]+)\?back=/g },
  { who: 'member', path: `/studies/${study}/enrolment`, query: 'name=many', item: /name="patient" value="([\w-]+)"/g },
  { who: 'member', path: `/studies/${study}`, item: /\/people\/([\w-]+)\/invite/g },
  { who: 'member', path: `/studies/${study}/invitations`, item: /name="subject" value="([\w-]+)"/g },
  { who: 'viewer', path: '/shared', item: /href="\/shared\/([\w-]+)\?back=/g },
  { who: 'manager', path: '/studies', item: /href="\/studies\/([\w-]{20,})"/g },
  { who: 'manager', path: `/organizations/${yard.id}/people`, item: /\/people\/([\w-]{20,})["?]/g },
  { who: 'administrator', path: '/devices', item: /href="\/devices\/([\w-]{20,})"/g },
  {
    who: 'privacy officer',
    path: '/audit',
    query: 'action=C',
    item: /<tr role="row">\n<td role="cell">([\s\S]*?)<\/tr>/g,
  },
]

const addressOf = ({ path, query = '' }: Listed, sort: string) => `${path}?${query}&sort=${sort}`
const ordersIn = (body: string): readonly string[] => {
  const [, options = ''] = /<select id="sort"[^>]*>([\s\S]*?)<\/select>/.exec(body) ?? []
  return [...options.matchAll(/<option value="([^"]+)"/g)].map(([, order = '']) => order)
}
const chosenIn = (body: string) => /<select id="sort"[\s\S]*? value="([^"]+)" selected/.exec(body)?.[1]
const pathOf = (address: string) => new URL(address, 'http://x.invalid').pathname
/** The address of the next page, whatever its link is called. */
const nextIn = (body: string, at: string): string | undefined => {
  const hrefs = [...body.matchAll(/href="([^"]*[?&;]page=[^"]*)"/g)].map(([, href = '']) =>
    href.replaceAll('&amp;', '&'),
  )
  const numberIn = (address: string) => Number(new URL(address, 'http://x.invalid').searchParams.get('page') ?? 1)
  const own = hrefs.filter(href => pathOf(href) === pathOf(at))
  return own.find(href => Number.isNaN(numberIn(href)) || numberIn(href) === numberIn(at) + 1)
}

for (const list of lists) {
  const { who, path, item } = list
  const browser = people[who]
  t.test(`${path.replace(/[\w-]{20,}/, ':id')} has the same on its pages in each order, everything once`, async t => {
    const orders = ordersIn((await browser.get(addressOf(list, ''))).body)
    t.ok(orders.length > 1, orders.join())
    const found = new Map<string, readonly string[]>()
    for (const order of orders) {
      const pages: string[][] = []
      for (let at: string | undefined = addressOf(list, order); at !== undefined && pages.length < 10; ) {
        const { body } = await browser.get(at)
        t.equal(chosenIn(body), order, `${at} says so`)
        pages.push([...body.matchAll(item)].map(([, one = '']) => one))
        at = nextIn(body, at)
      }
      t.ok(pages.length > 1, `${order} has pages`)
      found.set(order, pages.flat())
    }
    const [one = []] = found.values()
    t.equal(new Set(one).size, one.length)
    for (const [order, all] of found) t.same(all.toSorted(), one.toSorted(), order)
  })

  t.test(`${path.replace(/[\w-]{20,}/, ':id')} says which orders it has if it is asked for another`, async t => {
    const shown = await browser.get(addressOf(list, 'size'))
    t.match([shown.status, shown.body], [200, '<title>Problem: '])
    t.match(wordsOf(shown), /There is no such order\. Choose one of these: [A-Z]/)
    t.match(shown.body, /<select id="sort"[^>]* aria-describedby="sort-problem" aria-invalid="true">/)
    t.ok([...shown.body.matchAll(item)].length > 0, 'the list has its usual order')
  })

  t.test(`a page of ${path.replace(/[\w-]{20,}/, ':id')} can be asked for in another order`, async t => {
    const [usual = '', other = ''] = ordersIn((await browser.get(addressOf(list, ''))).body)
    const first = await browser.get(addressOf(list, other))
    const next = new URL(nextIn(first.body, path) ?? '', 'http://x.invalid')
    next.searchParams.set('sort', usual)
    const shown = await browser.get(`${next.pathname}${next.search}`)
    t.match([shown.status, chosenIn(shown.body)], [200, usual])
  })
}

import t from 'tap'
import { wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const { server, send, lab, people } = await openTenants()
const { administrator, manager, member } = people
t.teardown(() => server.close())

const study = {
  title: '',
  purpose: 'How sleep and steps go together',
  contact: 'Rita Research',
  email: 'rita@example.org',
  identity: 'coded',
  access: 'organization',
}
const forms = [
  {
    page: '/organizations/new',
    by: administrator,
    name: 'name',
    fields: { type: 'edu' },
    type: 'Organization',
    kind: 'an organization',
  },
  {
    page: `/organizations/${lab.organization}/new`,
    by: manager,
    name: 'name',
    fields: {},
    type: 'Organization',
    kind: 'an organization',
  },
  {
    page: '/devices/new',
    by: administrator,
    name: 'name',
    fields: { manufacturer: 'Tidewell' },
    type: 'Device',
    kind: 'a device or app',
  },
  {
    page: `/organizations/${lab.organization}/studies/new`,
    by: member,
    name: 'title',
    fields: study,
    type: 'ResearchStudy',
    kind: 'a study',
  },
]
const parameters: Readonly<Record<string, string>> = {
  Organization: 'name:exact',
  Device: 'device-name:exact',
  ResearchStudy: 'title:exact',
}
const count = async (type: string, name: string): Promise<number> =>
  (await send('everything', 'GET', `${type}?${parameters[type]}=${encodeURIComponent(name)}&_summary=count`)).json()
    .total

for (const [index, { page, by, name, fields, type, kind }] of forms.entries())
  t.test(
    `${page.replace(lab.organization, ':organization')} makes one thing of what is sent several times`,
    async t => {
      const token = async () => /name="_csrf" value="([^"]*)"/.exec((await by.get(page)).body)?.[1] ?? ''
      const called = `Sent often ${index}`
      const once = { ...fields, [name]: called, _csrf: await token() }
      const sent = await Promise.all([1, 2, 3].map(() => by.post(page, once)))
      const later = await by.post(page, once)
      t.equal(sent[0]?.status, 303)
      t.same([...new Set([...sent, later].map(({ status, location }) => `${status} ${location}`))].length, 1)
      t.equal(await count(type, called), 1)
      t.match(await by.post(page, { ...once, [name]: `Another ${index}` }), { status: 303 }, 'after going back')
      t.equal(await count(type, `Another ${index}`), 1, 'something else is made of something else')

      const another = { ...once, _csrf: await token() }
      const asked = await by.post(page, another)
      t.match(
        [asked.status, wordsOf(asked)],
        [409, `There is ${kind} with this name already: ${called} . Nothing was made now`],
      )
      t.equal(await count(type, called), 1, 'and of another form only if its sender says so')
      const anyway = /name="anyway" value="([^"]*)"/.exec(asked.body)?.[1] ?? ''
      for (const one of [1, 2]) t.match(await by.post(page, { ...another, anyway }), { status: 303 }, `${one}`)
      t.equal(await count(type, called), 2)
    },
  )

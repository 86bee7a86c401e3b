import t from 'tap'
import { wordsOf } from '../support/browser.ts'
import { openTenants } from './tenants.ts'

const world = await openTenants()
t.teardown(() => world.server.close())
const { people, lab } = world
const { id: study } = await world.newStudy(lab.manager, lab.organization, 'nights', ['omh:heart-rate'])

t.test('a control character in a search counts as a space, and no page refuses it', async t => {
  const text = 'An%00n%1F'
  const pages = [
    ['member', `/patients?name=${text}&identifier=${text}&email=${text}`],
    ['member', `/studies/${study}?find=${text}`],
    ['member', `/studies/${study}/invitations?find=${text}`],
    ['member', `/studies/${study}/enrolment?name=${text}`],
    ['manager', `/studies/${study}/settings/staff?name=${text}`],
    ['manager', `/organizations?name=${text}`],
    ['manager', `/organizations/${lab.organization}/people?name=${text}`],
    ['member', `/devices?name=${text}`],
    ['privacy officer', `/audit?who=${text}&patient=${text}`],
    ['administrator', `/system/events?who=${text}&app=${text}`],
  ] as const
  for (const [who, page] of pages) {
    const { status, body } = await people[who].get(page)
    t.match([status, body], [200, 'value="An n"'], `${who}: ${page}`)
  }
  t.match(wordsOf(await people.member.get('/patients?name=%00Ann%00')), /Found Ann /)
})

t.test('an address with a control character in the reason lists no refused data', async t => {
  const page = await people.manager.get(`/studies/${study}/quarantine?rule=%00&pointer=%00&schema=a%00b`)
  t.match([page.status, wordsOf(page)], [200, /Nothing is waiting/])
})

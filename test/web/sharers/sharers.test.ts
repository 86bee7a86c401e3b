import t from 'tap'
import { wordsOf } from '../../support/browser.ts'
import { clinicalConsent } from '../../support/clinical-consent.ts'
import { itemsOf, openSharers } from './sharers-world.ts'

const world = await openSharers()
const { server, clinic, clinician, create, lab, patient, people, send } = world
t.teardown(() => server.close())
t.setTimeout(120_000)
const device = (name: string) =>
  create('everything', { resourceType: 'Device', deviceName: [{ name, type: 'user-friendly-name' }] })
const { id: cuff } = await device('Harbor <cuff>')
const toLab = `Organization/${lab.organization}`
const [heart, weight, pressure] = ['omh:heart-rate', 'omh:body-weight', 'omh:blood-pressure']

t.test('whoever shares with somebody, or with their organization, is listed with what they share', async t => {
  const { browser, practitioner } = await clinician()
  const [known, called, nameless] = [
    await patient('Known', lab),
    await patient('Hidden-Called'),
    await patient('Hidden'),
  ]
  const given = [
    await known.give({ to: practitioner, kinds: [heart, weight], display: 'Not this name' }),
    await called.give({ to: toLab, kinds: [heart], display: 'Ada <Called>', source: cuff }),
    await nameless.give({ to: practitioner, kinds: [pressure], until: '2100-01-01T00:00:00Z' }),
  ]
  await known.measure('8867-4', '2026-03-01T12:00:00Z', 60, '/min')
  await known.measure('29463-7', '2026-03-02', 70, 'kg')
  await known.measure('8480-6', '2026-03-04T12:00:00Z', 120, 'mm[Hg]')
  await called.measure('8867-4', '2026-03-01T12:00:00Z', 60, '/min', cuff)
  await called.measure('8867-4', '2026-03-05T12:00:00Z', 60, '/min')
  const [first, second, third] = given.map(({ id }) => id)
  const since = (at: number) => new Date(given[at]?.dateTime ?? '').toISOString()
  t.same(itemsOf(await browser.get('/shared')), [
    [
      second,
      `Ada &lt;Called&gt; Shared with lab since ${since(1)} Heart rate, from Harbor &lt;cuff&gt; Newest reading: 2026-03-01T12:00:00.000Z`,
    ],
    [
      first,
      `Pia Known Shared with you since ${since(0)} Body weight, from any device Heart rate, from any device Newest reading: 2026-03-02`,
    ],
    [
      third,
      `Patient ${nameless.code} Shared with you since ${since(2)}, until 2100-01-01T00:00:01.000Z Blood pressure, from any device No reading yet.`,
    ],
  ])
  t.notMatch((await browser.get('/shared')).body, 'Hidden', 'no name that they may not read')
  t.notMatch((await browser.get('/shared')).body, 'Not this name')
  const idsOf = async (query: string) => itemsOf(await browser.get(`/shared?${query}`)).map(([id]) => id)
  t.same(await idsOf('sort=newest'), [first, second, third])
  t.same(await idsOf('sort=since'), [third, second, first])
  t.same(await idsOf('sort=until'), [third, ...[first, second].toSorted()])
  t.same(await idsOf('find=ada'), [second])
  t.same(await idsOf('find=pia+known'), [first], 'in any of its words')
  t.same(await idsOf(`find=${nameless.code.toLowerCase()}`), [third])
  for (const find of ['hidden', 'not+this', 'pia+hidden']) t.same(await idsOf(`find=${find}`), [], find)
  t.same(await idsOf(`with=${lab.organization}`), [second])
  t.same(await idsOf(`with=${practitioner.split('/')[1]}`), [first, third])
})

t.test('the newest reading is one that this very Consent opens, whatever another gives to the same reader', async t => {
  const { browser, practitioner } = await clinician()
  const one = await patient('Hidden')
  const height = 'omh:body-height'
  const toMe = await one.give({ to: practitioner, kinds: [height] })
  const [permit] = toMe.provision?.provision ?? []
  const provision = [{ ...permit, type: 'permit' as const, dataPeriod: { start: '2000-01-01', end: '2025-12-31' } }]
  await one.change(toMe, { dateTime: new Date().toISOString(), provision: { ...toMe.provision, provision } })
  const toUs = await one.give({ to: toLab, kinds: [height] })
  await one.measure('8302-2', '2025-06-01T12:00:00Z', 171, 'cm')
  await one.measure('8302-2', '2026-03-01T12:00:00Z', 170, 'cm')
  const listed = new Map(itemsOf(await browser.get('/shared')))
  t.match(listed.get(toMe.id), /Newest reading: 2025-06-01/)
  t.match(listed.get(toUs.id), /Newest reading: 2026-03-01/)
})

t.test('an address that asks for what is not there says what there is', async t => {
  const { browser, practitioner } = await clinician(clinic.organization)
  const { give } = await patient('Asked')
  await give({ to: practitioner, kinds: [heart], display: 'Asked' })
  const wrong = await browser.get('/shared?sort=sideways&with=nobody&find=x&page=7')
  t.equal(wrong.status, 200)
  t.match(
    wordsOf(wrong),
    /There is no such order.*|orders?.*Name; Newest reading first; Last shared first; Ending soonest first/,
  )
  t.match(wordsOf(wrong), 'Nobody who shares with you matches that.')
})

t.test('with nobody, it says how a patient shares', async t => {
  const { browser, practitioner } = await clinician(clinic.organization)
  const shown = await browser.get('/shared')
  t.same(itemsOf(shown), [])
  t.match(wordsOf(shown), 'Nobody shares anything with you at this moment. A patient does so with a link below')
  t.notMatch(shown.body, 'name="find"')
  const [, id = ''] = practitioner.split('/')
  const nameless = { resourceType: 'Practitioner', id, active: true } as const
  await world.update('everything', nameless)
  t.match(wordsOf(await browser.get('/shared')), 'For patients to find you, you need a name')
  t.notMatch((await browser.get('/shared')).body, '/sharing/with/')
})

t.test('links lead patients to whoever shows them, and to the organizations for which they speak', async t => {
  const linksIn = ({ body }: { body: string }) =>
    [...body.matchAll(/<summary>With ([^<]*)<\/summary>\s*<p[^>]*><code id="[^"]*">([^<]*)<\/code>/g)].map(
      ([, whom = '', link = '']) => [whom.replace(/[\u2066-\u2069]/g, ''), link] as const,
    )
  const own = (practitioner: string) => ['you', `http://localhost:8080/sharing/with/${practitioner.toLowerCase()}`]
  const { browser, practitioner } = await clinician()
  const shown = await browser.get('/shared')
  t.same(linksIn(shown), [own(practitioner)])
  t.match(shown.body, 'aria-label="QR code of the link to share with you"')
  const links = linksIn(await people.member.get('/shared'))
  t.match(links, [
    ['you', /practitioner/],
    ['lab', `http://localhost:8080/sharing/with/organization/${lab.organization}`],
  ])
  for (const [whom, link] of links) {
    const { status, body } = await people.patient.get(new URL(link).pathname)
    t.equal(status, 200, whom)
    t.match(body, whom === 'you' ? 'member' : 'lab')
  }
})

t.test('what ends is gone with the next request, be it all of it or one kind', async t => {
  const { browser, practitioner } = await clinician()
  const { give, change } = await patient('Ending')
  const consent = await give({ to: practitioner, kinds: [heart, weight], display: 'Ending' })
  const listed = async () => itemsOf(await browser.get('/shared?find=ending')).map(([, words]) => words)
  t.match(await listed(), [/Body weight, from any device Heart rate, from any device/])
  const { provision } = consent
  const less = await change(consent, {
    dateTime: new Date().toISOString(),
    provision: { ...provision, provision: provision?.provision?.slice(0, 1) ?? [] },
  })
  t.match(await listed(), [/ Heart rate, from any device/])
  t.notMatch(await listed(), [/Body weight/])
  await change({ ...consent, ...less } as typeof consent, { status: 'inactive' })
  t.same(await listed(), [])
})

t.test('what opens nothing is not listed', async t => {
  const { browser, practitioner } = await clinician()
  const asked = { to: practitioner, kinds: [heart], display: 'Nothing' }
  const one = async (more: object) => {
    const { id, self } = await patient('Nothing')
    t.equal((await send(self, 'POST', 'Consent', { ...clinicalConsent(id, asked), ...more })).statusCode, 201)
  }
  await one({ status: 'proposed' })
  await one({ status: 'rejected' })
  await one({ scope: { coding: [{ code: 'treatment' }] } })
  await one({ policyRule: { coding: [{ code: 'OPTIN' }] } })
  const { provision } = clinicalConsent('x', asked)
  await one({ provision: { ...provision, period: { end: '2020-01-01' } } })
  await one({ provision: { ...provision, period: { start: '2100-01-01' } } })
  await one({ provision: { ...provision, provision: [...(provision?.provision ?? []), { type: 'deny' }] } })
  await one({
    provision: {
      ...provision,
      provision: provision?.provision?.map(given => ({ ...given, code: [{ text: 'My heart' }] })),
    },
  })
  t.same(itemsOf(await browser.get('/shared?find=nothing')), [])
  await one({})
  t.equal(itemsOf(await browser.get('/shared?find=nothing')).length, 1)
})

t.test('only those to whom it is given see it: nobody above or below them, nor whoever has left', async t => {
  const { give } = await patient('Given')
  const consent = await give({ to: toLab, kinds: [heart], display: 'Given' })
  const { person, browser: leaving } = await clinician()
  const page = `/shared/${consent.id}`
  const isSeenBy = async (browser: typeof leaving) => [
    itemsOf(await browser.get('/shared?find=given')).map(([id]) => id),
    (await browser.get(page)).status,
  ]
  const seen = [[consent.id], 200]
  const unseen = [[], 404]
  for (const who of ['manager', 'member', 'viewer'] as const) t.same(await isSeenBy(people[who]), seen, who)
  for (const who of ['manager of the ward', 'manager of another tenant', 'privacy officer'] as const)
    t.same(await isSeenBy(people[who]), unseen, who)
  for (const who of ['patient', 'administrator'] as const)
    t.same([(await people[who].get('/shared')).status, (await people[who].get(page)).status], [404, 404], who)
  t.same(await isSeenBy(leaving), seen)
  const { link } = (await send('everything', 'GET', `Person/${person}`)).json()
  const practitioner = link[0].target.reference
  const { entry } = (await send('everything', 'GET', `PractitionerRole?practitioner=${practitioner}`)).json()
  await world.update('everything', { ...entry[0].resource, active: false })
  t.same(await isSeenBy(leaving), unseen, 'once the membership has ended')
})

t.test('it is in the navigation of those with whom something is shared', async t => {
  const { browser, practitioner } = await clinician(clinic.organization)
  const isLed = async () => (await browser.get('/account')).body.includes('<a href="/shared">Shared with me</a>')
  t.equal(await isLed(), false)
  const { give, change } = await patient('Leading')
  const consent = await give({ to: practitioner, kinds: [heart] })
  t.equal(await isLed(), true)
  await change(consent, { status: 'inactive' })
  t.equal(await isLed(), false)
})

import t from 'tap'
import { type Shown, wordsOf } from '../../support/browser.ts'
import { consent } from '../../support/study.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, create, send, lab, study, people, patientToken } = world
t.teardown(() => server.close())

const first = async (query: string) => (await send('everything', 'GET', query)).json().entry?.[0]?.resource
const placeOf = (patient: string, of = study.id) =>
  first(`ResearchSubject?individual=Patient/${patient}&study=ResearchStudy/${of}`)
const registered = async (family: string) =>
  (
    await create(lab.manager, {
      resourceType: 'Patient',
      name: [{ family }],
      birthDate: '1970-05-31',
      telecom: [{ system: 'email', value: `${family.toLowerCase()}@example.org` }],
      managingOrganization: { reference: `Organization/${lab.organization}` },
    })
  ).id
/** Somebody who was enrolled, and has not answered. */
const asked = async (family: string) => {
  const patient = await registered(family)
  const { id } = await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    study: { reference: `ResearchStudy/${study.id}` },
    individual: { reference: `Patient/${patient}` },
  })
  return { patient, id, at: `/studies/${study.id}/people/${id}/end` }
}
/** The token and the version in the last form of a page. */
const hiddenIn = ({ body }: Shown) => {
  const named = (name: string) =>
    [...body.matchAll(new RegExp(`name="${name}" value="([^"]*)"`, 'g'))].at(-1)?.[1] ?? ''
  return { _csrf: named('_csrf'), version: named('version') }
}
const list = `/studies/${study.id}`
const { member, viewer } = people

t.test(
  'who was enrolled by mistake is taken out of the study, and nobody invites or reminds them any more',
  async t => {
    const { at, id, patient } = await asked('Mistaken')
    t.equal((await member.send(list, {}, `${list}/people/${id}/invite`)).status, 303)
    const shown = await member.get(list)
    t.match(shown.body, `<a href="${at}" aria-label="End their place: Mistaken">`)
    t.match(
      wordsOf(await member.get(at)),
      /End a place in the study Patient Mistaken, born 31 May 1970 Answer Has not answered yet\. It ends at once: .* Why does it end\? They were enrolled by mistake They do not fit the study They do not want to take part Their part in the study is over End their place Back to the study/,
    )
    const done = `${list}?done=ended&subject=${id}`
    t.match(await member.send(at, { why: 'not-registered' }), { status: 303, location: done })
    t.match(
      wordsOf(await member.get(done)),
      /Their place in the study has ended: nobody invites or reminds them any more, and nobody reads their data for the study\. Patient Mistaken, born 31 May 1970 /,
    )
    const place = await placeOf(patient)
    t.match(place, { status: 'not-registered', period: { end: /^20\d\d-/ } })
    const ended = wordsOf(await member.get(`${list}?state=ended`))
    t.match(ended, /Mistaken Their place in the study has ended\. They were enrolled by mistake\./)
    t.match(ended, /The invitation no longer works\./)
    t.notMatch((await member.get(`${list}?state=ended`)).body, at)
    t.equal((await member.post(`${list}/people/${id}/invite`, await tokenOf())).status, 422)
    const anew = await member.get(`${list}/enrolment?name=Mistaken`)
    t.match(anew.body, `name="patient" value="${patient}"`, 'they can be enrolled again')
  },
)

const tokenOf = async () => ({
  _csrf: /name="_csrf" value="([^"]*)"/.exec((await member.get('/account')).body)?.[1] ?? '',
})

t.test('a reason has to be chosen, out of those that are there', async t => {
  const { at, patient } = await asked('Unsaid')
  for (const why of ['', 'on-study', 'constructor']) {
    const refused = await member.send(at, { why })
    t.match([refused.status, wordsOf(refused)], [422, /Please check what you entered Choose why it ends/], why)
  }
  t.match(await placeOf(patient), { status: 'candidate', period: undefined })
})

t.test(
  'data of somebody whose place ends is read no more, and the page says so before, and what to do first',
  async t => {
    const patient = await world.participant(lab.manager, lab.organization, study.id, ['omh:heart-rate'], 'Sharing')
    const { id } = await placeOf(patient)
    const at = `${list}/people/${id}/end`
    const shown = await member.get(at)
    t.match(
      wordsOf(shown),
      /They share data with the study now\. Their consent stays, without effect, and they can be enrolled again only once it is ended\. They are told that their part in the study has ended, if their record has an address\. If they have told you that they want to stop, first withdraw for them \./,
    )
    t.match(shown.body, `href="${list}/people/${id}/withdrawal"`)
    t.equal((await member.send(at, { why: 'off-study' })).status, 303)
    t.match(await placeOf(patient), { status: 'off-study' })
    t.match(
      wordsOf(await member.get(`${list}?find=Sharing`)),
      /Their place in the study has ended\. Their part in the study is over\. Their consent still stands, though it has no effect/,
    )
  },
)

t.test('if they answer after the page was opened, nothing ends before that has been seen', async t => {
  const { at, patient } = await asked('Deciding')
  const { _csrf, version } = hiddenIn(await member.get(at))
  const token = await patientToken(patient, 'patient/Consent.cruds')
  await create(token, consent(patient, study.id, lab.organization, ['omh:heart-rate']))
  const refused = await member.post(at, { _csrf, version, why: 'withdrawn' })
  t.match(
    [refused.status, wordsOf(refused)],
    [
      409,
      /Their place has changed since you opened this page: they may have answered\. Nothing was ended\..* Answer Shares everything/,
    ],
  )
  t.match(refused.body, 'value="withdrawn" checked', 'what was chosen is kept')
  t.has(await placeOf(patient), { status: 'on-study' })
  t.equal((await member.send(at, { why: 'withdrawn' })).status, 303)
  t.match(await placeOf(patient), { status: 'withdrawn' })
})

t.test('whoever sends it twice is told that it has ended, and nothing is written again', async t => {
  const { at, id } = await asked('Twice')
  const { _csrf, version } = hiddenIn(await member.get(at))
  const sent = { _csrf, version, why: 'ineligible' }
  const both = [await member.post(at, sent), await member.post(at, sent)]
  t.same(
    both.map(({ location }) => location),
    [`${list}?done=ended&subject=${id}`, `${list}?done=ended&subject=${id}`],
  )
  t.equal((await send('everything', 'GET', `ResearchSubject/${id}`)).json().meta.versionId, '2')
})

t.test('whoever ends it for another reason than somebody before them is told that theirs is not noted', async t => {
  const { at, id } = await asked('Late')
  const { _csrf, version } = hiddenIn(await member.get(at))
  await member.post(at, { _csrf, version, why: 'ineligible' })
  const late = await member.post(at, { _csrf, version, why: 'off-study' })
  t.match(
    [late.status, wordsOf(late)],
    [
      409,
      /Their place had ended before you sent this\. Nothing was changed, and what you chose was not noted\. .* Answer Their place in the study has ended\. They do not fit the study\. There is nothing more to end\. To ask them again, enrol them anew\./,
    ],
  )
  t.match((await send('everything', 'GET', `ResearchSubject/${id}`)).json(), { status: 'ineligible' })
})

t.test('somebody who has consented and shares nothing now is not said to share', async t => {
  const { at, patient } = await asked('Later')
  const given = consent(patient, study.id, lab.organization, ['omh:heart-rate'])
  await create(await patientToken(patient, 'patient/Consent.cruds'), {
    ...given,
    provision: {
      ...given.provision,
      provision: (given.provision?.provision ?? []).map(permit => ({ ...permit, period: { start: '2100-01-01' } })),
    },
  })
  t.match(
    wordsOf(await member.get(at)),
    /Answer Shares nothing now: .* They have consented to the study, though they share nothing with it now\. Their consent stays, without effect/,
  )
})

t.test('a place that has not begun ends without an end before its beginning', async t => {
  const patient = await registered('Early')
  const { id } = await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    period: { start: '2099-01-01' },
    study: { reference: `ResearchStudy/${study.id}` },
    individual: { reference: `Patient/${patient}` },
  })
  t.equal((await member.send(`${list}/people/${id}/end`, { why: 'ineligible' })).status, 303)
  t.strictSame((await placeOf(patient)).period, { start: '2099-01-01' })
})

t.test('nobody else can end a place, or is told of it', async t => {
  const { at, patient } = await asked('Kept')
  const others = [viewer, people['manager of the ward'], people['manager of another tenant'], people.administrator]
  for (const browser of others) {
    t.equal((await browser.get(at)).status, 404)
    const { body } = await browser.get('/account')
    const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    t.equal((await browser.post(at, { _csrf, why: 'withdrawn', version: '1' })).status, 404)
  }
  t.notMatch((await viewer.get(list)).body, at)
  t.match(await placeOf(patient), { status: 'candidate' })
  const elsewhere = at.replace(study.id, world.clinic.study)
  t.equal((await people['manager of another tenant'].get(elsewhere)).status, 404, 'nor by the address of another study')
  const {
    id: _,
    meta: __,
    enrollment: ___,
    ...same
  } = (await send(lab.manager, 'GET', `ResearchStudy/${study.id}`)).json()
  const beside = await create(lab.manager, same)
  const sent = { ...hiddenIn(await member.get(at)), why: 'withdrawn' }
  const byAnother = await member.post(at.replace(study.id, beside.id), sent)
  t.equal(byAnother.status, 404, 'nor do members by that of another of theirs')
})

t.test('what is done from the page of somebody leads back to it, which says what was done', async t => {
  const { id } = await asked('There')
  const back = `${list}?state=none`
  const page = `${list}/people/${id}`
  const open = `${page}?${new URLSearchParams({ back })}`
  const shown = await member.get(open)
  const from = `?${new URLSearchParams({ from: 'place', back })}`
  const [form, end] = [`${page}/invite${from}`, `${page}/end${from}`].map(one => one.replaceAll('&', '&amp;'))
  t.ok(shown.body.includes(`action="${form}"`))
  t.ok(shown.body.includes(`href="${end}"`))
  const invited = await member.post(`${page}/invite${from}`, { ...(await tokenOf()), after: 'none' })
  t.equal(invited.status, 303)
  const told = await member.get(invited.location ?? '')
  t.match(
    wordsOf(told),
    /There .* The patient is invited\. Whether the message was sent stands beside their name\. Study hearts/,
  )
  t.match(wordsOf(told), /Invite again Show a QR code Cancel the invitation End their place/)
  t.match(
    (await member.get(`${page}/end${from}`)).body,
    `href="${page}?${new URLSearchParams({ back })}">Back to this person`,
  )
  const { _csrf, version } = hiddenIn(await member.get(`${page}/end${from}`))
  const { location = '' } = await member.post(`${page}/end${from}`, { _csrf, version, why: 'ineligible' })
  const gone = await member.get(location)
  t.match(wordsOf(gone), /Their place in the study has ended: nobody .* They do not fit the study\./)
  t.match(gone.body, `<a href="${back}">Back to the study`)
})

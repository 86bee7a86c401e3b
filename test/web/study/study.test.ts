import t from 'tap'
import { digestOf } from '../../../src/fhir/attachment-digest.ts'
import { extensions, standardExtensions, systems } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import { wordsOf } from '../../support/browser.ts'
import { wholeTextData } from '../../support/patient-text.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, database, people, lab, create, update, newStudy, patientToken } = world
t.teardown(() => server.close())

const kinds = ['omh:heart-rate', 'omh:body-weight']
const { id: other } = await newStudy(lab.manager, lab.organization, 'two kinds', kinds)
const page = `/studies/${other}`
const text = wholeTextData('We ask you to share what you measure.')

const enrolled = async (name: string) => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: name }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    identifier: [{ value: `code-of-${name}` }],
    study: { reference: `ResearchStudy/${other}` },
    individual: { reference: `Patient/${id}` },
  })
  return id
}
const consent = (patient: string, status: 'active' | 'rejected', of: readonly string[]) => ({
  resourceType: 'Consent' as const,
  status,
  extension: [
    { url: standardExtensions.consentResearchStudyContext, valueReference: { reference: `ResearchStudy/${other}` } },
  ],
  scope: { coding: [{ code: 'research' }] },
  category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
  patient: { reference: `Patient/${patient}` },
  dateTime: '2026-01-01T00:00:00Z',
  sourceAttachment: { hash: digestOf('sha1', text) },
  policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
  provision: {
    type: 'deny' as const,
    provision: of.map(code => ({
      type: 'permit' as const,
      code: [{ coding: [{ system: systems.omh, code }] }],
      dataPeriod: { start: '2020-01-01' },
    })),
  },
})
const answered = async (name: string, status: 'active' | 'rejected', of: readonly string[] = kinds) => {
  const patient = await enrolled(name)
  const bearer = await patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
  return { bearer, consent: await create(bearer, consent(patient, status, of)), patient }
}
/** What is told of each person, by their heading. */
const told = (body: string) =>
  Object.fromEntries(
    [
      ...body.matchAll(
        /<h3>([\s\S]*?)<\/h3>\s*<p>([\s\S]*?)<\/p>(?:<p class="text-body-secondary">Last answer: [\s\S]*?<\/p>)?<\/div>\s*<p class="[^"]*text-body-secondary">([\s\S]*?)<\/p>/g,
      ),
    ].map(([, name = '', answer, data = '']) => [wordsOf({ body: name }), [answer, wordsOf({ body: data })]]),
  )

t.test('staff see what each person of the study answered, and when their newest reading came', async t => {
  await enrolled('Quiet')
  const all = await answered('All', 'active')
  await answered('Part', 'active', ['omh:heart-rate'])
  await answered('No', 'rejected')
  const gone = await answered('Gone', 'active')
  await update(gone.bearer, { ...gone.consent, status: 'inactive' })
  await create(all.bearer, {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
    subject: { reference: `Patient/${all.patient}` },
    effectiveDateTime: '2026-03-01T12:00:00Z',
    valueQuantity: { value: 60, unit: '/min', system: systems.ucum, code: '/min' },
  })
  const shown = await people.member.get(page)
  t.match(shown, { status: 200, body: /<h1>two kinds<\/h1>/ })
  const silent = 'Silent: you see no data of theirs yet.'
  const none = 'You see no data of theirs.'
  t.match(told(shown.body), {
    Quiet: ['Has not answered yet.', none],
    All: [
      'Shares everything that the study asks for.',
      /^The newest reading came .*, measured 1 March 2026 at 12:00 UTC\.$/,
    ],
    Part: ['Shares part of what the study asks for.', silent],
    No: ['Has declined.', none],
    Gone: ['Has withdrawn.', none],
  })
  t.match(wordsOf(shown), /Has withdrawn\. Last answer: \d+ \w+ \d{4} at /, 'and when')
  t.equal(wordsOf(shown).match(/Last answer:/g)?.length, 4, 'of whoever has answered')
})

t.test(
  'somebody who answered without an invitation is not said to wait for one, and only the page of invitations says that there was none',
  async t => {
    for (const [path, said] of [
      ['', undefined],
      ['/invitations', 4],
    ] as const) {
      const shown = wordsOf(await people.manager.get(`${page}${path}`))
      t.equal(shown.match(/Not invited yet\./g)?.length, 1, 'somebody who has not answered')
      t.equal(shown.match(/Answered without an invitation\./g)?.length, said)
      t.match(shown, /All Shares everything that the study asks for\./, 'of one person, in a sentence')
      t.match(shown, /Part Shares part of what the study asks for\./)
    }
  },
)

/** The names on a page, in order. */
const named = async (query: string) =>
  [...(await people.member.get(`${page}${query}`)).body.matchAll(/<h3>([\s\S]*?)<\/h3>/g)].map(([, name = '']) =>
    wordsOf({ body: name }),
  )

t.test('people are counted by their answer, and each answer can be shown alone', async t => {
  const shown = wordsOf(await people.member.get(page))
  t.match(shown, /Everybody: 5 No answer yet: 1 Share everything: 1 Share part: 1 Silent: 1 Declined: 1 Withdrawn: 1/)
  for (const [state, who] of [
    ['none', ['Quiet']],
    ['all', ['All']],
    ['partly', ['Part']],
    ['silent', ['Part']],
    ['declined', ['No']],
    ['withdrawn', ['Gone']],
    ['toString', ['All', 'Gone', 'No', 'Part', 'Quiet']],
  ] as const)
    t.same((await named(`?state=${state}`)).toSorted(), who, state)
})

t.test('the map of their days has the same orders', async t => {
  const shown = async (query: string) => {
    const { body } = await people.member.get(`${page}/completeness${query}`)
    return [
      /<th scope="col" rowspan="2"( aria-sort="\w+")?>Who/.exec(body)?.[1],
      [...body.matchAll(/<th scope="row"><a [^>]*>([^<]*)/g)].map(([, name]) => name),
    ]
  }
  t.same(await shown('?sort=name'), [' aria-sort="ascending"', ['All', 'Gone', 'No', 'Part', 'Quiet']])
  t.same(await shown('?sort=enrolment'), [undefined, ['Gone', 'No', 'Part', 'All', 'Quiet']])
  t.match((await people.member.get(`${page}/completeness?sort=days`)).body, 'id="sort-problem">There is no such order.')
})

t.test('they are sorted as asked, and found by a part of a name or a code', async t => {
  t.same(await named('?sort=name'), ['All', 'Gone', 'No', 'Part', 'Quiet'])
  t.same(await named('?sort=enrolment'), ['Gone', 'No', 'Part', 'All', 'Quiet'])
  t.same(await named('?sort=answer'), ['Gone', 'No', 'Part', 'All', 'Quiet'], 'who has just withdrawn is first')
  await database.run(sql.fragment`UPDATE consent_grantee SET answered = now() WHERE status = 'rejected'`)
  t.same(await named('?sort=answer'), ['No', 'Gone', 'Part', 'All', 'Quiet'], 'and then whoever says something later')
  t.equal((await named(''))[0], 'All', 'the person whose data came last is first')
  t.same(await named('?find=uie'), ['Quiet'])
  t.same(await named('?find=CODE-OF-no'), ['No'])
  t.same(await named('?find=%25'), [])
  t.match(
    wordsOf(await people.member.get(`${page}?find=nobody`)),
    /Nobody in this study matches that, as far as you can see\./,
  )
})

t.test('a map says on which days there is data of whom, and how much', async t => {
  const all = await named('?find=All')
  t.same(all, ['All'])
  const day = (before: number) => new Date(Date.now() - before * 86_400_000).toISOString().slice(0, 10)
  const patient = /href="\/patients\/([^"?]+)\?back=/.exec((await people.member.get(`${page}?find=All`)).body)?.[1]
  for (const at of [`${day(3)}T08:00:00Z`, `${day(3)}T09:00:00Z`, `${day(1)}T23:30:00Z`, `${day(60)}T08:00:00Z`])
    await create('everything', {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
      subject: { reference: `Patient/${patient}` },
      effectiveDateTime: at,
    })
  const cells = async (query: string) => {
    const { body } = await people.member.get(`${page}/completeness?find=All${query}`)
    const [row = ''] = /<tbody><tr>[\s\S]*?<\/tr>/.exec(body) ?? []
    return [...row.matchAll(/<td[^>]*>([\s\S]*?)<\/td>/g)].map(([, cell = '']) => wordsOf({ body: cell }))
  }
  const none = (count: number) => Array.from({ length: count }, () => 'none')
  t.same(await cells(''), ['2', '2', ...none(10), '2', 'none', '1', 'none'], 'with what is usual, as the colours say')
  t.same(await cells('&timezone=Asia/Tokyo').then(found => found[0]), '2')
  t.same((await cells('&days=90'))[0], '3')
  t.match(
    (await people.member.get(`${page}/completeness`)).body,
    /role="region" aria-label="Readings on each day" data-newest-last>.*<th scope="col" class="day"><time datetime="\d{4}-\d\d-\d\d"><span>(Mon|Tue|Wed|Thu|Fri|Sat|Sun)<\/span> \d+<\/time>/s,
    'the region has a short name, and a column its day',
  )
  const { body: map } = await people.member.get(`${page}/completeness?days=90`)
  const spans = [...map.matchAll(/<th scope="colgroup" colspan="(\d+)" class="month"><span>[A-Z][a-z]+ \d{4}<\/span>/g)]
  t.equal(
    spans.reduce((sum, [, days]) => sum + Number(days), 0),
    90,
    'each month stands above its days',
  )
  const nowhere = (await people.member.get(`${page}/completeness?timezone=Europe/Berln`)).body
  t.match(nowhere, /<title>Problem: Completeness.*<a href="#timezone">This time zone is not known/s)
  t.match(nowhere, /id="timezone-problem">This time zone is not known here.*value="Europe\/Berln"/s)
  t.equal((await cells('&days=28')).length, 30)
})

t.test('the newest data is listed once for each person and kind, with the number that it is the newest of', async t => {
  const { body } = await people.member.get(`${page}/arrivals`)
  const shown = wordsOf({ body })
  t.match(
    shown,
    /each person and kind of data once, with the newest reading\. All Heart rate Arrived [^,]*, measured .*: the newest of 5, the first measured /,
  )
  t.equal(shown.match(/All Heart rate/g)?.length, 1)
  t.match(body, /<h2 class="h3"><a href="\/patients\/[^"]+">All<\/a><\/h2>/)
})

t.test('the people whose data a page of the study shows are recorded', async t => {
  const recordedBy = async (path: string) => {
    const { last } = await database.one<{ last: string }>(sql.fragment`SELECT max(id)::text AS last FROM audit_record`)
    await people.member.get(`${page}${path}`)
    return database.any<{ type: string; patients: readonly string[] }>(sql.fragment`
      SELECT type, ARRAY(SELECT id FROM patient_compartment WHERE patient_id = ANY(patients)) AS patients FROM audit_record
      WHERE id > ${last}::bigint AND interaction = 'search-type' AND cardinality(patients) > 0 ORDER BY id`)
  }
  const [first] = await recordedBy('?find=All')
  t.match(first, { type: 'ResearchSubject Patient', patients: [/./] })
  const all = first?.patients ?? []
  t.match(await recordedBy('/completeness?find=All'), [first, { type: 'Observation', patients: all }])
  t.match(await recordedBy('/arrivals'), [{ type: 'Observation', patients: all }])
})

t.test('those who have not signed the last text are counted, and can be shown alone', async t => {
  const stored = (await world.send('everything', 'GET', `ResearchStudy/${other}`)).json()
  const data = wholeTextData('We ask you to share what you measure, once more.')
  const second = {
    url: extensions.patientText,
    extension: [
      { url: 'version', valueString: '2' },
      { url: 'text', valueAttachment: { contentType: 'text/plain', data } },
    ],
  }
  t.notMatch(wordsOf(await people.member.get(page)), /Signed an earlier text/)
  await update(lab.manager, { ...stored, extension: [...stored.extension, second] })
  t.match(wordsOf(await people.member.get(page)), /Signed an earlier text: 2/)
  t.same((await named('?state=earlier')).toSorted(), ['All', 'Part'])
})

t.test('people are shown page by page', async t => {
  for (let count = 0; count < 18; count += 1) await enrolled(`More ${count}`)
  const first = await named('')
  const next = await named('?page=2')
  t.equal(first.length, 20)
  t.equal(next.length, 3)
  t.equal(new Set([...first, ...next]).size, 23)
  t.match(wordsOf(await people.member.get(page)), /Page 1 of 2\. Next page/)
  for (const path of ['', '/completeness']) {
    const { body } = await people.member.get(`${page}${path}?page=502`)
    t.match(body, /<title>[^<]+, page 502 – Sharewell</)
    const last = path === '' ? 2 : 1
    t.match(wordsOf({ body }), new RegExp(`There is no page 502\\. Go to page ${last}, the last`))
    t.notMatch(
      body,
      /Nobody (?:is )?in this study/,
      'beyond the last page the page does not claim that nobody is in the study',
    )
    t.match(body, `href="${page}${path}${path === '' ? '?page=2' : '?days=14'}"`)
  }
})

t.test('people who are not staff, or may not see the study, do not find the page', async t => {
  for (const name of ['manager of another tenant', 'patient', 'administrator', 'privacy officer'] as const)
    for (const path of ['', '/completeness', '/arrivals'])
      t.equal((await people[name].get(`${page}${path}`)).status, 404, `${name}${path}`)
  t.equal((await people.viewer.get(page)).status, 200)
})

t.test('staff find the studies that they may see, and others are shown no list', async t => {
  t.match(wordsOf(await people.member.get('/studies')), /Studies hearts Active · lab two kinds Active · lab Create/)
  t.match(
    wordsOf(await people['manager of another tenant'].get('/studies')),
    /Studies clinics Active · clinic Create a study A new study of clinic Work in/,
  )
  const elsewhere = await people.patient.get('/studies')
  t.has(elsewhere, { status: 303, location: '/account?done=not-staff' })
  t.match(
    wordsOf(await people.patient.get('/account?done=not-staff')),
    'The page that you asked for is for people who work',
  )
  t.match((await people.member.get('/account')).body, /href="\/studies"/)
  t.notMatch((await people.patient.get('/account')).body, /href="\/studies"/)
})

/** The text that is signed now. */
const signed = async (name: string) => {
  const patient = await enrolled(name)
  const bearer = await patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
  const text = wholeTextData('We ask you to share what you measure, once more.')
  await create(bearer, {
    ...consent(patient, 'active', kinds),
    dateTime: new Date().toISOString(),
    sourceAttachment: { hash: digestOf('sha1', text) },
  })
  return { patient, bearer }
}

t.test('somebody who has just signed is not silent', async t => {
  await signed('New')
  t.same(told((await people.member.get(`${page}?find=New`)).body).New, [
    'Shares everything that the study asks for.',
    'You see no data of theirs.',
  ])
})

t.test('somebody is not silent if they give only data up to a day that is over, or from a later day on', async t => {
  const again = wholeTextData('We ask you to share what you measure, once more.')
  for (const [name, dataPeriod] of [
    ['Kept', { start: '2020-01-01', end: '2026-02-01' }],
    ['Waits', { start: '2100-01-01' }],
    ['Owes', { start: '2020-01-01', end: '2100-01-01' }],
  ] as const) {
    const patient = await enrolled(name)
    const given = consent(patient, 'active', kinds)
    const provision = given.provision.provision.map(permit => ({ ...permit, dataPeriod }))
    await create(await patientToken(patient, 'patient/*.cruds patient/Consent.cruds'), {
      ...given,
      sourceAttachment: { hash: digestOf('sha1', again) },
      provision: { ...given.provision, provision },
    })
  }
  const of = async (name: string) => told((await people.member.get(`${page}?find=${name}`)).body)[name]?.[1]
  t.same(await Promise.all(['Kept', 'Waits', 'Owes'].map(of)), [
    'You see no data of theirs.',
    'You see no data of theirs.',
    'Silent: you see no data of theirs yet.',
  ])
  t.same(await named('?state=silent&find=Kept'), [], 'so no letter asks them for data')
})

t.test('nobody is said to share what no longer holds, or holds only later', async t => {
  const again = wholeTextData('We ask you to share what you measure, once more.')
  const gave = async (name: string, periods: readonly (object | undefined)[]) => {
    const patient = await enrolled(name)
    const given = consent(patient, 'active', kinds)
    await create(await patientToken(patient, 'patient/*.cruds patient/Consent.cruds'), {
      ...given,
      sourceAttachment: { hash: digestOf('sha1', again) },
      provision: {
        ...given.provision,
        provision: given.provision.provision.map((permit, at) => ({
          ...permit,
          ...(periods[at] && { period: periods[at] }),
        })),
      },
    })
    return patient
  }
  const [past, future] = [{ end: '2026-02-01' }, { start: '2100-01-01' }]
  await gave('Past', [past, past])
  await gave('Future', [future, future])
  await gave('Halfpast', [past, undefined])
  const patient = await gave('Left', [undefined, undefined])
  const [{ resource: subject }] = (
    await world.send('everything', 'GET', `ResearchSubject?individual=Patient/${patient}`)
  ).json().entry
  await update(lab.manager, { ...subject, period: { start: '2026-01-01', end: '2026-02-01' } })
  const of = async (name: string) => told((await people.member.get(`${page}?find=${name}`)).body)[name]?.[0]
  t.same(await Promise.all(['Past', 'Future', 'Halfpast', 'Left'].map(of)), [
    'Shares nothing now: the time for which they share it is over, or has not begun.',
    'Shares nothing now: the time for which they share it is over, or has not begun.',
    'Shares part of what the study asks for.',
    'Their place in the study has ended. Their consent still stands, though it has no effect: they can be enrolled again only once it is ended.',
  ])
  t.same((await named('?state=nothing')).toSorted(), ['Future', 'Past'])
  t.same(await named('?state=ended'), ['Left'])
  t.match(wordsOf(await people.member.get(page)), /Share nothing now: 2 .* Place has ended: 1/)
})

t.test('the newest data says if its value is above or below its number, and that it is a statistic', async t => {
  const found = await world.send(
    'everything',
    'GET',
    `ResearchSubject?study=ResearchStudy/${other}&identifier=code-of-All`,
  )
  const said = { url: 'statistic', valueCodeableConcept: { text: 'maximum' } }
  await create('everything', {
    resourceType: 'Observation',
    status: 'final',
    extension: [{ url: extensions.descriptiveStatistic, extension: [said] }],
    code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
    subject: found.json().entry[0].resource.individual,
    effectiveDateTime: '2026-03-01T07:00:00Z',
    valueQuantity: { comparator: '>', value: 180, unit: '/min', system: systems.ucum, code: '/min' },
  })
  const { body } = await people.member.get(`${page}/arrivals`)
  t.match(wordsOf({ body: body.replaceAll('&gt;', '>') }), /All Heart rate, > 180 \/min \(maximum\) Arrived/)
})

t.test('the newest data shows codes, words and booleans, and why a value is missing', async t => {
  const query = `ResearchSubject?study=ResearchStudy/${other}&identifier=code-of-All`
  const { individual } = (await world.send('everything', 'GET', query)).json().entry[0].resource
  const absent = {
    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason', code: 'not-performed' }],
  }
  for (const [told, value] of [
    ['At rest', { valueCodeableConcept: { coding: [{ code: 'rest', display: 'At rest' }] } }],
    ['too quick to count', { valueString: 'too quick to count' }],
    ['0', { valueInteger: 0 }],
    ['no', { valueBoolean: false }],
    ['no value (not-performed)', { dataAbsentReason: absent }],
    [
      'peak of a run / no value (not-performed)',
      {
        component: [
          { code: { text: 'peak' }, valueString: 'peak of a run' },
          { code: { text: 'low' }, dataAbsentReason: absent },
        ],
      },
    ],
    ['152 mg/dL', { valueQuantity: { value: 152, unit: 'mg/dl', system: systems.ucum, code: 'mg/dL' } }],
  ] as const) {
    await create('everything', {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
      subject: individual,
      effectiveDateTime: '2026-03-01T07:00:00Z',
      ...value,
    } as never)
    t.match(wordsOf(await people.member.get(`${page}/arrivals`)), `All Heart rate, ${told} Arrived`)
  }
})

const measuredOf = async (name: string, effectiveDateTime: string, value: number, status = 'final') => {
  const query = `ResearchSubject?study=ResearchStudy/${other}&identifier=code-of-${name}`
  const found = await world.send('everything', 'GET', query)
  await create('everything', {
    resourceType: 'Observation',
    status,
    code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
    subject: found.json().entry[0].resource.individual,
    effectiveDateTime,
    valueQuantity: { value, unit: '/min', system: systems.ucum, code: '/min' },
  } as never)
}

t.test('the newest data says what was entered in error or cancelled', async t => {
  const shown = async () => wordsOf(await people.member.get(`${page}/arrivals`))
  await measuredOf('All', '2026-03-01T07:00:00Z', 600, 'entered-in-error')
  t.match(await shown(), /All Heart rate, 600 \/min \(entered in error\) Arrived/)
  await measuredOf('All', '2026-03-01T07:00:00Z', 601, 'cancelled')
  t.match(await shown(), /All Heart rate, 601 \/min \(cancelled\) Arrived/)
  await measuredOf('All', '2026-03-01T07:00:00Z', 62, 'amended')
  t.match(await shown(), /All Heart rate, 62 \/min Arrived/)
})

t.test('a reading by a clock that is ahead is not the newest forever', async t => {
  const newest = async () => told((await people.member.get(`${page}?find=Part`)).body).Part?.[1]
  await measuredOf('Part', '2099-03-01T07:00:00Z', 60)
  t.match(await newest(), /^The newest reading came .*, measured 1 March 2099/, 'if there is no other')
  await measuredOf('Part', '2026-03-02T07:00:00Z', 61)
  t.match(await newest(), /^The newest reading came .*, measured 2 March 2026/)
})

t.test('a study whose days have not begun, or have ended, is not just called active', async t => {
  const stored = (await world.send('everything', 'GET', `ResearchStudy/${other}`)).json()
  for (const [period, status] of [
    [
      { start: '2999-01-01' },
      'Active, but its first day is 1 January 2999 (UTC): until then nobody reads anything for it',
    ],
    [{ end: '2026-01-01' }, 'Active, but its last day was 1 January 2026 (UTC): nobody reads anything for it'],
    [{ start: '2026-01-01', end: '2999-01-01' }, 'Active'],
  ] as const) {
    await update('everything', { ...stored, period })
    t.match(wordsOf(await people.member.get(page)), `Status ${status} `)
    t.match(wordsOf(await people.manager.get('/studies')), `two kinds ${status} `)
  }
  await update('everything', { ...stored, period: { start: '2999-01-01' }, status: 'completed' })
  t.match(wordsOf(await people.member.get(page)), 'Status Completed ')
  await update('everything', stored)
})

t.test(
  'while nobody reads anything for a study, its pages say why, and not that nothing was measured or shared',
  async t => {
    const { id } = await newStudy(lab.manager, lab.organization, 'over', kinds)
    await world.participant(lab.manager, lab.organization, id, kinds, 'Otto')
    const stored = (await world.send('everything', 'GET', `ResearchStudy/${id}`)).json()
    const [, place = ''] =
      /href="(\/studies\/[^"]*\/people\/[^"/?]*)/.exec((await people.manager.get(`/studies/${id}`)).body) ?? []
    const pages = [...['', '/completeness', '/arrivals', '/notebook'].map(tab => `/studies/${id}${tab}`), place]
    const unread = /none was sent|Nothing is shared|nothing was measured|Days with data/
    for (const [change, why] of [
      [{ status: 'in-review' }, 'its status is “Being prepared”'],
      [{ status: 'completed' }, 'its status is “Completed”'],
      [{ status: 'withdrawn' }, 'its status is “Withdrawn”'],
      [{ period: { end: '2026-01-01' } }, 'its last day was 1 January 2026 (UTC)'],
      [{ period: { start: '2999-01-01' } }, 'its first day is 1 January 2999 (UTC)'],
    ] as const) {
      await update('everything', { ...stored, ...change })
      for (const page of pages) {
        const said = wordsOf(await people.manager.get(page))
        t.match(said, `Nobody reads anything for this study now: ${why}. What patients have answered stays.`, page)
        t.notMatch(said, unread, page)
      }
      const ending = wordsOf(await people.manager.get(`${place}/end`))
      t.match(ending, 'They have consented to the study, though they share nothing with it now.')
    }
    await update('everything', { ...stored, status: 'temporarily-closed-to-accrual' })
    for (const page of pages) t.notMatch(wordsOf(await people.manager.get(page)), 'Nobody reads anything', page)
  },
)

t.test('an empty study says so on each of its pages, and not that nobody matched', async t => {
  const { id: empty } = await newStudy(lab.manager, lab.organization, 'empty', kinds)
  for (const path of ['', '/completeness', '/invitations'])
    for (const [query, words] of [
      ['', /Nobody is in (?:this|the) study yet/],
      ['?find=Nobody', /Nobody in (?:this|the) study matches that/],
    ] as const)
      t.match(wordsOf(await people.member.get(`/studies/${empty}${path}${query}`)), words, `${path}${query}`)
  t.notMatch(wordsOf(await people.member.get(`/studies/${empty}/invitations?invited=open`)), /Enrol patients/)
})

t.test('a day is the darker, the closer it is to what is usual for the same person', async t => {
  const { patient, bearer } = await signed('Dense')
  const day = (before: number) => new Date(Date.now() - before * 86_400_000).toISOString().slice(0, 10)
  const counts: Readonly<Record<number, number>> = { 5: 300, 4: 310, 3: 220, 2: 44, 1: 43 }
  const entry = Object.entries(counts).flatMap(([before, count]) =>
    Array.from({ length: count }, (_, reading) => ({
      request: { method: 'POST', url: 'Observation' },
      resource: {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
        subject: { reference: `Patient/${patient}` },
        effectiveDateTime: new Date(Date.parse(`${day(Number(before))}T00:00:00Z`) + reading * 240_000).toISOString(),
      },
    })),
  )
  const sent = await world.send(bearer, 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })
  t.equal(sent.statusCode, 200)
  const { body } = await people.member.get(`${page}/completeness?find=Dense`)
  const cells = [...body.matchAll(/<td class="(\w+)">([^<]*)/g)].map(([, level, count]) => `${count} ${level}`)
  t.strictSame(cells, ['300+ many', '300+ many', '220 many', '44 some', '43 few'])
  const long = (await people.member.get(`${page}/completeness?find=Dense&days=90`)).body
  t.equal([...long.matchAll(/<td class="many">50\+/g)].length, 3, 'with many days fewer readings are counted for each')
})

t.test('somebody who is named in words only, and so is not a Patient here, is listed by their code', async t => {
  const study = { reference: `ResearchStudy/${other}` }
  const outsider = { resourceType: 'ResearchSubject' as const, identifier: [{ value: 'outsider' }], study }
  const individual = { display: 'Somebody from elsewhere' }
  const { id } = await create(lab.manager, { ...outsider, status: 'candidate', individual })
  t.same(await named('?find=outsider'), ['outsider'])
  t.same(await named('?find=outsider&state=none'), ['outsider'])
  await update(lab.manager, { ...outsider, id, status: 'withdrawn', individual })
  t.same(await named('?find=outsider&state=ended'), ['outsider'])
})

t.test('whoever has deleted their Consent has answered, and is not asked again with those who have not', async t => {
  const left = await newStudy(lab.manager, lab.organization, 'left', kinds)
  const somebody = async (name: string, before: 'active' | 'rejected') => {
    const patient = await world.participant(lab.manager, lab.organization, left.id, kinds, name)
    const bearer = await patientToken(patient, 'patient/Consent.cruds')
    const given = (await world.send(bearer, 'GET', 'Consent')).json().entry[0].resource
    const erase = async () => {
      const headers = { authorization: `Bearer ${bearer}` }
      t.equal((await server.inject({ method: 'DELETE', url: `/fhir/Consent/${given.id}`, headers })).statusCode, 204)
    }
    if (before === 'rejected') {
      await erase()
      const { id, meta, ...anew } = given
      given.id = (await create(bearer, { ...anew, status: 'rejected', dateTime: new Date().toISOString() })).id
    }
    await erase()
    return { bearer, given }
  }
  await somebody('Gave', 'active')
  await somebody('Refused', 'rejected')
  const { bearer, given } = await somebody('Returned', 'active')
  const { id, meta, ...anew } = given
  await create(bearer, { ...anew, dateTime: new Date(Date.now() + 60_000).toISOString() })
  const page = `/studies/${left.id}`
  const shown = await people.member.get(page)
  t.match(wordsOf(shown), /Everybody: 3 Share everything: 1 Declined: 1 Withdrawn: 1/)
  t.match(told(shown.body), {
    Gave: ['Has withdrawn.'],
    Refused: ['Has declined.'],
    Returned: ['Shares everything that the study asks for.'],
  })
  t.notMatch(wordsOf(await people.manager.get(`${page}/invitations`)), /Not invited yet/)
})

t.test('numbers in titles are sorted as numbers', async t => {
  const sponsor = { reference: `Organization/${lab.organization}` }
  for (const title of ['Walk 10', 'walk 2', 'Walk 1', 'walks'])
    await create(lab.manager, { resourceType: 'ResearchStudy', status: 'active', title, sponsor })
  for (const page of ['/studies', `/organizations/${lab.organization}`])
    t.same((await people.manager.get(page)).body.match(/(?<=>)walk[^<]*/gi), ['Walk 1', 'walk 2', 'Walk 10', 'walks'])
})

t.test('numbers in names and codes of people are sorted as numbers', async t => {
  const numbered = await newStudy(lab.manager, lab.organization, 'numbered', kinds)
  for (const family of ['Bed 10', 'bed 2', 'Bed 1'])
    await world.participant(lab.manager, lab.organization, numbered.id, kinds, family)
  const shown = await people.manager.get(`/studies/${numbered.id}?sort=name`)
  t.same(shown.body.match(/(?<=<h3>.*)bed \d+(?=.*<\/h3>)/gi), ['Bed 1', 'bed 2', 'Bed 10'])
})

t.test('whoever has more studies than a page shows finds them by a part of their title', async t => {
  const { manager } = people
  t.notMatch((await manager.get('/studies')).body, /Find by title/, 'few need no finder')
  const entry = Array.from({ length: 50 }, (_, index) => ({
    request: { method: 'POST', url: 'ResearchStudy' },
    resource: {
      resourceType: 'ResearchStudy',
      status: 'active',
      title: `Sleep, part ${index}`,
      sponsor: { reference: `Organization/${lab.organization}` },
    },
  }))
  await world.send(lab.manager, 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })
  const first = await manager.get('/studies')
  t.match(wordsOf(first), /^.*Studies Find by title .*hearts Active.*More studies/)
  const more = /href="(\/studies\?page=[^"]+)"/.exec(first.body)?.[1] ?? ''
  t.same(
    [first, await manager.get(more)].flatMap(({ body }) => body.match(/(?<=>Sleep, part )\d+/g)).map(Number),
    Array.from({ length: 50 }, (_, index) => index),
    'numbers come by their value from page to page',
  )
  t.match((await manager.get(more)).body, '<title>Studies, continued –')
  const { body: newest } = await manager.get('/studies?title=sleep&sort=made')
  t.same(
    newest
      .match(/(?<=>Sleep, part )\d+/g)
      ?.slice(0, 3)
      .map(Number),
    [49, 48, 47],
    'the last created first',
  )
  t.match(wordsOf(await manager.get(more)), /Find by title .*two kinds Active .*Back to the first page/)
  const found = wordsOf(await manager.get(`/studies?${new URLSearchParams({ title: 'p, PART 4' })}`))
  t.same(
    found.match(/Sleep, part \d+/g)?.sort(),
    ['4', ...Array.from({ length: 10 }, (_, unit) => `4${unit}`)].map(part => `Sleep, part ${part}`),
  )
  t.match(found, /All studies/)
  t.match(
    wordsOf(await manager.get('/studies?title=wake')),
    /No study that you can see has this in its title\. All studies/,
  )
})

t.test('the page of a study says that its organization is closed, where nobody can be registered any more', async t => {
  const { id: closing } = await create('everything', { resourceType: 'Organization', name: 'Closing lab' })
  const member = await world.browserOf(await world.staff(closing, 'member'))
  const { id } = await newStudy('everything', closing, 'goes on', kinds)
  const said = async () => wordsOf(await member.get(`/studies/${id}`))
  t.match(await said(), 'Organization Closing lab Asks for')
  await update('everything', { resourceType: 'Organization', id: closing, name: 'Closing lab', active: false })
  t.match(await said(), 'Organization Closing lab, which is closed: no patient is registered in it any more Asks for')
})

t.test('a study says what it is to everybody who may read it, also to those who may not change it', async t => {
  const { id } = await create(lab.manager, {
    resourceType: 'ResearchStudy',
    status: 'active',
    title: 'Described',
    description: 'How hearts beat',
    identifier: [{ use: 'official', type: { text: 'Approval number' }, value: 'EK 12/2026' }],
    period: { start: '2026-01-01', end: '2090-12-31' },
    sponsor: { reference: `Organization/${lab.organization}` },
    extension: [
      { url: extensions.identity, valueCode: 'coded' },
      { url: extensions.access, valueCode: 'staff' },
    ],
  })
  const said =
    'Status Active Organization lab Description How hearts beat Approval number EK 12/2026 Days from 1 January 2026 to 31 December 2090 (UTC) Asks for Nothing yet Staff Nobody is named'
  t.match(
    wordsOf(await people.member.get(`/studies/${id}`)),
    `${said} Staff know patients by a code Who reads what they share its named staff`,
  )
  t.match(
    wordsOf(await people.viewer.get(page)),
    /Status Active Organization lab Asks for Heart rate and Body weight Staff two kinds-researcher \(researcher\) Staff know patients by name Who reads what they share its named staff, and everybody in its organization and in those below it/,
  )
  t.equal((await people.viewer.get(`${page}/settings`)).status, 404)
})

t.test('whoever may not know the answers is offered no order of them, and told so if they ask for it', async t => {
  const { id } = await create(lab.manager, {
    resourceType: 'ResearchStudy',
    status: 'active',
    title: 'Staff only',
    sponsor: { reference: `Organization/${lab.organization}` },
    extension: [{ url: extensions.access, valueCode: 'staff' }],
  })
  const { id: patient } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ text: 'Unanswered' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    study: { reference: `ResearchStudy/${id}` },
    individual: { reference: `Patient/${patient}` },
  })
  const ordersOn = async (at: string) => {
    const { body } = await people.member.get(at)
    return [...body.matchAll(/<option value="([a-z]+)"[^>]*>[^<]* first</g)].map(([, order]) => order)
  }
  t.strictSame(await ordersOn(page), ['arrival', 'answer', 'enrolment'])
  for (const at of ['', '/completeness'])
    t.strictSame(await ordersOn(`/studies/${id}${at}`), ['arrival', 'enrolment'], at)
  t.match(
    wordsOf(await people.member.get(`/studies/${id}?sort=answer`)),
    /Newest data first; Name or code; Last enrolled first/,
  )
})

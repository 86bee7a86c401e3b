import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { type Browser, type Shown, wordsOf } from '../../support/browser.ts'
import { holdingCommits } from '../../support/holding-commits.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openInvited } from '../invited.ts'

const world = await openInvited()
const { browserOf, create, database, lab, send, server, staff, study } = world
t.teardown(world.close)
t.setTimeout(200_000)

const header = 'family,given,birth_date,identifiers'
const upload = async (lines: readonly string[], by = staff, page = '/patients/imports') => {
  const file = { field: 'file', name: 'patients.csv', content: [header, ...lines].join('\n') }
  return by.sendFile(page, file, '/patients/imports')
}
/** The page of an import, once nothing is running there. */
const settled = async (location = '', by: Browser = staff): Promise<Shown> => {
  for (;;) {
    const shown = await by.get(location)
    if (!shown.body.includes('data-progress=')) return shown
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}
const named = async (family: string) =>
  (await send('everything', 'GET', `Patient?family=${family}&_summary=count`)).json().total

t.test('a list is previewed, and registered as it was shown, completely or not at all', async t => {
  const faulty = await upload(['Imported,Ana,1970-01-01,I-1', 'Imported,Ben,1970-02-30,I-2'])
  const told = wordsOf(await settled(faulty.location))
  t.match(
    told,
    /Of 2 lines, one has an error\. Nothing was registered: .* 3 birth_date : “1970-02-30”\. Enter the birth date/,
  )
  t.match(wordsOf(await staff.get('/patients/imports')), /2 patients, sent [^<]* UTC has errors/)
  const body = (await staff.get(faulty.location ?? '')).body
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  await staff.post(`${faulty.location}/confirm`, { _csrf, duplicates: 'register' })
  t.match(
    wordsOf(await settled(faulty.location)),
    /Nothing was registered/,
    'also not by who sends the form all the same',
  )
  t.equal(await named('Imported'), 0)

  const sound = await upload(['Imported,Ana,1970-01-01,I-1', 'Imported,Ben,1970-02-28,I-2'])
  t.match(
    wordsOf(await settled(sound.location)),
    /All 2 lines can be read\. None of the patients seems to be registered already\. As they would be registered Line Family name .* Language 2 Imported Ana 1970-01-01 I-1 3 Imported Ben 1970-02-28 I-2 The list waits for you until .* Register these 2 patients/,
    'whose columns are exchanged sees it before anything is registered',
  )
  t.match((await staff.get(sound.location ?? '')).body, / autofocus><p>All 2 lines can be read\./)
  t.equal(await named('Imported'), 0, 'the preview registers nothing')
  await Promise.all(
    [1, 2, 3].map(() => staff.send(sound.location ?? '', {}, `${sound.location}/confirm`).catch(() => {})),
  )
  t.match(wordsOf(await settled(sound.location)), /2 patients are registered/)
  t.equal(await named('Imported'), 2, 'once, however often it is confirmed')
  t.has((await send('everything', 'GET', 'Patient?identifier=I-2')).json(), {
    entry: [
      {
        resource: { birthDate: '1970-02-28', managingOrganization: { reference: `Organization/${lab.organization}` } },
      },
    ],
  })
  t.equal(
    await database.maybeOne(sql.fragment`
    SELECT FROM patient_import_line JOIN patient_import ON id = import WHERE state = 'imported'`),
    undefined,
    'what was read of the file is gone',
  )
})

t.test('what is wrong is told of each column and of the whole line, by the names of the file', async t => {
  const content = [
    'family,given,birth_date,identifiers,email,mobile,gender,language',
    ',,1970-02-30,urn|,nobody,5,F,xx',
    'Long,,1970-01-01,,,,,,more',
  ].join('\n')
  const { location } = await staff.sendFile('/patients/imports', { field: 'file', name: 'p.csv', content })
  t.match(
    wordsOf(await settled(location)),
    /2 family : .* birth_date : .* identifiers : .* email : .* mobile : .* gender : “F”\. Enter one of female, male, other, unknown, or nothing language : .* 3 There are 9 values, and 8 columns/,
  )
})

t.test('patients who may be registered already are shown, and left out or registered', async t => {
  const lines = [
    'Twin,Ana,1970-01-01,T-1',
    'Twin,Ben,1971-01-01,T-2',
    'TWIN,ána,1970-01-01,',
    'Other,Ana,1970-01-01,T-2',
  ]
  await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Twin', given: ['Ben'] }],
    birthDate: '1971-01-01',
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const shown = await upload(lines)
  const words = wordsOf(await settled(shown.location))
  t.match(
    words,
    /3 patients may be registered already .* 3 Ben Twin .* Ben Twin .* 4 ána TWIN .* the patient of line 2 .* 5 Ana Other .* the patient of line 3/,
  )
  for (const after of ['1e400', '1.5', '-1', 'x'])
    t.equal(
      (await staff.get(`${shown.location}?after=${after}`)).status,
      200,
      'an address that is made up begins at the first',
    )
  await staff.send(shown.location ?? '', { duplicates: 'leave-out' }, `${shown.location}/confirm`)
  t.match(wordsOf(await settled(shown.location)), /1 patient is registered/)
  t.equal(await named('Twin'), 2)
  const again = await upload(lines)
  await settled(again.location)
  await staff.send(again.location ?? '', { duplicates: 'register' }, `${again.location}/confirm`)
  t.match(wordsOf(await settled(again.location)), /4 patients are registered/)
})

t.test('a list of people who all may be registered already is confirmed only if something is to be done', async t => {
  const lines = ['Alone,Ana,1970-01-01,L-1']
  const [first, again] = [await upload(lines), await upload(lines)]
  await settled(first.location)
  await staff.send(first.location ?? '', {}, `${first.location}/confirm`)
  await settled(first.location)
  await settled(again.location)
  const third = await upload(lines)
  const shown = await settled(third.location)
  t.match(wordsOf(shown), /One patient may be registered already .* Leave them out Register them anyway Line/)
  const [, until = ''] = /waits for you until <time datetime="([^"]*)">/.exec(shown.body) ?? []
  const { isADay } = await database.one<{ isADay: boolean }>(sql.fragment`
    SELECT bool_or(date_trunc('milliseconds', made_at) + interval '1 day' = ${until}::timestamptz) AS "isADay" FROM patient_import`)
  t.ok(isADay, 'it is said until when it can be confirmed')
  const nobody = await staff.send(third.location ?? '', { duplicates: 'leave-out' }, `${third.location}/confirm`)
  t.match(
    [nobody.status, wordsOf(nobody)],
    [
      422,
      /With these choices nobody is registered, and nobody enrolled: choose something else for at least one of them/,
    ],
  )
  await staff.send(third.location ?? '', { duplicates: 'register' }, `${third.location}/confirm`)
  t.match(wordsOf(await settled(third.location)), /1 patient is registered/)
})

/** Somebody who is registered in the lab before a list names them. */
const registered = async (family: string, given: string) =>
  (
    await create(lab.manager, {
      resourceType: 'Patient',
      name: [{ family, given: [given] }],
      birthDate: '1971-01-01',
      managingOrganization: { reference: `Organization/${lab.organization}` },
    })
  ).id ?? ''
const patientsOf = async (family: string) => {
  const query = `study=ResearchStudy/${study.id}&individual:Patient.family=${family}&_count=100`
  const { entry = [] } = (await send('everything', 'GET', `ResearchSubject?${query}`)).json()
  return entry.map(({ resource }: { resource: { individual: { reference: string } } }) => resource.individual.reference)
}

t.test(
  'for each who may be registered already it is chosen whether they are enrolled, registered or left out',
  async t => {
    const page = `/patients/imports?study=${study.id}`
    const [ann, ben, zoe] = [
      await registered('Chosen', 'Ann'),
      await registered('Chosen', 'Ben'),
      await registered('Chosen', 'Zoe'),
    ]
    const lines = ['Ann', 'Ben', 'Zoe', 'New'].map(given => `Chosen,${given},1971-01-01,`)
    const { location = '' } = await upload(lines, staff, page)
    t.match(
      (await settled(location)).body,
      `<option value="enrol-${ann}">Enrol the one who is registered: Ann Chosen, born 1 January 1971</option>`,
    )
    const choices = { 'line-2': `enrol-${ann}`, 'line-3': 'register', duplicates: 'leave-out' }
    await staff.send(location, choices, `${location}/confirm`)
    const done = await settled(location)
    t.match(
      wordsOf(done),
      '2 patients are registered, and enrolled in the study. Those of the list who were registered already are enrolled one by one. See how far that is',
    )
    const [, action = ''] = /href="(\/studies\/[^"]*\/actions\/[^"]*)"/.exec(done.body) ?? []
    t.match(wordsOf(await settled(action)), /1 of 1 are enrolled/)
    const enrolled = await patientsOf('Chosen')
    t.same(
      [ann, ben, zoe].map(id => enrolled.includes(`Patient/${id}`)),
      [true, false, false],
      'the one who is meant, and nobody else of those who were there',
    )
    t.equal(enrolled.length, 3)
    t.equal(await named('Chosen'), 5)
  },
)

t.test('a list that only enrols those who are registered registers nobody', async t => {
  const max = await registered('Meant', 'Max')
  const { location = '' } = await upload(
    ['Meant,Max,1971-01-01,', 'Meant,Max,1971-01-01,'],
    staff,
    `/patients/imports?study=${study.id}`,
  )
  await settled(location)
  await staff.send(location, { 'line-2': `enrol-${max}`, 'line-3': `enrol-${max}` }, `${location}/confirm`)
  const done = await settled(location)
  t.match(wordsOf(done), 'Nobody new is registered. Those of the list')
  const [, action = ''] = /href="(\/studies\/[^"]*\/actions\/[^"]*)"/.exec(done.body) ?? []
  t.match(wordsOf(await settled(action)), /1 of 1 are enrolled/, 'once, though two lines mean them')
  t.same(await patientsOf('Meant'), [`Patient/${max}`])
  t.equal(await named('Meant'), 1)
})

t.test('what is chosen is kept from page to page', async t => {
  const lines = Array.from({ length: 52 }, (_, at) => `Paged,P${at},1980-01-01,PA-${at}`)
  const first = await upload(lines)
  await settled(first.location)
  await staff.send(first.location ?? '', {}, `${first.location}/confirm`)
  await settled(first.location)
  const { location = '' } = await upload(lines)
  t.match(wordsOf(await settled(location)), 'Keep these choices, and show more lines')
  const kept = { 'line-2': 'leave-out', duplicates: 'register', after: '51', do: 'more' }
  const more = await staff.send(location, kept, `${location}/confirm`)
  t.match(more, { status: 303, location: `${location}?after=51` })
  const second = await staff.get(more.location ?? '')
  t.match(wordsOf(second), /Register all 52 anyway Line .* 52 P50 Paged .* 53 P51 Paged/)
  t.match(second.body, /value="register" checked/)
  t.notMatch(second.body, /value="more"/)
  const back = await staff.send(
    more.location ?? '',
    { 'line-53': 'leave-out', duplicates: 'register', do: 'first' },
    `${location}/confirm`,
  )
  t.match(back, { status: 303, location })
  t.match((await staff.get(location)).body, '<option value="leave-out" selected>')
  await staff.send(location, { 'line-2': 'leave-out', duplicates: 'register' }, `${location}/confirm`)
  t.match(wordsOf(await settled(location)), /50 patients are registered/)
})

t.test('nobody is meant by a line but those whom it may be the same as, and only a study enrols', async t => {
  const [sam, other] = [await registered('Strange', 'Sam'), await registered('Unlike', 'Sam')]
  const into = await upload(
    ['Strange,Sam,1971-01-01,', 'Strange,New,1971-01-01,'],
    staff,
    `/patients/imports?study=${study.id}`,
  )
  const alone = await upload(['Strange,Sam,1971-01-01,'])
  for (const [{ location = '' }, name, value] of [
    [into, 'line-2', `enrol-${other}`],
    [into, 'line-2', 'enrol-'],
    [into, 'line-2', 'all'],
    [into, 'line-3', 'register'],
    [into, 'line-9', 'leave-out'],
    [alone, 'line-2', `enrol-${sam}`],
  ] as const) {
    await settled(location)
    const refused = await staff.send(location, { [name]: value }, `${location}/confirm`)
    t.match([refused.status, wordsOf(refused)], [400, name], `${name} ${value}`)
    t.match(wordsOf(await staff.get(location)), 'The list waits for you')
  }
  const strange = await staff.send(into.location ?? '', { do: 'all' }, `${into.location}/confirm`)
  t.equal(strange.status, 400)
  t.equal(await named('Strange'), 1)
})

t.test('if somebody is registered after the preview, they are shown before any of the list is registered', async t => {
  const lines = ['Twice,Ana,1970-01-01,W-1', 'Twice,Ben,1971-01-01,W-2']
  const [one, two] = [await upload(lines), await upload(lines)]
  for (const { location } of [one, two]) t.match(wordsOf(await settled(location)), /None of the patients seems/)
  const confirm = ({ location = '' }: Shown, duplicates = 'leave-out') =>
    staff.send(location, { duplicates }, `${location}/confirm`)
  await Promise.all([confirm(one), confirm(two)])
  const isDone = wordsOf(await settled(one.location)).includes('2 patients are registered')
  const [done, waiting] = isDone ? [one, two] : [two, one]
  t.match(wordsOf(await settled(done.location)), /2 patients are registered/)
  t.match(
    wordsOf(await settled(waiting.location)),
    /After you looked at it somebody was registered who may be the same as 2 of these, so nothing of it is registered yet: see lines 2, 3\. All 2 lines can be read\. 2 patients may be registered already .* 2 Ana Twice .* Ana Twice .* 3 Ben Twice/,
  )
  t.equal(await named('Twice'), 2)
  await confirm(waiting, 'register')
  t.match(
    wordsOf(await settled(waiting.location)),
    /2 patients are registered/,
    'whom they were shown they may register',
  )
  t.equal(await named('Twice'), 4)

  const third = await upload(['Between,Zoe,1980-01-01,Z-1', 'Between,Yan,1981-01-01,Z-2'])
  await settled(third.location)
  await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Another' }],
    identifier: [{ system: 'urn:oid:1.2.3', value: 'Z-1' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await confirm(third)
  t.match(wordsOf(await settled(third.location)), /may be the same as one of these.* 2 Zoe Between .* Another/)
  t.equal(await named('Between'), 0)
  await confirm(third)
  t.match(wordsOf(await settled(third.location)), /1 patient is registered/)
  t.equal(await named('Between'), 1)
})

t.test(
  'who is found only then is left out unless something is chosen, and what was chosen for others stays',
  async t => {
    await registered('Seen', 'Ada')
    const { location = '' } = await upload(['Seen,Ada,1971-01-01,', 'Unseen,Eve,1972-01-01,UN-1'])
    await settled(location)
    await create(lab.manager, {
      resourceType: 'Patient',
      name: [{ family: 'Other' }],
      identifier: [{ value: 'UN-1' }],
      managingOrganization: { reference: `Organization/${lab.organization}` },
    })
    await staff.send(location, { duplicates: 'register' }, `${location}/confirm`)
    const { body } = await settled(location)
    const chosen = [...body.matchAll(/value="([^"]*)" (?:checked|selected)/g)].map(([, value]) => value)
    t.same(chosen, ['leave-out', 'register', ''])
    const shown = { duplicates: 'leave-out', 'line-2': 'register', 'line-3': '' }
    await staff.send(location, shown, `${location}/confirm`)
    t.match(wordsOf(await settled(location)), /1 patient is registered/)
    t.same([await named('Seen'), await named('Unseen')], [2, 0])
  },
)

t.test('a page that was opened before more were found confirms nothing, and leads to them', async t => {
  await registered('Backward', 'Ann')
  const { location = '' } = await upload(['Backward,Ann,1971-01-01,', 'Backward,Bea,1971-01-01,'])
  const { body } = await settled(location)
  const [_csrf = '', shown = ''] = ['_csrf', 'shown'].map(
    name => body.split(`name="${name}" value="`)[1]?.split('"')[0],
  )
  await registered('Backward', 'Bea')
  const confirm = () => staff.post(`${location}/confirm`, { _csrf, shown, duplicates: 'register', do: 'register' })
  await confirm()
  t.match(wordsOf(await settled(location)), /may be the same as one of these.* 2 patients may be registered already/)
  t.match(await confirm(), { status: 303, location })
  t.match(wordsOf(await settled(location)), '2 patients may be registered already')
  t.equal(await named('Backward'), 2)
})

t.test('nor is any of it if they were registered long before it is confirmed', async t => {
  const { location = '' } = await upload(['Later,Ana,1970-01-01,A-1', 'Later,Ben,1971-01-01,A-2'])
  await settled(location)
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Earlier' }],
    identifier: [{ value: 'A-2' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  await database.run(sql.fragment`UPDATE patient SET last_updated = last_updated - interval '1 hour' WHERE id = ${id}`)
  await staff.send(location, {}, `${location}/confirm`)
  t.match(wordsOf(await settled(location)), /may be the same as one of these.* 3 Ben Later .* Earlier/)
  t.equal(await named('Later'), 0)
})

t.test('a list for a study is enrolled with it', async t => {
  const page = `/patients/imports?study=${study.id}`
  t.match(wordsOf(await staff.get(page)), /All of them are enrolled in Hearts/)
  t.match((await staff.get(page)).body, `href="/studies/${study.id}">Back to the study`)
  const shown = await upload(['Enrolled,Ana,1970-01-01,E-1', 'Enrolled,Ben,1970-01-01,E-2'], staff, page)
  await settled(shown.location)
  await staff.send(shown.location ?? '', {}, `${shown.location}/confirm`)
  const done = await settled(shown.location)
  t.match(wordsOf(done), /2 patients are registered, and enrolled in the study\. Invite them Go to the study/)
  t.match(
    done.body,
    /<a class="btn btn-primary" href="\/studies\/[^"]*\/invitations\?invited=not-invited&state=none">Invite them</,
  )
  const { total } = (
    await send(
      'everything',
      'GET',
      `ResearchSubject?study=ResearchStudy/${study.id}&individual:Patient.family=Enrolled&_summary=count`,
    )
  ).json()
  t.equal(total, 2)
})

t.test('who came to a list after it was looked at is marked as new in it, until still others come', async t => {
  const register = (family: string, value: string) =>
    create(lab.manager, {
      resourceType: 'Patient',
      name: [{ family }],
      identifier: [{ value }],
      managingOrganization: { reference: `Organization/${lab.organization}` },
    })
  await register('Early', 'N-1')
  const numbers = Array.from({ length: 13 }, (_, index) => index + 1)
  const { location = '' } = await upload(numbers.map(number => `Marked,Mia,${1950 + number}-01-01,N-${number}`))
  const confirm = () => staff.send(location, { duplicates: 'leave-out' }, `${location}/confirm`)
  /** The numbers of the lines that are marked. */
  const marked = async () => {
    const { body } = await settled(location)
    const rows = body.split('<tr').filter(row => row.includes('>New<'))
    return rows.map(row => Number(/<t[hd][^>]*>(?:<[^>]*>)*(\d+)</.exec(row)?.[1]))
  }
  t.strictSame(await marked(), [], 'nobody looked at it before')
  await register('Later', 'N-3')
  await confirm()
  t.strictSame(await marked(), [4])
  t.match(wordsOf(await staff.get(location)), /may be the same as one of these, .*: see line 4\./)
  for (const number of numbers.slice(3)) await register('Last', `N-${number}`)
  await confirm()
  t.strictSame(await marked(), [5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
  t.match(wordsOf(await staff.get(location)), /as 10 of these, .*: see lines 5, 6, 7, 8, 9, 10, 11, 12, 13, 14\./)
})

t.test('so are those who are registered while the list is, and nothing of it is', async t => {
  const page = `/patients/imports?study=${study.id}`
  const { location = '' } = await upload(['Long,Ana,1970-01-01,L-1', 'Long,Ben,1971-01-01,L-2'], staff, page)
  await settled(location)
  await database.transaction(async connection => {
    await connection.run(sql.fragment`LOCK TABLE research_subject IN SHARE MODE`)
    await staff.send(location, {}, `${location}/confirm`)
    await someoneWaits(connection)
    const { id } = await create(lab.manager, {
      resourceType: 'Patient',
      name: [{ family: 'Longer' }],
      identifier: [{ value: 'L-2' }],
      managingOrganization: { reference: `Organization/${lab.organization}` },
    })
    // As if their transaction had taken so long.
    await database.run(sql.fragment`UPDATE patient SET last_updated = now() - interval '5 minutes' WHERE id = ${id}`)
  })
  t.match(
    wordsOf(await settled(location)),
    /may be the same as one of these, so nothing of it is registered yet: see line 3\..* 3 Ben Long .* Longer/,
  )
  t.equal(await named('Long'), 1, 'the other one alone')
})

t.test(
  'whoever is registered by hand just as the list is, there or elsewhere in the tenant, is shown as one of it',
  async t => {
    const { id: part } = await create('everything', {
      resourceType: 'Organization',
      name: 'Ward',
      partOf: { reference: `Organization/${lab.organization}` },
    })
    const { entry } = (await send('everything', 'GET', `PractitionerRole?organization=${lab.organization}`)).json()
    for (const { resource } of entry)
      await create('everything', {
        resourceType: 'PractitionerRole',
        practitioner: resource.practitioner,
        organization: { reference: `Organization/${part}` },
        code: resource.code,
      })
    for (const [family, organization] of [
      ['Instant', lab.organization],
      ['Elsewhere', part],
    ] as const) {
      const { location = '' } = await upload([`${family},Ivo,1970-01-01,`])
      await settled(location)
      const { registering } = await holdingCommits(database, async connection => {
        await staff.send(location, {}, `${location}/confirm`)
        await someoneWaits(connection)
        const registering = staff.send('/patients/new', { family, given: 'Ivo', birthDate: '1970-01-01', organization })
        await someoneWaits(connection, 2)
        return { registering }
      })
      const answer = await registering
      t.match([answer.status, wordsOf(answer)], [409, new RegExp(family)])
      t.match(wordsOf(await settled(location)), /1 patient is registered/)
      t.equal(await named(family), 1)
    }
  },
)

t.test('if one cannot be registered, none is, and the page says why', async t => {
  const shown = await upload(['Refused,Ana,1970-01-01,R-1'])
  await settled(shown.location)
  await database.run(
    sql.fragment`UPDATE patient_import SET organization = ${world.clinic.organization} WHERE state = 'checked'`,
  )
  await staff.send(shown.location ?? '', {}, `${shown.location}/confirm`)
  t.match(wordsOf(await settled(shown.location)), /Nothing was registered\. You may not do this, or no longer\./)
  t.equal(await named('Refused'), 0)
})

t.test('no list is registered in an organization that was closed since the preview', async t => {
  const { location = '' } = await upload(['Closed,Ana,1970-01-01,C-1'])
  await settled(location)
  const organization = (await send('everything', 'GET', `Organization/${lab.organization}`)).json()
  await world.update('everything', { ...organization, active: false })
  await staff.send(location, {}, `${location}/confirm`)
  t.match(
    wordsOf(await settled(location)),
    /Nothing was registered\. The organization is closed, so nobody is registered in it\./,
  )
  t.equal(await named('Closed'), 0)
  await world.update('everything', { ...organization, active: true })
})

t.test('no list is enrolled into a study that takes nobody new any more', async t => {
  const page = `/patients/imports?study=${study.id}`
  const { location = '' } = await upload(['Tardy,Ana,1970-01-01,TA-1'], staff, page)
  await settled(location)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await staff.get(page)).body)?.[1] ?? ''
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  await world.update('everything', { ...stored, status: 'completed' })
  await staff.send(location, {}, `${location}/confirm`)
  t.match(
    wordsOf(await settled(location)),
    'Nothing was registered. Nobody can be enrolled in the study now: its status is “Completed”.',
  )
  t.equal(await named('Tardy'), 0)
  const refused = await staff.post('/patients/imports', {
    study: study.id ?? '',
    organization: lab.organization,
    _csrf,
  })
  t.match(
    [refused.status, wordsOf(refused)],
    [409, 'its status is “Completed”. Nothing was done. If you send the file again, its patients are registered'],
  )
  t.match(wordsOf(await staff.get(page)), 'its status is “Completed”. The patients are registered without being')
  const alone = await upload(['Tardy,Ana,1970-01-01,TA-1'], staff, page)
  t.match(wordsOf(await settled(alone.location)), 'The one line can be read.')
  await world.update('everything', stored)
})

t.test('its progress is shown while it runs, only to the sender', async t => {
  const shown = await upload(['Stream,Ana,1970-01-01,S-1'])
  await settled(shown.location)
  const cookie = [...staff.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const headers = { cookie, accept: 'text/event-stream' }
  const streamed = await server.inject({ url: `${shown.location}/progress`, headers })
  t.match(streamed.headers['content-type'], /^text\/event-stream/)
  t.match(streamed.body, /^data: \{"done":0,"total":1,"isOver":true\}\n\n/)
  const other = await browserOf((await create('everything', { resourceType: 'Person', name: [{ text: 'Other' }] })).id)
  const foreign = [...other.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const refused = await server.inject({ url: `${shown.location}/progress`, headers: { ...headers, cookie: foreign } })
  t.equal(refused.statusCode, 404)
  t.equal((await other.get(shown.location ?? '')).status, 404)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await other.get('/account')).body)?.[1] ?? ''
  for (const action of ['confirm', 'cancel'])
    t.equal((await other.post(`${shown.location}/${action}`, { _csrf })).status, 404, action)
  const { location = '' } = await staff.send(shown.location ?? '', {}, `${shown.location}/cancel`)
  t.match((await staff.get(location)).body, / autofocus><p>The list is forgotten\.<\/p>/)
  t.equal((await staff.get(shown.location ?? '')).status, 404, 'it is forgotten when they say so')
})

t.test('whoever forgets a list that was registered since they opened its page is shown that it was', async t => {
  const { location = '' } = await upload(['Overdue,Ana,1970-01-01,OV-1'])
  const { body } = await settled(location)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  await staff.send(location, {}, `${location}/confirm`)
  await settled(location)
  t.match(await staff.post(`${location}/cancel`, { _csrf }), { status: 303, location })
  t.match(wordsOf(await staff.get(location)), /1 patient is registered\./)
})

t.test('a list of one patient is called that', async t => {
  await settled((await upload(['Alone,Ana,1970-01-01,O-1'])).location)
  t.match(wordsOf(await staff.get('/patients/imports')), /One patient, sent [^<]* UTC waits for you/)
})

t.test('before the first is registered, the page says what goes on', async t => {
  const { location = '' } = await upload(['Going,Ana,1970-01-01,G-1', 'Going,Ben,1970-01-01,G-2'])
  await settled(location)
  const id = location.split('/').at(-1) ?? ''
  await database.run(sql.fragment`UPDATE patient_import SET state = 'importing', done = 0 WHERE id = ${id}`)
  const shown = await staff.get(location)
  t.match(
    wordsOf(shown),
    /Patients registered: none yet, while it is checked once more for people who are registered already \. You can leave/,
  )
  t.match(shown.body, '<progress class="w-100" max="2" aria-label="Patients registered"></progress>')
  await database.run(sql.fragment`DELETE FROM patient_import WHERE id = ${id}`)
})

t.test('while it runs the page says how far it is, and reloads itself if scripts do not run', async t => {
  const { location = '' } = await upload(['Going,Ana,1970-01-01,G-1', 'Going,Ben,1970-01-01,G-2'])
  await settled(location)
  const id = location.split('/').at(-1) ?? ''
  await database.run(sql.fragment`UPDATE patient_import SET state = 'importing', done = 1 WHERE id = ${id}`)
  const shown = await staff.get(location)
  t.match(wordsOf(shown), /Patients registered: 1 of 2 \. You can leave this page and come back/)
  t.match(shown.body, '<noscript><meta http-equiv="refresh" content="3"></noscript>')
  t.match(shown.body, '<progress class="w-100" value="1" max="2" aria-label="Patients registered"></progress>')
  t.match(shown.headers['content-security-policy'], /connect-src 'self'/)
  t.match(wordsOf(await staff.get('/patients/imports')), /2 patients, sent .* is being registered/)
  await database.run(sql.fragment`DELETE FROM patient_import WHERE id = ${id}`)
})

t.test('that a line is wrong is in the title once the page says which', async t => {
  const { location = '' } = await upload(['Going,Ana,1970-02-30,G-1'])
  const { body } = await settled(location)
  t.match(body, '<title>Problem: A list of patients')
  const id = location.split('/').at(-1) ?? ''
  await database.run(sql.fragment`UPDATE patient_import SET state = 'checking' WHERE id = ${id}`)
  t.match((await staff.get(location)).body, '<title>A list of patients')
  await database.run(sql.fragment`DELETE FROM patient_import WHERE id = ${id}`)
})

const isEmpty =
  /The file is empty: its first line names the columns \(family, given, birth_date, identifiers, email, mobile, gender, language\), and each line after it is a patient Check the file /

t.test('an invalid file is reported beside its field', async t => {
  const file = (content: string, name = 'x.csv') =>
    staff.sendFile('/patients/imports', { field: 'file', name, content })
  for (const [content, why] of [
    ['name\nAna', /unknown \(“name”\)/],
    ['', isEmpty],
    ['\r\n \r\n\n', isEmpty],
  ] as const) {
    const shown = await file(content)
    t.match([shown.status, wordsOf(shown)], [422, why])
  }
  const unchosen = await file('', '')
  t.match([unchosen.status, wordsOf(unchosen)], [422, /Choose a file/])
  const large = await file('x'.repeat(10_000_001))
  t.match([large.status, wordsOf(large)], [413, /larger than 10 MB/])
  t.match(large.body, /id="file-problem">The file is larger than 10 MB: send it in parts</)
  const into = `/patients/imports?study=${study.id}`
  const tooLarge = { field: 'file', name: 'x.csv', content: 'x'.repeat(10_000_001) }
  const again = await staff.sendFile(into, tooLarge, '/patients/imports')
  t.match(again.body, `name="study" value="${study.id}"`, 'the study into which they are enrolled is kept')
  const template = await staff.get('/patients/imports/template.csv')
  t.match(template, { status: 200, headers: { 'content-disposition': 'attachment; filename="patients.csv"' } })
  t.match(
    (await staff.sendFile('/patients/imports', { field: 'file', name: 'x.csv', content: template.body })).location,
    /imports\//,
  )
})

t.test('ten thousand lines are read, previewed and registered', async t => {
  const lines = Array.from({ length: 10_000 }, (_, at) => `Many,N${at},19${String(50 + (at % 50))}-01-01,M-${at}`)
  const shown = await upload(lines)
  const looked = wordsOf(await settled(shown.location))
  t.match(
    looked,
    /All 10000 lines can be read.* The first 20 of 10000 as they would be registered .* 21 Many N19 1969-01-01/,
  )
  t.notMatch(looked, 'N20 ')
  await staff.send(shown.location ?? '', {}, `${shown.location}/confirm`)
  t.match(wordsOf(await settled(shown.location)), /10000 patients are registered/)
  t.equal(await named('Many'), 10_000)
})

t.test('a list that nobody confirms within a day is forgotten', async t => {
  const shown = await upload(['Late,Ana,1970-01-01,L-1'])
  await settled(shown.location)
  await database.run(sql.fragment`UPDATE patient_import SET made_at = now() - interval '1 day' WHERE state = 'checked'`)
  const other = await world.open({ pauseMs: 60_000, retries: 1 })
  t.teardown(() => other.close())
  for (;;) {
    if ((await staff.get(shown.location ?? '')).status === 404) break
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  t.equal(await database.maybeOne(sql.fragment`SELECT FROM patient_import_line`), undefined)
})

t.test('its progress is no longer shown once they have signed out', async t => {
  const { location = '' } = await upload(['Stream,Ben,1970-01-01,S-2'])
  await settled(location)
  const [, id] = /([^/]+)$/.exec(location) ?? []
  const { person } = await database.one<{ person: string }>(sql.fragment`
    UPDATE patient_import SET state = 'importing' WHERE id = ${id ?? ''} RETURNING person`)
  const browser = await browserOf(person)
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const streamed = server.inject({ url: `${location}/progress`, headers: { cookie, accept: 'text/event-stream' } })
  await browser.send('/account', {}, '/sign-out')
  t.notMatch((await streamed).body, /"isOver":true/)
})

t.test('no list is registered with a study that ends while it is written', async t => {
  const { id } = study
  const active = (await send('everything', 'GET', `ResearchStudy/${id}`)).json()
  const list = await upload(['Meanwhile,Ana,1971-03-04,MW-1'], staff, `/patients/imports?study=${id}`)
  t.match(wordsOf(await settled(list.location)), /Register this patient/)
  await database.run(sql.fragment`
    CREATE FUNCTION wait_for_list() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(60); RETURN NEW; END'`)
  await database.run(sql.fragment`
    CREATE TRIGGER wait_for_list AFTER UPDATE ON study FOR EACH ROW EXECUTE FUNCTION wait_for_list()`)
  const [ending] = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(60)`)
    const begun = world.update('everything', { ...active, status: 'completed' })
    await someoneWaits(connection)
    await staff.send(list.location ?? '', {}, `${list.location}/confirm`)
    await someoneWaits(connection, 2)
    return [begun]
  })
  await ending
  t.match(wordsOf(await settled(list.location)), /Nobody can be enrolled in the study now: its status is “Completed”/)
  t.equal(await named('Meanwhile'), 0)
  await database.run(sql.fragment`DROP TRIGGER wait_for_list ON study`)
  await world.update('everything', active)
})

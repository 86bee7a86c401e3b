import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import { endSessions } from '../../../src/storage/account/session.ts'
import { sql } from '../../../src/storage/sql.ts'
import { snippetLanguages } from '../../../src/web/study/notebook-snippet.ts'
import { wordsOf } from '../../support/browser.ts'
import { readSlowly } from '../../support/slow-reader.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { studyAnew } from '../../support/study-anew.ts'
import { openTenants } from '../tenants.ts'

const run = promisify(execFile)
const world = await openTenants({ PORT: '0' })
const { server, database, people, lab, create, newStudy, participant, send, told } = world
const { port } = new URL(await server.listen({ port: 0, host: '127.0.0.1' }))
const folder = await mkdtemp(join(tmpdir(), 'sharewell-notebook-'))
t.teardown(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const kinds = ['omh:heart-rate', 'omh:body-weight']
const { id: study } = await newStudy(lab.manager, lab.organization, 'notebook', [...kinds, 'omh:sleep-duration'])
const page = `/studies/${study}/notebook`
const ada = await participant(lab.manager, lab.organization, study, kinds, 'Ada')
const bea = await participant(lab.manager, lab.organization, study, ['omh:heart-rate'], 'Bea')
const reading = (patient: string, code: string, more: object) =>
  create('everything', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.loinc, code }] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: '2026-03-01T12:00:00Z',
    ...more,
  } as never)
const quantity = (value: number, unit: string) => ({
  valueQuantity: { value, unit, system: systems.ucum, code: unit },
})
await reading(ada, '8867-4', quantity(60, '/min'))
await reading(bea, '8867-4', quantity(70, '/min'))
await reading(bea, '29463-7', quantity(50, 'kg'))
await reading(ada, '29463-7', quantity(-1, 'kg'))
await reading(ada, '29463-7', {
  code: { text: '=cmd()', coding: [{ system: systems.loinc, code: '29463-7' }] },
  valueString: '=HYPERLINK("x")',
})
// Of another study, which the member may read as well.
const other = await participant(lab.manager, lab.organization, world.study.id, ['omh:heart-rate'], 'Other')
await reading(other, '8867-4', quantity(99, '/min'))

const snippetsIn = (body: string): readonly string[] =>
  [...body.matchAll(/<pre[^>]*><code[^>]*>([\s\S]*?)<\/code>/g)].map(([, text = '']) =>
    text
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&'),
  )
const made = async (kind: readonly string[] = ['omh:heart-rate'], minutes = '15') =>
  snippetsIn((await people.member.send(page, { kind, minutes })).body)
const tokenIn = (snippet = '') => /token = "([^"]+)"/.exec(snippet)?.[1] ?? ''

const isThere = async (command: string): Promise<boolean> =>
  run(command, ['--version']).then(
    () => true,
    () => false,
  )
const hasPython = await isThere('python3')
const hasCurl = await isThere('curl')
const hasR = await run('Rscript', ['-e', 'library(httr2); library(jsonlite)']).then(
  () => true,
  () => false,
)

t.test('the snippet in Python runs as it is', { skip: !hasPython && 'there is no python3' }, async t => {
  const [python = ''] = await made()
  await writeFile(join(folder, 'snippet.py'), python)
  const { stdout } = await run('python3', [join(folder, 'snippet.py')])
  t.equal(stdout, '2 values\n')
})

t.test('no snippet takes an answer that breaks off for a complete one', async t => {
  const line =
    '{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/1"}}\n'
  const breaking = createServer((_, response) => {
    response.setHeader('content-type', 'application/fhir+ndjson')
    response.write(line, () => response.destroy())
  })
  await new Promise<void>(resolve => breaking.listen(0, '127.0.0.1', resolve))
  t.teardown(() => breaking.close())
  const { port } = breaking.address() as AddressInfo
  const snippet = { url: `http://127.0.0.1:${port}/`, token: 'any', endsAt: new Date() }
  for (const [language, command, is] of [
    ['python', 'python3', hasPython],
    ['r', 'Rscript', hasR],
    ['curl', 'sh', hasCurl],
  ] as const) {
    if (!is) continue
    await writeFile(join(folder, `broken-${language}`), snippetLanguages[language].text(snippet))
    await t.rejects(run(command, [`broken-${language}`], { cwd: folder }), language)
  }
  t.notOk((await readdir(folder)).includes('readings.ndjson'), 'nor does curl leave a part as if it were complete')
})

t.test('the snippet for curl runs as it is', { skip: !hasCurl && 'there is no curl' }, async t => {
  const [, , curl = ''] = await made(kinds)
  await writeFile(join(folder, 'snippet.sh'), curl)
  await run('sh', ['snippet.sh'], { cwd: folder })
  const lines = (await readFile(join(folder, 'readings.ndjson'), 'utf8')).trim().split('\n')
  t.equal(lines.length, 4)
  t.equal(JSON.parse(lines[0] ?? '').resourceType, 'Observation')
})

t.test(
  'the snippet in R runs as it is, even if nothing is shared',
  { skip: !hasR && 'there is no R with httr2' },
  async t => {
    const printed = async (kind: readonly string[]) => {
      const [, r = ''] = await made(kind)
      await writeFile(join(folder, 'snippet.R'), r)
      return (await run('Rscript', [join(folder, 'snippet.R')])).stdout
    }
    t.equal(await printed(['omh:heart-rate']), '[1] 2\n')
    t.equal(await printed(['omh:sleep-duration']), '[1] 0\n')
  },
)

t.test('its token reads the chosen kinds of this study, and nothing else', async t => {
  const [python = ''] = await made(['omh:body-weight'])
  const token = tokenIn(python)
  const found = async (path: string) => {
    const answer = await send(token, 'GET', path)
    const { entry = [] } = answer.json() as { entry?: { resource: { code: { coding: [{ code: string }] } } }[] }
    return [answer.statusCode, entry.map(({ resource }) => resource.code?.coding[0].code)]
  }
  t.same(await found('Observation'), [200, ['29463-7', '29463-7']], 'of those who share this kind with the study')
  t.same(await found('Observation?code=8867-4'), [200, []])
  for (const type of ['Patient', 'ResearchSubject', 'Consent', 'ResearchStudy'])
    t.equal((await send(token, 'GET', type)).statusCode, 403, type)
  t.equal((await send(token, 'POST', 'Observation', { resourceType: 'Observation' })).statusCode, 403)
})

t.test('the token is listed, expires within the hour, and ends at once when its holder ends it', async t => {
  const before = Date.now()
  const token = tokenIn((await made(['omh:heart-rate'], '600'))[0])
  const listed = wordsOf(await people.member.get('/account/apps'))
  t.match(listed, /A notebook Read the heart rate that you may see Allowed .*, for the study notebook alone\. It ends/)
  t.notMatch((await people.member.get('/account/apps')).body, token)
  const ends = [...(await people.member.get('/account/apps')).body.matchAll(/It ends <time datetime="([^"]+)"/g)]
  t.ok(ends.every(([, end = '']) => Date.parse(end) <= before + 61 * 60_000))
  t.equal((await send(token, 'GET', 'Observation')).statusCode, 200)
  for (let left = ends.length; left > 0; left -= 1) await people.member.send('/account/apps', {})
  t.match(wordsOf(await people.member.get('/account/apps')), /No app may do anything in your name/)
  t.equal((await send(token, 'GET', 'Observation')).statusCode, 401)
  t.match(await told(), [{ outcomeDesc: /may do no more of what it was allowed/ }])
})

t.test('whoever is signed out while a token is made gets none', async t => {
  const person = await world.staff(lab.organization, 'member')
  const browser = await world.browserOf(person)
  const { answer } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`)
    const answer = browser.send(page, { kind: ['omh:heart-rate'], minutes: '60' })
    await someoneWaits(connection)
    await endSessions(database, person)
    return { answer }
  })
  t.equal((await answer).status, 403)
  t.same(await database.any(sql.fragment`SELECT FROM token WHERE person_id = ${person}`), [])
})

t.test('the same can be downloaded as NDJSON and as CSV, in which no cell is a formula', async t => {
  const ndjson = await people.member.send(page, { kind: kinds }, page)
  t.equal(ndjson.status, 200)
  const download = async (format: string, kind: readonly string[]) => {
    const csrf = /name="_csrf" value="([^"]*)"/.exec((await people.member.get(page)).body)?.[1] ?? ''
    return people.member.post(`${page}/readings.${format}`, { _csrf: csrf, kind })
  }
  const lines = await download('ndjson', kinds)
  t.match(lines.headers['content-type'], /^application\/fhir\+ndjson/)
  t.equal(lines.headers['content-disposition'], 'attachment; filename="readings.ndjson"')
  t.same(
    lines.body
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).subject.reference)
      .toSorted(),
    [`Patient/${ada}`, `Patient/${ada}`, `Patient/${ada}`, `Patient/${bea}`].toSorted(),
  )
  const csv = await download('csv', ['omh:body-weight'])
  t.match(csv.headers['content-type'], /^text\/csv/)
  const [head, ...rows] = csv.body.trim().split('\n')
  t.equal(head, 'id,patient,code,name,start,end,value,unit,source,status,statistic,absent,study_code')
  t.same(
    rows.map(row => row.replace(/^[^,]*,/, '')).toSorted(),
    [
      `${ada},http://loinc.org|29463-7,'=cmd(),2026-03-01T12:00:00Z,,"'=HYPERLINK(""x"")",,,final,,,`,
      `${ada},http://loinc.org|29463-7,Body weight,2026-03-01T12:00:00Z,,-1,kg,,final,,,`,
    ].toSorted(),
  )
  const none = await download('csv', [])
  t.match([none.status, wordsOf(none)], [422, /Choose at least one kind of data/])
})

t.test('the CSV has somebody with two records under the one that was enrolled, which its reader can open', async t => {
  const joined = await newStudy(lab.manager, lab.organization, 'joined', kinds)
  const fay = await participant(lab.manager, lab.organization, joined.id, kinds, 'Fay')
  const theirs = await create(world.clinic.manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${world.clinic.organization}` },
  })
  const link = [fay, theirs.id].map(one => ({ target: { reference: `Patient/${one}` } }))
  await create('everything', { resourceType: 'Person', link })
  await reading(fay, '8867-4', quantity(60, '/min'))
  await reading(theirs.id, '8867-4', quantity(61, '/min'))
  const at = `/studies/${joined.id}/notebook`
  const csrf = /name="_csrf" value="([^"]*)"/.exec((await people.member.get(at)).body)?.[1] ?? ''
  const { body } = await people.member.post(`${at}/readings.csv`, { _csrf: csrf, kind: kinds })
  const ids = body.trim().split('\n').slice(1)
  t.strictSame(
    ids.map(row => row.split(',')[1]),
    [fay, fay],
  )
  const opened = await Promise.all([fay, theirs.id].map(one => people.member.get(`/patients/${one}`)))
  t.strictSame(
    opened.map(({ status }) => status),
    [200, 404],
  )
})

t.test(
  'in the table of a coded study people have the code that its pages show and one id, whichever record a reading belongs to',
  async t => {
    const like = studyAnew((await send('everything', 'GET', `ResearchStudy/${study}`)).json())
    const { id: coded } = await create(lab.manager, {
      ...like,
      title: 'coded',
      extension: like.extension.map((one: { url: string }) =>
        one.url === extensions.identity ? { ...one, valueCode: 'coded' } : one,
      ),
    })
    const codeOf = async (patient: string, value: string) => {
      const query = `ResearchSubject?study=ResearchStudy/${coded}&individual=Patient/${patient}`
      const [{ resource }] = (await send('everything', 'GET', query)).json().entry
      await world.update('everything', { ...resource, identifier: [{ value }] })
    }
    const [cai, dot] = [
      await participant(lab.manager, lab.organization, coded, ['omh:heart-rate'], 'Cai'),
      await participant(lab.manager, lab.organization, coded, ['omh:heart-rate'], 'Dot'),
    ]
    await codeOf(cai, '=S-017')
    await codeOf(dot, 'S-018')
    const { id: second } = await create('everything', { resourceType: 'Patient' })
    const link = [cai, second].map(id => ({ target: { reference: `Patient/${id}` } }))
    await create('everything', { resourceType: 'Person', link })
    for (const patient of [cai, second, dot]) await reading(patient, '8867-4', quantity(61, '/min'))

    const own = `/studies/${coded}/notebook`
    const _csrf = /name="_csrf" value="([^"]*)"/.exec((await people.member.get(own)).body)?.[1] ?? ''
    const { body } = await people.member.post(`${own}/readings.csv`, { _csrf, kind: ['omh:heart-rate'] })
    const [, ...rows] = body.trim().split('\n')
    t.same(
      rows.map(row => [row.split(',')[1], row.split(',').at(-1)]).toSorted(),
      [
        [cai, "'=S-017"],
        [cai, "'=S-017"],
        [dot, 'S-018'],
      ].toSorted(),
    )
    const arrivals = wordsOf(await people.member.get(`/studies/${coded}/arrivals`))
    t.notMatch(arrivals, /Somebody without a code/)
  },
)

t.test('whoever may not see the study does not find the page, and gets no token', async t => {
  for (const name of ['manager of another tenant', 'patient', 'administrator', 'privacy officer'] as const) {
    const browser = people[name]
    const csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get('/account')).body)?.[1] ?? ''
    t.equal((await browser.get(page)).status, 404, name)
    for (const path of ['', '/readings.csv', '/readings.ndjson']) {
      const answer = await browser.post(`${page}${path}`, { _csrf: csrf, kind: kinds, minutes: '15' })
      t.equal(answer.status, 404, `${name}${path}`)
    }
  }
  t.equal((await people.member.post(page, { kind: kinds })).status, 403, 'nor does another site')
})

t.test(
  'a row of the snippet in Python has the source, bounds below a number, statistics, and entered-in-error',
  { skip: !hasPython && 'there is no python3' },
  async t => {
    const said = { url: 'statistic', valueCodeableConcept: { text: 'maximum' } }
    const url = 'https://sharewell.dev/fhir/StructureDefinition/descriptive-statistic'
    const value = { value: 180, unit: 'beats/min', comparator: '>' }
    const device = { reference: 'Device/watch' }
    await reading(bea, '8867-4', { extension: [{ url, extension: [said] }], valueQuantity: value, device })
    await reading(bea, '8867-4', { ...quantity(600, '/min'), status: 'entered-in-error' })
    const [python = ''] = await made()
    await writeFile(
      join(folder, 'rows.py'),
      `${python}print(json.dumps([row for row in rows if row["statistic"] or row["status"] != "final"]))`,
    )
    const { stdout } = await run('python3', [join(folder, 'rows.py')])
    t.same(
      JSON.parse(stdout.split('\n')[1] ?? '').toSorted(
        (one: { value: number }, other: { value: number }) => one.value - other.value,
      ),
      [
        {
          patient: `Patient/${bea}`,
          time: '2026-03-01T12:00:00Z',
          end: null,
          code: '8867-4',
          comparator: '>',
          value: 180,
          unit: 'beats/min',
          absent: null,
          source: 'Device/watch',
          status: 'final',
          statistic: 'maximum',
        },
        {
          patient: `Patient/${bea}`,
          time: '2026-03-01T12:00:00Z',
          end: null,
          code: '8867-4',
          comparator: null,
          value: 600,
          unit: '/min',
          absent: null,
          source: null,
          status: 'entered-in-error',
          statistic: null,
        },
      ],
    )
  },
)

t.test(
  'the snippet in Python has a row for a value that is not a number, and for a missing value',
  { skip: !hasPython && 'there is no python3' },
  async t => {
    const at = (minute: number) => ({ effectiveDateTime: `2026-04-01T10:0${minute}:00Z` })
    const coded = (text: string) => ({ code: { text } })
    await reading(ada, '8867-4', { ...at(0), valueCodeableConcept: { coding: [{ code: 'irregular' }] } })
    await reading(ada, '8867-4', { ...at(1), valueString: 'not felt' })
    await reading(ada, '8867-4', { ...at(2), valueBoolean: false })
    await reading(ada, '8867-4', { ...at(3), dataAbsentReason: { text: 'not performed' } })
    await reading(ada, '8867-4', {
      ...at(4),
      component: [
        { ...coded('lowest'), ...quantity(50, '/min') },
        { ...coded('rhythm'), valueCodeableConcept: { text: 'regular' } },
        { ...coded('effort'), dataAbsentReason: { coding: [{ code: 'unknown' }] } },
      ],
    })
    const origin = { value: 0, unit: 'beats/min', system: systems.ucum, code: '/min' }
    await reading(ada, '8867-4', {
      effectiveDateTime: undefined,
      effectiveTiming: { event: ['2026-04-02', '2026-04-01T10:06:00Z', '2026-04-01T12:05:00+02:00'] },
      valueSampledData: { origin, period: 60_000, dimensions: 1, data: '60 61' },
    })
    await reading(ada, '8867-4', {
      effectiveDateTime: undefined,
      effectiveTiming: {
        event: ['2026-04-01T12:07:00.1+02:00', null, '2026-04-01T10:07:60Z', '2026-04-01T10:07:00.123456789Z'],
        _event: [null, { extension: [{ url: 'http://example.org/missed', valueBoolean: true }] }, null, null],
        repeat: { boundsPeriod: { start: '2026-04-01T10:07:00.1Z', end: '2026-04-01T10:07:30Z' } },
      } as object,
      valueInteger: 70,
      extension: [
        { url: 'http://example.org/descriptive-statistic', valueString: 'of another' },
        {
          url: extensions.descriptiveStatistic,
          extension: [
            {
              url: 'statistic',
              valueCodeableConcept: { coding: [{ system: systems.observationStatistics, code: 'median' }] },
            },
          ],
        },
      ],
    })
    const [python = ''] = await made()
    await writeFile(
      join(folder, 'all-rows.py'),
      `${python}print(json.dumps([row for row in rows if row["time"] > "2026-04"]))`,
    )
    const { stdout } = await run('python3', [join(folder, 'all-rows.py')])
    type Row = Readonly<Record<'time' | 'code', string>> &
      Readonly<Record<'end' | 'value' | 'unit' | 'absent' | 'statistic', unknown>>
    const found: Row[] = JSON.parse(stdout.split('\n')[1] ?? '')
    t.equal(found.find(({ unit }) => unit === 'beats/min')?.end, '2026-04-02', 'of several times, the last')
    t.match(
      found.find(({ value }) => value === 70),
      { time: '2026-04-01T12:07:00.1+02:00', end: '2026-04-01T10:07:60Z', statistic: 'median' },
      'also if one is unknown, a leap second or finer than a microsecond',
    )
    t.same(
      found
        .map(({ time, code, value, unit, absent }) => [time.slice(14, 16), code, value, unit, absent])
        .toSorted((one, other) => (String(one) < String(other) ? -1 : 1)),
      [
        ['00', '8867-4', 'irregular', null, null],
        ['01', '8867-4', 'not felt', null, null],
        ['02', '8867-4', false, null, null],
        ['03', '8867-4', null, null, 'not performed'],
        ['04', 'effort', null, null, 'unknown'],
        ['04', 'lowest', 50, '/min', null],
        ['04', 'rhythm', 'regular', null, null],
        ['05', '8867-4', { origin, period: 60_000, dimensions: 1, data: '60 61' }, 'beats/min', null],
        ['07', '8867-4', 70, null, null],
      ],
    )
  },
)

t.test('a slow download stops once they are not signed in any more', async t => {
  /** More than two pages, of which one is read ahead; a page is larger than the buffers between server and client. */
  for (const hour of ['05', '06', '07', '08', '09', '10']) {
    const entry = Array.from({ length: 400 }, (_, index) => ({
      request: { method: 'POST', url: 'Observation' },
      resource: {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
        subject: { reference: `Patient/${bea}` },
        effectiveDateTime: `2026-05-01T${hour}:${10 + Math.floor(index / 10)}:0${index % 10}Z`,
        valueString: 'long '.repeat(2400),
      },
    }))
    t.equal((await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })).statusCode, 200)
  }
  const person = await world.staff(lab.organization, 'member')
  for (const format of ['ndjson', 'csv']) {
    const browser = await world.browserOf(person)
    const _csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get(page)).body)?.[1] ?? ''
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const form = new URLSearchParams({ _csrf, kind: 'omh:heart-rate' })
    const origin = `http://localhost:${port}`
    const { status, rest } = await readSlowly(`${origin}${page}/readings.${format}`, { cookie, origin }, form)
    t.equal(status, 200)
    await endSessions(world.database, person)
    await sleep(1100)
    await t.rejects(rest(), format)
  }
})

t.test(
  'a slow download that is left incomplete by the end of a role, or of a consent, does not look whole',
  async t => {
    const { id: person } = await create('everything', { resourceType: 'Person', name: [{ text: 'Leaves' }] })
    const { id: practitioner } = await create('everything', {
      resourceType: 'Practitioner',
      name: [{ family: 'Leaves' }],
    })
    const target = { reference: `Practitioner/${practitioner}` }
    await world.update('everything', { resourceType: 'Person', id: person, link: [{ target }] })
    const download = async (format: string) => {
      const { id: role } = await create('everything', {
        resourceType: 'PractitionerRole',
        practitioner: target,
        organization: { reference: `Organization/${lab.organization}` },
        code: [{ coding: [{ system: organizationRole, code: 'member' }] }],
      })
      const browser = await world.browserOf(person)
      const _csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get(page)).body)?.[1] ?? ''
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const origin = `http://localhost:${port}`
      const form = new URLSearchParams({ _csrf, kind: 'omh:heart-rate' })
      const { status, rest } = await readSlowly(`${origin}${page}/readings.${format}`, { cookie, origin }, form)
      t.equal(status, 200)
      return { role, rest }
    }
    for (const format of ['ndjson', 'csv']) {
      const { role, rest } = await download(format)
      t.equal((await send('everything', 'DELETE', `PractitionerRole/${role}`)).statusCode, 204)
      await t.rejects(rest(), `${format}, once they work there no more`)
    }
    const { rest } = await download('ndjson')
    const [{ resource }] = (await send('everything', 'GET', `Consent?patient=Patient/${bea}`)).json().entry
    await world.update('everything', { ...resource, status: 'inactive' })
    await t.rejects(rest(), 'once the patient has withdrawn')
  },
)

import pg from 'pg'
import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { recordSignIn } from '../../../src/storage/audit/sign-in.ts'
import { registerClient } from '../../../src/storage/authorization/client.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { openStudies } from '../../support/study.ts'

const { server, database, url, create, institution, study, participant, staffToken, send, token, update } =
  await openStudies()
t.teardown(() => server.close())

const lab = await institution('lab')
const kinds = ['omh:heart-rate']
const { id: sleep, researcher } = await study(lab.manager, lab.organization, 'Sleep', kinds)
const ann = await participant(lab.manager, lab.organization, sleep, kinds, 'Ann')
const bob = await participant(lab.manager, lab.organization, sleep, kinds, 'Bob')
for (const patient of [ann, bob])
  await create('everything', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: '2030-01-01T00:00:00Z',
  })
const { id: bobsOwn } = await study(lab.manager, lab.organization, 'Not hers', kinds)
const seal = () => sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
const signedIn = async (headers: Readonly<Record<string, string>>, ...patients: readonly string[]) => {
  const { id: person } = await create('everything', {
    resourceType: 'Person',
    ...(patients.length > 0 && { link: patients.map(patient => ({ target: { reference: `Patient/${patient}` } })) }),
  })
  const browser = Object.assign(openBrowser(server, { headers, remoteAddress: `10.8.1.${patients.length}` }), {
    person,
  })
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}
const page = '/account/disclosures'
/** In how many visits something was done, in all stretches together. */
const visitsIn = (body: string) =>
  body
    .split('list-group-item')
    .slice(1)
    .reduce((sum, stretch) => sum + Math.max(1, stretch.split('class="visit').length - 1), 0)
const browser = await signedIn({}, ann)

t.test(
  'a patient sees who looked for what, for which study, and who was refused, but not what they did themselves',
  async t => {
    const reader = await token({
      subject: { kind: 'user', person: researcher.person },
      scope: 'user/*.rs',
      study: sleep,
    })
    t.equal((await send(reader, 'GET', 'Observation?_count=5')).statusCode, 200)
    t.equal((await browser.get(`/patients/${ann}`)).status, 200)
    await seal()
    const shown = await browser.get(page)
    t.equal(shown.status, 200)
    const words = wordsOf(shown)
    t.match(
      words,
      /Who looked at your data .* Sleep-researcher through Command line Looked for: Heart rate – for the study Sleep Your consent allowed it, as it stood in version 1/i,
    )
    t.notMatch(words, /Bob|through the pages/)
    t.equal(shown.body.split('list-group-item').length - 1, shown.body.split('<strong>').length - 1)
    t.match((await browser.get('/sharing')).body, `<a href="${page}">See who looked at your data</a>`)
  },
)

t.test('studies and the command line are named in the reader’s language', async t => {
  const translation = [
    { url: 'lang', valueCode: 'es' },
    { url: 'content', valueString: 'El sueño' },
  ]
  const stored = (await send(lab.manager, 'GET', `ResearchStudy/${sleep}`)).json()
  const _title = { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/translation', extension: translation }] }
  await update(lab.manager, { ...stored, _title })
  const reading = { subject: { kind: 'user', person: researcher.person }, scope: 'user/*.rs', study: sleep } as const
  t.equal((await send(await token(reading), 'GET', 'Observation?_count=5')).statusCode, 200)
  await seal()
  const shown = await (await signedIn({ 'accept-language': 'es' }, ann)).get(page)
  t.match(
    wordsOf(shown),
    /Sleep-researcher a través de la línea de comandos Buscó: Frecuencia cardíaca – para el estudio El sueño Lo permitía/i,
  )
})

t.test('a patient can ask for some days, and for one study', async t => {
  const today = new Date().toISOString().slice(0, 10)
  t.match(wordsOf(await browser.get(`${page}?from=${today}&study=${sleep}`)), /Looked for: Heart rate/i)
  t.match(wordsOf(await browser.get(`${page}?until=2020-01-01`)), /Nobody did, at that time/)
  const loose = await browser.get(`${page}?until=31/12/2019&from=%D9%A2%D9%A0%D9%A1%D9%A9.1.1`)
  t.match(wordsOf(loose), /Nobody did, at that time/, 'as days are read on the other pages of patients')
  t.match(loose.body, /value="1 January 2019"[\s\S]*value="31 December 2019"/)
  const wrong = await browser.get(`${page}?from=3.4.2026`)
  t.match(wrong.body, /value="3\.4\.2026"/)
  t.match(wordsOf(wrong), /Please check what you entered|Check what/i)
  t.match(wrong.body, /id="from-problem">Enter a day that exists/)
  t.match(
    (await browser.get(`${page}?until=9999-12-31`)).body,
    /id="until-problem">Days from 1900 to 2099 can be shown/,
  )
  t.match(
    wordsOf(await browser.get(`${page}?from=3.4.2026&until=x`)),
    /From: Enter a day that exists, with its month as a word, such as 31 March 2026 Until: Enter a day/,
    'each is named if the same is wrong with both',
  )
})

t.test(
  'a study that is none of theirs is said at its field, and not answered as if nobody had looked, or any study were asked for',
  async t => {
    for (const study of ['another', 'no id', '%7B', bobsOwn]) {
      const shown = await browser.get(`${page}?study=${study}`)
      t.match([shown.status, shown.body], [200, /<title>[^<]*Problem: /], study)
      t.match(
        shown.body,
        /id="study-problem">None of your studies is that one\. Choose one from the list<\/p>\s*<select id="study"[^>]* aria-describedby="study-problem" aria-invalid="true">/,
      )
      t.match(shown.body, '<a href="#study">None of your studies is that one.')
      t.notMatch(shown.body, 'list-group-item')
      t.notMatch(wordsOf(shown), /Nobody did/)
    }
    t.match(
      wordsOf(await (await signedIn({ 'accept-language': 'es' }, ann)).get(`${page}?study=another`)),
      /Ninguno de sus estudios es ese\. Elija uno de la lista/,
    )
    const stranger = await signedIn({})
    t.notMatch((await stranger.get(page)).body, 'id="study"', 'who has no study has no choice of one')
    t.match((await stranger.get(`${page}?study=${sleep}`)).body, 'id="study-problem"')
  },
)

t.test('the list begins with the latest, or with the oldest', async t => {
  const at = (body: string) =>
    [...body.matchAll(/list-group-item px-0">\n<div class="text-body-secondary">([\s\S]*?)<\/strong>/g)].map(
      ([, one]) => one,
    )
  const latest = at((await browser.get(page)).body)
  t.ok(latest.length > 1)
  t.same(at((await browser.get(`${page}?sort=oldest`)).body), latest.toReversed())
  const spanish = await signedIn({ 'accept-language': 'es' }, ann)
  t.match(
    (await spanish.get(`${page}?sort=oldest`)).body,
    '<option value="oldest" selected>Lo más antiguo primero</option>',
  )
  const unknown = await spanish.get(`${page}?sort=x`)
  t.match(unknown.body, /<title>[^<]+: Quién ha mirado sus datos/)
  t.match(wordsOf(unknown), /No existe ese orden\. Elija uno de estos: Lo más reciente primero; Lo más antiguo primero/)
})

t.test('somebody who has no name, or may not be named, is described in words, never by an id', async t => {
  const [nameless, other] = [await create('everything', { resourceType: 'Person' }), await signedIn({}, bob)]
  const recorded = async (person: string, day: string) =>
    database.run(sql.fragment`
      INSERT INTO audit_record (epoch, recorded, client, interaction, type, patients, kinds, outcome, person)
      SELECT max(epoch), ${`${day}T12:00:00Z`}::timestamptz, 'cli', 'read', 'Patient',
        ARRAY(SELECT patient_id FROM patient_compartment WHERE id = ${ann}), '{}', 200, ${person} FROM audit_epoch`)
  await recorded(nameless.id, '2026-05-20')
  await recorded(other.person, '2026-05-21')
  await seal()
  for (const [language, unnamed, noStaff] of [
    ['en', /Somebody who has given no name through Command line/, /Somebody else, who is no staff through/],
    ['es', /Alguien que no ha dado su nombre a través/, /Otra persona, que no es del personal a través/],
  ] as const) {
    const own = await signedIn({ 'accept-language': language }, ann)
    const shown = await own.get(`${page}?from=2026-05-20&until=2026-05-20`)
    t.match(wordsOf(shown), unnamed)
    t.notMatch(shown.body, nameless.id)
    t.match(wordsOf(await own.get(`${page}?from=2026-05-21&until=2026-05-21`)), noStaff)
  }
})

t.test(
  'staff without a name are told of by their role in the study, or by the organization for which they read',
  async t => {
    const nameless = async (email: string) => {
      const { id } = await create(lab.manager, { resourceType: 'Practitioner' })
      const practitioner = { reference: `Practitioner/${id}` }
      await create('everything', {
        resourceType: 'PractitionerRole',
        practitioner,
        organization: { reference: `Organization/${lab.organization}` },
        code: [{ coding: [{ system: organizationRole, code: 'viewer' }] }],
      })
      const { id: person } = await create('everything', { resourceType: 'Person', link: [{ target: practitioner }] })
      return { id, person, email }
    }
    const [named, member] = [await nameless('named@example.org'), await nameless('member@example.org')]
    const stored = (await send('everything', 'GET', `ResearchStudy/${sleep}`)).json()
    await update(lab.manager, {
      ...stored,
      extension: [
        ...stored.extension,
        {
          url: extensions.staff,
          extension: [
            { url: 'practitioner', valueReference: { reference: `Practitioner/${named.id}` } },
            { url: 'role', valueCodeableConcept: { coding: [{ system: systems.staffRole, code: 'coordinator' }] } },
          ],
        },
      ],
    })
    for (const one of [named, member])
      t.equal((await send(await staffToken(one, 'user/*.rs'), 'GET', `Observation?patient=${ann}`)).statusCode, 200)
    await seal()
    const shown = wordsOf(await browser.get(page))
    t.match(shown, /A coordinator of the study Sleep \(no name given\) /)
    t.match(shown, /Somebody who works at lab or in a part of it \(no name given\) /)
    const spanish = wordsOf(await (await signedIn({ 'accept-language': 'es' }, ann)).get(page))
    t.match(spanish, /Una persona que coordina el estudio El sueño \(no ha dado su nombre\) /)
    t.match(spanish, /Alguien que trabaja en lab o en una parte de ella \(no ha dado su nombre\) /)
  },
)

t.test('a service that reads for a study without a person is called one, and whose it is', async t => {
  await registerClient(database, { id: 'night', name: 'Night job', organization: lab.organization, policies: [] })
  const night = await token({ subject: { kind: 'client' }, client: 'night', scope: 'system/Observation.rs' })
  t.equal((await send(night, 'GET', `Observation?patient=${ann}`)).json().entry.length, 1)
  await seal()
  t.match(wordsOf(await browser.get(page)), /Night job, a service of lab Looked for: Heart rate – for the study Sleep/)
  const spanish = await (await signedIn({ 'accept-language': 'es' }, ann)).get(page)
  t.match(wordsOf(spanish), /Night job, un servicio de lab Buscó: Frecuencia cardíaca – para el estudio El sueño/)
})

t.test('the name of whoever looked does not reverse what is beside it', async t => {
  const turned = await create('everything', {
    resourceType: 'Practitioner',
    name: [{ family: 'Doe\u202e' }],
  })
  const person = await create('everything', {
    resourceType: 'Person',
    name: [{ text: 'Doe\u202e' }],
    link: [{ target: { reference: `Practitioner/${turned.id}` } }],
  })
  await database.run(sql.fragment`
    INSERT INTO audit_record (epoch, recorded, client, interaction, type, patients, kinds, outcome, person)
    SELECT max(epoch), '2026-05-22T12:00:00Z', 'cli', 'read', 'Patient',
      ARRAY(SELECT patient_id FROM patient_compartment WHERE id = ${ann}), '{}', 200, ${person.id} FROM audit_epoch`)
  await seal()
  t.match((await browser.get(`${page}?from=2026-05-22&until=2026-05-22`)).body, '<strong>Doe</strong> through Command')
})

t.test('days are those of the reader’s time zone, from midnight to midnight', async t => {
  // Half past midnight of June 1 in Berlin; in New York it is half past six in the evening of May 31.
  await database.run(sql.fragment`
    INSERT INTO audit_record (epoch, recorded, client, interaction, type, patients, kinds, outcome)
    SELECT max(epoch), '2026-05-31T22:30:00Z', 'cli', 'read', 'Device',
      ARRAY(SELECT patient_id FROM patient_compartment WHERE id = ${ann}), '{}', 200 FROM audit_epoch`)
  await seal()
  const isShown = async (days: string) => /Read: devices/.test(wordsOf(await browser.get(`${page}?${days}`)))
  const berlin = 'timezone=Europe/Berlin'
  const newYork = 'timezone=America/New_York'
  t.strictSame(
    await Promise.all([
      isShown(`from=2026-06-01&until=2026-06-01&${berlin}`),
      isShown(`until=2026-05-31&${berlin}`),
      isShown(`from=2026-06-01&${newYork}`),
      isShown(`from=2026-05-31&until=2026-05-31&${newYork}`),
      isShown('from=2026-06-01'),
      isShown('from=2026-05-31&until=2026-05-31'),
      isShown('from=2026-05-31&until=2026-05-31&timezone=nowhere'),
    ]),
    [true, false, false, true, false, true, true],
    'and of UTC where none is known',
  )
  const shown = await browser.get(`${page}?from=2026-06-01&until=2026-06-01&${berlin}`)
  t.match(shown.body, /id="timezone"[^>]*value="Europe\/Berlin"|value="Europe\/Berlin"[^>]*id="timezone"/)
})

t.test('a failed attempt to sign in as the patient is shown', async t => {
  await seal()
  const before = wordsOf(await browser.get(page))
  await recordSignIn(database, { person: browser.person, outcome: 401 })
  await seal()
  const words = wordsOf(await browser.get(page))
  t.not(words, before)
  t.match(
    words,
    /UTC Somebody through the pages of this server Tried to sign in to your account, or to change something that needs its password refused/,
  )
  t.notMatch(words, /your app/, 'nobody claims that they did it themselves, or an app of theirs')
})

t.test('what one request did is shown together, each item once', async t => {
  const visits = async () => visitsIn((await browser.get(page)).body)
  const before = await visits()
  const entry = ['Observation?_count=1', `Observation?subject=Patient/${ann}`, 'Observation?code=unheard-of'].map(
    url => ({
      request: { method: 'GET', url },
    }),
  )
  const reader = await staffToken(researcher, 'user/Observation.rs')
  t.equal((await send(reader, 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })).statusCode, 200)
  await seal()
  t.equal(await visits(), before + 1)
  const [first = ''] = (await browser.get(page)).body.split('class="visit').slice(1)
  t.equal(wordsOf({ body: first }).match(/Looked for: Heart rate/g)?.length, 1)
  const pages = await signedIn({})
  pages.cookies.set(
    'sharewell-session',
    await startSession(database, { person: researcher.person, methods: ['pwd'], device: 'Test' }),
  )
  t.equal((await pages.get(`/studies/${sleep}`)).status, 200)
  await seal()
  t.equal(await visits(), before + 2, 'so is what one of our pages reads')
})

t.test('each request is shown by itself, whatever id its caller gives it', async t => {
  const visits = async () => visitsIn((await browser.get(page)).body)
  const before = await visits()
  const reader = await staffToken(researcher, 'user/Observation.rs')
  for (const _ of [1, 2, 3])
    await server.inject({
      url: `/fhir/Observation?subject=Patient/${ann}`,
      headers: { authorization: `Bearer ${reader}`, 'x-request-id': 'ever' },
    })
  await seal()
  t.equal(await visits(), before + 3)
})

t.test('what somebody does repeatedly is shown once, with each of its times', async t => {
  const cora = await participant(lab.manager, lab.organization, sleep, kinds, 'Cora')
  const coras = await signedIn({}, cora)
  const since = async (query = '') => {
    await seal()
    const [latest = ''] = (await coras.get(`${page}${query}`)).body.split('list-group-item').slice(1)
    return wordsOf({ body: latest.slice(latest.indexOf('>') + 1, latest.indexOf('</li>')) }).replace(
      /\d+ \w+ \d{4} at \d\d:\d\d UTC/g,
      'THEN',
    )
  }
  const reader = await token({
    subject: { kind: 'user', person: researcher.person },
    scope: 'user/Observation.rs',
    study: sleep,
  })
  const look = (code: string) => send(reader, 'GET', `Observation?subject=Patient/${cora}&code=${code}`)
  await look('8867-4')
  const allowed = 'for the study Sleep Your consent allowed it, as it stood in version 1'
  const searched = `Looked for, and was shown none: readings – ${allowed}`
  t.equal(await since(), `THEN Sleep-researcher through Command line ${searched}`)
  await look('8867-4')
  t.equal(
    // A new minute may have begun between the two.
    (await since()).replace(/^2 times between THEN and THEN/, '2 times, THEN'),
    `2 times, THEN Sleep-researcher through Command line ${searched} Each time : Sleep-researcher THEN ${searched} THEN ${searched}`,
  )
  await database.run(sql.fragment`
    INSERT INTO audit_record (epoch, recorded, person, practitioner, client, interaction, type, patients, kinds, outcome)
    SELECT epoch, recorded - interval '30 minutes', person, practitioner, client, 'read', 'Device', patients, kinds, outcome
    FROM audit_record WHERE client = 'cli' ORDER BY id DESC LIMIT 1`)
  t.equal(
    await since(),
    `3 times between THEN and THEN Sleep-researcher through Command line ${searched.replace(' Your', ' Read: devices Your')} Each time : Sleep-researcher THEN ${searched} THEN ${searched} THEN Read: devices`,
  )
  t.match(
    await since('?sort=oldest'),
    / Each time : lab-manager THEN Wrote: who you are THEN Wrote: your place in a study$/,
  )
  const spanish = wordsOf(await (await signedIn({ 'accept-language': 'es' }, cora)).get(page))
  t.match(spanish, /Buscó, sin que se le mostrara ninguna: mediciones/)
  t.match(spanish, /3 veces entre el \d+ de \w+ .* UTC y el \d+ de \w+ /)
})

t.test('a long list has pages', async t => {
  const reader = await staffToken(researcher, 'user/Observation.rs')
  const entry = Array.from({ length: 101 }, () => ({
    request: { method: 'GET', url: `Observation?subject=Patient/${ann}` },
  }))
  for (let batch = 0; batch < 3; batch += 1)
    await send(reader, 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })
  await seal()
  const first = await browser.get(page)
  const next = /href="([^"]*page=[^"]*)"/.exec(first.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const second = await browser.get(next)
  t.equal(second.status, 200)
  t.match(wordsOf(second), /Back to the latest/)
  t.match(second.body, /<title>[^<]+, continued – Sharewell</)
  t.not(second.body, first.body)
  const oldest = await browser.get(`${page}?sort=oldest`)
  const later = /href="([^"]*page=[^"]*)">Later/.exec(oldest.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const rest = await browser.get(later)
  t.match(wordsOf(rest), /Back to the oldest/)
  t.equal(visitsIn(oldest.body) + visitsIn(rest.body), visitsIn(first.body) + visitsIn(second.body))
})

t.test('for a long list only the events of the page are put together', async t => {
  const [{ definition = '' } = {}] = await database.any<{ definition: string }>(
    sql.fragment`SELECT pg_get_functiondef('audit_content'::regproc) AS definition`,
  )
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`CREATE SEQUENCE put_together;
    ${definition.replace('audit_content', 'audit_content_as_ever')};
    CREATE OR REPLACE FUNCTION audit_content(of_record bigint, of_id text, subjects text[], told text) RETURNS jsonb STABLE LANGUAGE sql
    AS $$ SELECT audit_content_as_ever(of_record, of_id, subjects, told) FROM (SELECT nextval('put_together')) AS noted $$`)
  const shown = await browser.get(page)
  t.match(wordsOf(shown), /Sleep-researcher/)
  const { rows } = await client.query('SELECT last_value::integer AS times FROM put_together')
  await client.query(definition)
  await client.end()
  t.strictSame(rows, [{ times: 301 }], 'and the one that shows that there is another page')
})

t.test('the page is in the language of the browser', async t => {
  const shown = await (await signedIn({ 'accept-language': 'es' }, bob)).get(page)
  t.match(shown.body, '<html lang="es">')
  t.match(wordsOf(shown), /Quién ha mirado sus datos .* Buscó: /)
  t.notMatch(shown.body, new RegExp(ann))
})

t.test('somebody without a record is shown nothing, and nobody is shown another’s', async t => {
  const nobody = await signedIn({})
  t.match(wordsOf(await nobody.get(page)), /Nobody did/)
  t.equal((await nobody.get(`${page}?record=${ann}`)).status, 404)
  t.match(await openBrowser(server).get(page), { status: 303, location: /^\/sign-in/ })
})

t.test('once something has aged, an empty list does not say that nobody did anything then', async t => {
  const long = `${page}?until=2020-01-01`
  t.match(wordsOf(await browser.get(long)), /Nobody did, at that time\. What you share/)
  await database.run(sql.fragment`
    INSERT INTO audit_checkpoint (seal, epoch, snapshot, head, rows, made, key, mac)
    SELECT 0, epoch, snapshot, head, 0, sealed, 'key', head FROM audit_seal ORDER BY seal LIMIT 1`)
  const told =
    /Nobody did, at that time\. What was recorded before \d+ \w+ \d{4} at \d\d:00 UTC may have been removed since: records/
  t.match(wordsOf(await browser.get(long)), told)
  const spanish = await signedIn({ 'accept-language': 'es' }, bob)
  t.match(
    wordsOf(await spanish.get(page)),
    /Lo que se registró antes del \d+ de .* puede haberse eliminado desde entonces/,
  )
})

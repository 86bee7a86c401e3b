import type { Consent, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../src/fhir/canonical.ts'
import { sql } from '../../src/storage/sql.ts'
import { point, upload } from '../mhealth/upload.ts'
import * as w from '../storage/model/world.ts'
import { type Browser, wordsOf } from '../support/browser.ts'
import * as facts from './facts.ts'
import { openSignedIn } from './signed-in.ts'
import { consentOf, openNoLeakWorld } from './world.ts'

/** What waits for staff is counted on their own page for those alone to whom the pages of the study show each of it. */
const world = await openNoLeakWorld()
const { server, database, everything } = world
t.teardown(() => server.close())
t.setTimeout(280_000)

const put = async (type: string, id: string | undefined, resource: object) => {
  const { status, body } = await everything('PUT', `${type}/${id}`, resource)
  if (status !== 200 && status !== 201) throw new Error(`${type}/${id}: ${body}`)
  return JSON.parse(body)
}
const studyOf = async (id: string): Promise<ResearchStudy> =>
  JSON.parse((await everything('GET', `ResearchStudy/${id}`)).body)

/** Whoever leads a study looks after what was refused, and confirms what was signed on paper. */
const leads: Readonly<Record<string, string>> = { open: 'collaborator', coded: 'keeper', naming: 'clinician' }
for (const { id } of facts.studies) {
  const study = await studyOf(id)
  const lead = leads[id]
  const others = (study.extension ?? []).filter(
    one => one.url !== extensions.staff || !JSON.stringify(one).includes(`Practitioner/${lead}`),
  )
  const investigator = lead === undefined ? [] : [w.works(lead, 'investigator')]
  const onPaper = { url: extensions.paperConsent, valueBoolean: true }
  await put('ResearchStudy', id, { ...study, extension: [...others, ...investigator, onPaper] })
}

const refused = [
  ['ann', 'ann-acme'],
  ['hal', undefined],
  ['jon', 'jon-acme'],
  ['pat', undefined],
  ['pat-elsewhere', undefined],
] as const
for (const [place, [patient, device]] of refused.entries()) {
  const time = { effective_time_frame: { date_time: '2026-03-01T12:00:00Z' } }
  const uuid = `2a6f3c1e-5b7d-4c2a-9e8f-${String(place).padStart(12, '0')}`
  const measured = { heart_rate: { value: 'many', unit: 'beats/min' }, ...time }
  const sent = upload(point('omh:heart-rate:2.0', measured, { uuid }), {
    subject: { reference: `Patient/${patient}` },
    device: device && { reference: `Device/${device}` },
  })
  const { body } = await everything('POST', 'Observation', sent)
  if (!body.includes('kept in quarantine')) throw new Error(body)
}

/** Of everybody else in a study something is recorded from paper, by several, whatever they have answered before. */
const keepTheirs = ['ann', 'eve']
/** What they share ends first: of one that is in force no other can be made. */
const givenBefore = (study: string, patient: string) =>
  facts.consents.find(one => one.patient === patient && one.to === `ResearchStudy/${study}` && !one.withdrawn)
const recorders = ['registrar', 'nobody', 'keeper'] as const
const papers = await Promise.all(
  facts.enrolments
    .filter(({ patient }) => !keepTheirs.includes(patient))
    .map(async ({ patient, study }, place) => {
      const practitioner = recorders[place % recorders.length] ?? ''
      const consent: Consent = consentOf({
        patient,
        to: `ResearchStudy/${study}`,
        status: 'proposed',
        permits: [{ kind: facts.heartRate, from: '2026-02-01' }],
        ...(study === 'naming' && { text: 1 }),
      })
      const before = givenBefore(study, patient)
      if (before?.status === 'active') await put('Consent', consent.id, consentOf({ ...before, status: 'inactive' }))
      const id = before?.status === 'proposed' ? consent.id : `paper-${study}-${patient}`
      const scan = { url: extensions.paperScan, valueReference: { reference: `Binary/${id}` } }
      const { meta } = await put('Consent', id, { ...consent, id, extension: [...(consent.extension ?? []), scan] })
      await database.run(sql.fragment`
      INSERT INTO paper_consent (consent_id, version, practitioner) VALUES (${id ?? ''}, ${meta.versionId}, ${practitioner})`)
      return { patient, subject: `${study}-${patient}`, practitioner }
    }),
)

await database.run(sql.fragment`
  INSERT INTO study_message (id, kind, patient, subject, study_id, channel, address, state, reason, ended_at)
  SELECT 'failed-' || id, 'reminder', patient, id, study_id, 'email', 'old@example.org', 'failed', 'The mail server refused it', now()
  FROM enrolment`)
/** What was said to them after that may say it again. */
await database.run(sql.fragment`
  INSERT INTO study_message (id, kind, patient, subject, study_id, channel, address, state, ended_at, made_at)
  SELECT 'sent-' || id, 'reminder', patient, id, study_id, 'email', 'new@example.org', 'sent', now(), now() + interval '1 second'
  FROM enrolment WHERE patient IN ('bob', 'gil')`)

type Counts = Readonly<Record<string, number>>
const countIn = (text = ''): number => (/^(one|a|the)$/i.test(text) ? 1 : Number(text.replace(',', '')))

/** What the page says that comes first, by the address to which it leads. */
const toldAtFirst = async (browser: Browser): Promise<Counts> => {
  const { body } = await browser.get('/account')
  const lines = [...body.matchAll(/<a href="(\/studies\/[^"]+)">[^<]*?: ([^<]*)<\/a>/g)]
  return Object.fromEntries(
    lines.map(([, at = '', text = '']) => [
      at,
      countIn(/^(a|\d+) |(?:to )(one|\d+) /.exec(text)?.slice(1).find(Boolean)),
    ]),
  )
}

/** Whose paper the reader finds on the list and can discard, which is not their own. */
const papersShown = async (browser: Browser, practitioner: string, study: string): Promise<number> => {
  const { body } = await browser.get(`/studies/${study}?state=paper`)
  const isListed = ({ patient, subject }: (typeof papers)[number]) =>
    [`/patients/${patient}?`, `/studies/${study}/people/${subject}?`].some(at => body.includes(at))
  const theirs = papers.filter(one => one.practitioner !== practitioner && isListed(one))
  const shown = await Promise.all(theirs.map(one => browser.get(`/studies/${study}/people/${one.subject}/paper`)))
  return shown.filter(one => /Discard this record/.test(wordsOf(one))).length
}

/** What the lists show to the same reader, as far as anything waits. */
const shownInLists = async (browser: Browser, practitioner: string): Promise<Counts> => {
  const counts = await Promise.all(
    facts.studies.map(async ({ id }) => {
      const page = `/studies/${id}`
      const list = wordsOf(await browser.get(`${page}/invitations?invited=failed`))
      const failed = /The (one) who is listed|All (\d+) who are listed/.exec(list)?.slice(1).find(Boolean)
      const quarantine = await browser.get(`${page}/quarantine`)
      const isLinked = (await browser.get(page)).body.includes(`href="${page}/quarantine"`)
      const documents = [...wordsOf(quarantine).matchAll(/(One|\d+) documents?(?=, )/g)]
      t.equal(quarantine.status === 200, isLinked, `${practitioner}: the way to the refused documents of ${id}`)
      return [
        [`${page}?state=paper`, await papersShown(browser, practitioner, id)],
        [`${page}/invitations?invited=failed`, failed === undefined ? 0 : countIn(failed)],
        [`${page}/quarantine`, documents.reduce((sum, [, number]) => sum + countIn(number), 0)],
      ] as const
    }),
  )
  return Object.fromEntries(counts.flat().filter(([, count]) => count > 0))
}

const signedIn = openSignedIn(world)
const told: Record<string, Counts> = {}

t.test('what waits for staff is counted as their own lists show it, and told to nobody else', async t => {
  for (const practitioner of facts.practitioners) {
    const { browser } = await signedIn(`person-${practitioner}`)
    const waiting = await toldAtFirst(browser)
    t.strictSame(waiting, await shownInLists(browser, practitioner), practitioner)
    if (Object.keys(waiting).length > 0) told[practitioner] = waiting
  }
  t.strictSame(told, {
    registrar: {
      '/studies/coded/invitations?invited=failed': 1,
      '/studies/naming/invitations?invited=failed': 1,
      '/studies/open?state=paper': 3,
      '/studies/open/invitations?invited=failed': 2,
      '/studies/over?state=paper': 1,
    },
    visitor: { '/studies/foreign?state=paper': 1, '/studies/foreign/quarantine': 1 },
    collaborator: {
      '/studies/open?state=paper': 5,
      '/studies/open/invitations?invited=failed': 2,
      '/studies/open/quarantine': 3,
    },
    keeper: { '/studies/coded?state=paper': 1, '/studies/coded/quarantine': 1 },
  })
})

t.test('patients are told of nothing that waits for staff', async t => {
  for (const person of ['person-ann', 'person-pat'])
    t.strictSame(await toldAtFirst((await signedIn(person)).browser), {}, person)
})

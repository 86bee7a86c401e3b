import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { peopleAccesses } from '../../../src/storage/audit/people-access.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { readDisclosures } from '../../../src/storage/audit/shown/disclosures.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { StudyPersonRow } from '../../../src/storage/study/study-people.ts'
import { openBrowser } from '../../support/browser.ts'
import { openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, create, staffToken, patientToken } = world
t.teardown(() => server.close())
const kinds = ['omh:heart-rate', 'omh:body-weight']
const { organization, manager } = await world.institution('clinic')
const study = await world.study(manager, organization, 'Hearts', kinds)
const ann = await world.participant(manager, organization, study.id, kinds, 'Anders')
const bob = await world.participant(manager, organization, study.id, kinds, 'Bauer')
const measured: Observation = {
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
  subject: { reference: `Patient/${ann}` },
  effectiveDateTime: '2026-03-01T12:00:00Z',
}
await create(await patientToken(ann, 'patient/Observation.cruds'), measured)
await staffToken(study.researcher, 'user/*.rs')
const { person } = study.researcher
const browser = openBrowser(server)
browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))

/** What each of them is told about the study's page being read, with this query in its address. */
const toldOf = async (query: string) => {
  const { now } = await database.one<{ now: Date }>(sql.fragment`SELECT clock_timestamp() AS now`)
  t.equal((await browser.get(`/studies/${study.id}?${query}`)).status, 200)
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  const told = async (patient: string) =>
    (await readDisclosures(database, { patient, since: now })).map(({ type, kinds, query, consents }) => ({
      type,
      kinds,
      query,
      consents: consents.length,
    }))
  return { ann: await told(ann), bob: await told(bob) }
}
const read = { type: 'ResearchSubject Patient Consent', kinds: [], query: null, consents: 0 }
const asked = { ...read, query: '_id=…&_count=2', type: 'ResearchSubject' }
const newest = { type: 'Observation', kinds: ['omh:heart-rate'], query: null, consents: 1 }

t.test(
  'reading the list of people reads their answers; whose newest reading it shows is told of that, too',
  async t => {
    const told = await toldOf('')
    t.strictSame(told.bob, [asked, read])
    t.strictSame(
      told.ann.toSorted((one, other) => String(one.type).localeCompare(String(other.type))),
      [newest, asked, read],
    )
  },
)

t.test('looking for somebody by name is recorded for them, even if the list leaves them out', async t => {
  const found = { ...read, type: 'ResearchSubject', query: 'find=…&state=withdrawn' }
  t.strictSame(await toldOf('find=bauer&state=withdrawn'), { ann: [], bob: [found] })
  t.strictSame(await toldOf('find=nobody&state=withdrawn'), { ann: [], bob: [] })
  t.strictSame(await toldOf('state=withdrawn'), { ann: [], bob: [] })
})

t.test(
  'what is said of somebody is their answer as well if it waits on paper, or stands though they have left',
  async t => {
    const row = { patientId: 1, subject: '{}', patient: null, state: 'none', isOnPaper: false, isLeftStanding: false }
    const rest = {
      answeredAt: null,
      isSilent: false,
      isEarlier: false,
      isByPaper: false,
      arrived: null,
      measured: null,
    }
    const typesOf = (said: Partial<StudyPersonRow>) => {
      const rows = [{ ...row, ...rest, kindId: null, ...said } as StudyPersonRow]
      const people = { rows, named: [], total: 1, ids: [], counts: {} }
      return peopleAccesses(loadRegistry(), { text: '' }, people).map(({ type }) => type)
    }
    const [place, answer] = [['ResearchSubject'], ['ResearchSubject Consent']]
    const cases: readonly (readonly [Partial<StudyPersonRow>, readonly string[] | undefined])[] = [
      [{ state: 'none' }, place],
      [{ state: 'none', isOnPaper: true }, answer],
      [{ state: 'ended' }, place],
      [{ state: 'ended', isLeftStanding: true }, answer],
      ...(['all', 'partly', 'nothing', 'declined', 'withdrawn'] as const).map(state => [{ state }, answer] as const),
    ]
    for (const [said, types] of cases) t.strictSame(typesOf(said), types, JSON.stringify(said))
  },
)

import type { Extension, Organization } from '@medplum/fhirtypes'
import t from 'tap'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const world = await w.openWorld()
t.teardown(world.close)
const { put, storeOf, see } = world
const importer = storeOf(w.client('importer', { policies: ['everything'] }))

/** Undefined if it is part of that now, else why it is not. */
const refusalOf = async (id: string, parent: string) => {
  const [written] = await importer.write([{ kind: 'update', id, resource: w.organization(id, parent) }])
  if (written?.outcome !== 'refused') return undefined
  t.match(written.error, { status: 422, issues: [{ expression: 'Organization.partOf' }] })
  return written.error.message
}
const partOf = async (id: string) =>
  (JSON.parse((await importer.read('Organization', id)).content) as Organization).partOf?.reference
const reads = (practitioner: string) => see(storeOf(w.staff(practitioner)), 'Observation')
const text = (version: string, words: string, ...recipients: readonly string[]): Extension => {
  const { extension = [], ...more } = w.patientText(version, words)
  const named = recipients.map(reference => ({ url: 'recipient', valueReference: { reference } }))
  return { ...more, extension: [...extension, ...named] }
}
const signs = (study: string, status: 'active' | 'inactive' = 'active') =>
  put(w.consent(study, 'ann', status, [w.permit(heartRate)]))

await put(w.organization('university'), w.organization('lab', 'university'), w.organization('annex', 'lab'))
await put(w.organization('hall', 'university'), w.organization('shop', 'hall'), w.organization('empty', 'university'))
await put(w.role('seller', 'shop', 'viewer'), w.registered('ann', 'lab'), w.measured('heart', 'ann', heartRate))
await put(w.study('s', 'lab', [w.requests(heartRate)]), w.enrols('s', 'ann'))

t.test('as long as nobody has consented, an organization with its people can move below that of a study', async t => {
  await put(w.consent('s', 'ann', 'proposed', [w.permit(heartRate)]))
  t.equal(await refusalOf('hall', 'lab'), undefined)
  t.equal(await refusalOf('hall', 'university'), undefined)
})

t.test('a move that would give people access to what was consented to without them is refused', async t => {
  await signs('s')
  for (const [moved, parent] of [
    ['hall', 'lab'],
    ['hall', 'annex'],
    ['shop', 'annex'],
  ] as const)
    t.equal(
      await refusalOf(moved, parent),
      'People who work in it, or below it, would read what was consented to ResearchStudy/s without them: it can move there once no such consent is in force, or nobody works in it or below it',
      `${moved} below ${parent}`,
    )
  t.strictSame([await partOf('hall'), await partOf('shop')], ['Organization/university', 'Organization/hall'])
  t.strictSame(await reads('seller'), [])
})

t.test('a study that is not running counts, since it may resume; so do future roles, but not past ones', async t => {
  await put(w.study('s', 'lab', [w.requests(heartRate)], 'in-review'))
  t.match(await refusalOf('hall', 'lab'), /ResearchStudy\/s/)
  await put(w.study('s', 'lab', [w.requests(heartRate)]), w.role('seller', 'shop', 'viewer', '2026-01-01'))
  t.equal(await refusalOf('hall', 'lab'), undefined)
  t.equal(await refusalOf('hall', 'university'), undefined)
  await put({ ...w.role('seller', 'shop', 'viewer'), period: { start: '2100-01-01' } } as ReturnType<typeof w.role>)
  t.match(await refusalOf('hall', 'lab'), /ResearchStudy\/s/)
  await put(w.role('seller', 'shop', 'viewer'))
})

t.test('a move that gives nobody access is allowed: without people, with present readers, and upwards', async t => {
  t.equal(await refusalOf('empty', 'lab'), undefined)
  await put(w.role('seller', 'annex', 'viewer'))
  t.equal(await refusalOf('hall', 'lab'), undefined, 'they work in the organization already')
  t.strictSame(await reads('seller'), ['heart'])
  t.equal(await refusalOf('annex', 'university'), undefined)
  t.equal(await refusalOf('annex', 'lab'), undefined, 'they also work there by the other role')
  t.equal(await refusalOf('hall', 'university'), undefined)
  await put(w.role('seller', 'annex', 'viewer', '2099-01-01'))
  t.match(await refusalOf('hall', 'lab'), /ResearchStudy\/s/, 'that role ends, and this one does not')
  await put({ ...w.role('seller', 'annex', 'viewer'), period: { start: '2100-01-01' } } as ReturnType<typeof w.role>)
  t.match(await refusalOf('hall', 'lab'), /ResearchStudy\/s/, 'that role begins later, and this one has begun')
  await put(w.role('seller', 'annex', 'viewer', '2026-01-01'))
})

t.test(
  'a study for its staff only restricts moves only if they would make staff members of its organization',
  async t => {
    const staffed = (...extension: readonly Extension[]) =>
      w.study('s', 'lab', [w.requests(heartRate), w.chooses('access', 'staff'), ...extension])
    await put(staffed())
    t.equal(await refusalOf('hall', 'lab'), undefined)
    t.strictSame(await reads('seller'), [])
    t.equal(await refusalOf('hall', 'university'), undefined)
    const forTheLab = text('2', 'For the lab alone.', 'Organization/lab')
    const seller = w.works('seller', 'researcher')
    await signs('s', 'inactive')
    const named = (...extension: readonly Extension[]) =>
      put(staffed(text('1', w.usualWords, 'Organization/lab'), forTheLab, ...extension))
    await named(seller)
    const consent = { ...w.signedAnew(w.consent('s', 'ann', 'active', [w.permit(heartRate)])), id: 'again' }
    const sourceAttachment = w.sourceOf('For the lab alone.')
    await put({ ...consent, sourceAttachment })
    t.match(await refusalOf('hall', 'lab'), /ResearchStudy\/s/)
    t.strictSame(await reads('seller'), [])
    await named(w.works('seller', 'researcher', '2026-01-01'))
    t.equal(await refusalOf('hall', 'lab'), undefined, 'their time as staff is over')
    t.equal(await refusalOf('hall', 'university'), undefined)
    await named(seller)
    t.match(await refusalOf('hall', 'lab'), /ResearchStudy\/s/)
    const over = w.consent('s', 'ann', 'active', [w.permit(heartRate, { period: { end: '2026-01-31' } })])
    await put({ ...w.signedAnew(over), id: 'again', sourceAttachment })
    t.equal(await refusalOf('hall', 'lab'), undefined, 'the time of all that was given is over')
  },
)

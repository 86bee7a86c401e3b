import type { Extension, Period, Resource, ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const world = await w.openWorld()
t.teardown(world.close)
const { put, see, storeOf } = world

const over: Period = { end: '2026-01' }
const toCome: Period = { start: '2999' }

type Given = {
  readonly access?: 'staff' | 'organization'
  /** Whether the text that people sign names the recipients: the organization, and the visitor. */
  readonly names?: true
  readonly status?: string
  readonly consent?: 'proposed'
  readonly permit?: Period
  /** Periods of the study, of those named as its staff, and of roles in its organization. */
  readonly study?: Period
  readonly staff?: Period
  readonly role?: Period
}

/**
 * A visitor is named as staff and works elsewhere. A colleague is named as staff and works in the study's organization. A member works there and is
 * not named. A service is a client of the organization. A neighbour and a stranger are the same of another organization, and see nothing.
 * Readers see who is in the study, unless others (seers) are given: people who are only asked, or were in a study that is over, can still be seen.
 */
const cases: readonly (readonly [name: string, given: Given, readers: string, seers?: string])[] = [
  ['what is only asked', { consent: 'proposed' }, '', 'colleague member visitor service'],
  ['a study that its organization reads', {}, 'colleague member visitor service'],
  ['one that its staff reads', { access: 'staff' }, 'colleague visitor service'],
  ['one that is over', { status: 'completed' }, '', 'colleague member visitor service'],
  ['one whose period is over', { study: over }, '', 'colleague member visitor service'],
  ['one that begins later', { study: toCome }, '', 'colleague member visitor service'],
  ['staff who were it', { access: 'staff', staff: over }, 'service'],
  ['staff who will be it', { access: 'staff', staff: toCome }, 'service'],
  ['members who were it', { role: over }, 'colleague visitor service'],
  ['members who will be it', { role: toCome }, 'colleague visitor service'],
  ['whom the text names', { names: true, access: 'staff' }, 'colleague visitor service'],
  ['by such a text, a study that its organization reads', { names: true }, 'colleague member visitor service'],
  ['by such a text, one that is over', { names: true, status: 'completed' }, '', 'colleague member visitor service'],
  ['by such a text, one that begins later', { names: true, study: toCome }, '', 'colleague member visitor service'],
  ['by such a text, staff who were it', { names: true, access: 'staff', staff: over }, 'service'],
  ['by such a text, staff who will be it', { names: true, access: 'staff', staff: toCome }, 'service'],
  ['by such a text, staff who worked there', { names: true, access: 'staff', role: over }, 'visitor service'],
  ['by such a text, staff who will work there', { names: true, access: 'staff', role: toCome }, 'visitor service'],
  ['by such a text, what is only asked', { names: true, consent: 'proposed' }, '', 'colleague member service'],
  ['by such a text, what was given for a time', { names: true, permit: over }, '', 'colleague member service'],
  ['by such a text, what is given later', { names: true, permit: toCome }, '', 'colleague member service'],
]

const words = 'We ask you to share your data.'
const callersOf = (id: string) => ({
  colleague: w.staff(`colleague-${id}`),
  member: w.staff(`member-${id}`),
  visitor: w.staff(`visitor-${id}`),
  service: w.client('service', { organization: id }),
  neighbour: w.staff('neighbour'),
  stranger: w.client('stranger', { organization: 'home' }),
})

const whoSees = async (type: ResourceType, id: string): Promise<string> => {
  const seeing = []
  for (const [one, caller] of Object.entries(callersOf(id))) {
    const seen = await see(storeOf(caller), type)
    if (seen.length > 0) seeing.push(seen.every(name => name.endsWith(`-${id}`)) ? one : `${one}, beyond it`)
  }
  return seeing.join(' ')
}

const textOf = (id: string, { names }: Given): Extension => {
  const { extension = [], ...text } = w.patientText('1', words)
  const recipients = names ? [`Organization/${id}`, `Practitioner/visitor-${id}`] : []
  const named = recipients.map(reference => ({ url: 'recipient', valueReference: { reference } }))
  return { ...text, extension: [...extension, ...named] }
}
const staffEntry = (practitioner: string, valuePeriod: Period | undefined): Extension => {
  const { extension = [], ...entry } = w.works(practitioner, 'collaborator')
  return { ...entry, extension: [...extension, ...(valuePeriod === undefined ? [] : [{ url: 'period', valuePeriod }])] }
}
const study = (id: string, given: Given): Resource =>
  ({
    ...w.study(
      id,
      id,
      [
        w.chooses('access', given.access ?? 'organization'),
        w.requests(heartRate),
        textOf(id, given),
        staffEntry(`visitor-${id}`, given.staff),
        staffEntry(`colleague-${id}`, given.staff),
      ],
      given.status,
    ),
    ...(given.study === undefined ? {} : { period: given.study }),
  }) as Resource
const role = (practitioner: string, id: string, period: Period | undefined): Resource =>
  ({ ...w.role(practitioner, id, 'viewer'), ...(period === undefined ? {} : { period }) }) as Resource

await put(w.organization('home'), w.role('neighbour', 'home', 'manager'))

for (const [index, [, given]] of cases.entries()) {
  const id = `study-${index}`
  const { names, access } = given
  const permit = given.permit === undefined ? {} : { period: given.permit }
  const usual = { ...(names && { names }), ...(access && { access }) }
  await put(w.organization(id), role(`colleague-${id}`, id, given.role), role(`member-${id}`, id, given.role))
  await put(w.registered(`ann-${id}`, 'home'), study(id, usual), w.enrols(id, `ann-${id}`))
  await put(w.consent(id, `ann-${id}`, given.consent ?? 'active', [w.permit(heartRate, permit)]), study(id, given))
  await put(w.measured(`heart-${id}`, `ann-${id}`, heartRate))
}

for (const [index, [name, , readers, seers = readers]] of cases.entries())
  t.test(
    `${name}: ${readers === '' ? 'nobody reads' : `${readers.split(' ').join(', ')} read`} what it is given`,
    async t => {
      const id = `study-${index}`
      t.equal(await whoSees('Observation', id), readers)
      t.equal(await whoSees('ResearchSubject', id), seers, 'who is in it')
      t.equal(await whoSees('Consent', id), seers, 'their answers')
    },
  )

t.test('being a recipient of one study shows nobody’s place in another study', async t => {
  await put(w.registered('bob', 'home'))
  for (const [id, status] of [
    ['study-given', 'active'],
    ['study-asked', 'proposed'],
  ] as const) {
    const { extension = [], ...text } = textOf(id, {})
    const recipients = [`Organization/${id}`, 'Practitioner/guest'].map(reference => ({
      url: 'recipient',
      valueReference: { reference },
    }))
    const named = { ...text, extension: [...extension, ...recipients] }
    await put(w.organization(id), w.study(id, id, [w.requests(heartRate), named, staffEntry('guest', undefined)]))
    await put(w.enrols(id, 'bob'), w.consent(id, 'bob', status, [w.permit(heartRate)]))
  }
  t.strictSame(await see(storeOf(w.staff('guest')), 'ResearchSubject'), ['study-given-bob'])
})

import type { Extension, Period, Resource } from '@medplum/fhirtypes'
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
  /** Whether the text that people sign names who receives: the organization, and the visitor. */
  readonly names?: true
  readonly status?: string
  /** Of the study, of those named as its staff, and of roles in its organization. */
  readonly study?: Period
  readonly staff?: Period
  readonly role?: Period
}

/**
 * A visitor is named as staff and works elsewhere, a colleague works in its organization as well, a member is named nowhere; a service is a
 * client of the organization.
 */
const cases: readonly (readonly [name: string, given: Given, readers: string])[] = [
  ['a study that its organization reads', {}, 'colleague member visitor service'],
  ['one that its staff reads', { access: 'staff' }, 'colleague visitor service'],
  ['one that is over', { status: 'completed' }, ''],
  ['one whose period is over', { study: over }, ''],
  ['one that begins later', { study: toCome }, ''],
  ['staff who were it', { access: 'staff', staff: over }, 'service'],
  ['staff who will be it', { access: 'staff', staff: toCome }, 'service'],
  ['members who were it', { role: over }, 'colleague visitor service'],
  ['members who will be it', { role: toCome }, 'colleague visitor service'],
  ['whom the text names', { names: true, access: 'staff' }, 'colleague visitor service'],
  ['by such a text, a study that its organization reads', { names: true }, 'colleague member visitor service'],
  ['by such a text, one that is over', { names: true, status: 'completed' }, ''],
  ['by such a text, one that begins later', { names: true, study: toCome }, ''],
  ['by such a text, staff who were it', { names: true, access: 'staff', staff: over }, 'service'],
  ['by such a text, staff who will be it', { names: true, access: 'staff', staff: toCome }, 'service'],
  ['by such a text, staff who worked there', { names: true, access: 'staff', role: over }, 'visitor service'],
  ['by such a text, staff who will work there', { names: true, access: 'staff', role: toCome }, 'visitor service'],
]

const words = 'We ask you to share your data.'
const callersOf = (id: string) => ({
  colleague: w.staff(`colleague-${id}`),
  member: w.staff(`member-${id}`),
  visitor: w.staff(`visitor-${id}`),
  service: w.client('service', { organization: id }),
})

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

for (const [index, [name, given, readers]] of cases.entries())
  t.test(
    `${name}: ${readers === '' ? 'nobody reads' : `${readers.split(' ').join(', ')} read`} what it is given`,
    async t => {
      const id = `study-${index}`
      const { names, access } = given
      const usual = { ...(names && { names }), ...(access && { access }) }
      await put(w.organization(id), role(`colleague-${id}`, id, given.role), role(`member-${id}`, id, given.role))
      await put(w.registered(`ann-${id}`, id), study(id, usual), w.enrols(id, `ann-${id}`))
      await put(w.consent(id, `ann-${id}`, 'active', [w.permit(heartRate)]), study(id, given))
      await put(w.measured(`heart-${id}`, `ann-${id}`, heartRate))
      const reading = []
      for (const [one, caller] of Object.entries(callersOf(id)))
        if ((await see(storeOf(caller), 'Observation')).length > 0) reading.push(one)
      t.equal(reading.join(' '), readers)
    },
  )

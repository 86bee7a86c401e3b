import type { Device, Extension } from '@medplum/fhirtypes'
import type { Organizer } from '../../accounts/organization/organizer.ts'
import { extensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { withValues } from '../../fhir/with-values.ts'
import { escaped } from '../../search/escape.ts'
import { codingOf } from './kind-coding.ts'
import { policyOf, withPolicy } from './validation-policy.ts'

/** Where data comes from, such as a model of wristband or an app: a Device without a patient. */
export type Source = SaidSource & {
  readonly id: string
  readonly version: string
  readonly isRetired: boolean
  /** Its validation policy, if it has one. */
  readonly policy: string | undefined
}

export type SaidSource = {
  /** What people call it. */
  readonly name: string
  readonly manufacturer: string
  readonly model: string
  /** Keys of the kinds of data that it delivers. */
  readonly kinds: readonly string[]
}

export type SourceProblems = {
  readonly name?: 'missing' | 'too-long'
  readonly manufacturer?: 'too-long'
  readonly model?: 'too-long'
}

export const sourceProblems = ({ name, manufacturer, model }: SaidSource): SourceProblems => ({
  ...(name.trim() === '' ? { name: 'missing' } : isTooLong(name) ? { name: 'too-long' } : {}),
  ...(isTooLong(manufacturer) ? { manufacturer: 'too-long' } : {}),
  ...(isTooLong(model) ? { model: 'too-long' } : {}),
})

const isTooLong = (text: string): boolean => text.trim().length > 200

export type SourceOrder = 'name' | 'manufacturer' | 'made'

type Asked = { readonly name: string; readonly order: SourceOrder; readonly cursor?: string | undefined }
type SourcePage = { readonly sources: readonly Source[]; readonly next?: string }

/** A page of the sources; `name` is a part of the name, or empty for all. */
export const findSourcePage = async (
  { find }: Organizer,
  classes: CodeClasses,
  { name, order, cursor }: Asked,
): Promise<SourcePage> => {
  const { entries, next } = await find<Device>(
    'Device',
    { ...sorts[order], _count: '50', ...(name === '' ? {} : { 'device-name:contains': escaped(name) }) },
    { cursor, where: { kind: 'source-device' } },
  )
  const sources = entries.map(({ resource, version }) => toSource(resource, version, classes))
  return { sources, ...(next === undefined ? {} : { next }) }
}

/** Resources come with the last made first if no order is asked for. */
const sorts: Readonly<Record<SourceOrder, Readonly<Record<string, string>>>> = {
  name: { _sort: 'device-name' },
  manufacturer: { _sort: 'manufacturer,device-name' },
  made: {},
}

/** Throws `not-found` for a Device of a patient. */
export const readSource = async ({ read }: Organizer, classes: CodeClasses, id: string): Promise<Source> => {
  const { resource, version } = await read<Device>('Device', id)
  if (resource.patient !== undefined) throw new FhirError('not-found', 'There is no such source')
  return toSource(resource, version, classes)
}

/** Those of the same manufacturer and model with exactly this name. */
export const findNamedSources = async (
  { find }: Organizer,
  { name, manufacturer, model }: Pick<SaidSource, 'name' | 'manufacturer' | 'model'>,
): Promise<readonly string[]> => {
  const query = { 'device-name:exact': escaped(name.trim()), _count: '100' }
  const { entries } = await find<Device>('Device', query, { where: { kind: 'source-device' } })
  return entries.flatMap(({ resource: { id = '', manufacturer: by = '', modelNumber = '' } }) =>
    by === manufacturer.trim() && modelNumber === model.trim() ? [id] : [],
  )
}

/** Makes it once with that id, and answers the id. */
export const makeSource = ({ make }: Organizer, id: string, said: SaidSource, classes: CodeClasses): Promise<string> =>
  make(withSaid({ resourceType: 'Device', status: 'active' }, said, classes), id)

type Shown = Pick<Source, 'id' | 'version'>

export const changeSource = (
  organizer: Organizer,
  shown: Shown,
  said: SaidSource,
  classes: CodeClasses,
): Promise<string> => change(organizer, shown, stored => withSaid(stored, said, classes))

/** What it has delivered stays, and so do the consents that name it. */
export const retireSource = (organizer: Organizer, shown: Shown): Promise<string> =>
  change(organizer, shown, stored => withValues(stored, { status: 'inactive' }))

export const restoreSource = (organizer: Organizer, shown: Shown): Promise<string> =>
  change(organizer, shown, stored => withValues(stored, { status: 'active' }))

export const setSourcePolicy = (organizer: Organizer, shown: Shown, policy: string | undefined): Promise<string> =>
  change(organizer, shown, stored => withPolicy(stored, policy))

export const isRetired = ({ status }: Device): boolean => status === 'inactive'

const change = ({ write }: Organizer, { id, version }: Shown, next: (stored: Device) => Device): Promise<string> =>
  write({ kind: 'patch', type: 'Device', id, ifMatch: version, change: stored => next(stored as Device) })

const toSource = (device: Device, version: string, classes: CodeClasses): Source => ({
  id: device.id ?? '',
  version,
  name: device.deviceName?.[0]?.name ?? '',
  manufacturer: device.manufacturer ?? '',
  model: device.modelNumber ?? '',
  kinds: deliveredKinds(device, classes),
  isRetired: isRetired(device),
  policy: policyOf(device),
})

/** Keys of the kinds of data that it delivers. */
export const deliveredKinds = ({ extension = [] }: Device, classes: CodeClasses): readonly string[] =>
  extension.flatMap(one => kindIn(one, classes) ?? [])

const kindIn = ({ url, valueCoding: { system, code } = {} }: Extension, classes: CodeClasses): string | undefined =>
  url === extensions.deliveredData && code !== undefined ? classes.classOf(system, code) : undefined

/** Whatever else is known of it stays, also kinds that are not known here. */
const withSaid = (device: Device, said: SaidSource, classes: CodeClasses): Device => {
  const manufacturer = said.manufacturer.trim() || undefined
  const modelNumber = said.model.trim() || undefined
  const { deviceName: names = [], extension: before = [], ...rest } = withValues(device, { manufacturer, modelNumber })
  const [name = { name: '', type: 'model-name' }, ...otherNames] = names
  const extension = [
    ...before.filter(one => !classes.kinds().some(({ key }) => key === kindIn(one, classes))),
    ...said.kinds.map(kind => ({ url: extensions.deliveredData, valueCoding: codingOf(kind, classes) })),
  ]
  return {
    ...rest,
    deviceName: [withValues(name, { name: said.name.trim() }), ...otherNames],
    ...(extension.length === 0 ? {} : { extension }),
  }
}

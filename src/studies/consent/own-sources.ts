import type { Device } from '@medplum/fhirtypes'
import { deviceNameOrId } from '../../fhir/display-name.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { namedId } from '../../fhir/reference.ts'
import { deliveredKinds, isRetired } from '../definition/source.ts'
import type { OwnRecord } from './own-record.ts'

/** The id and the name of a source Device. */
export type OwnSource = { readonly id: string; readonly name: string }

/**
 * For a kind of data, the sources from which somebody's comes or may come: those of their own devices first, then others that deliver it, by name.
 * What a source delivers is unknown if nobody has said it.
 */
export const findOwnSources = async (
  record: OwnRecord,
  classes: CodeClasses,
): Promise<(kind: string) => readonly OwnSource[]> => {
  const devices = await record.find<Device>('Device', { _count: '1000' }, record.ofHuman)
  const own = new Set(devices.flatMap(({ parent }) => namedId(parent, 'Device') ?? []))
  const query = { _sort: 'device-name', _count: '1000' }
  const sources = await record.find<Device>('Device', query, { kind: 'source-device' })
  const isOwn = ({ id = '' }: Device) => own.has(id)
  const ordered = [...sources.filter(isOwn), ...sources.filter(one => !isOwn(one) && !isRetired(one))]
  return kind =>
    ordered
      .filter(one => {
        const delivers = deliveredKinds(one, classes)
        return delivers.length === 0 ? isOwn(one) : delivers.includes(kind)
      })
      .slice(0, most)
      .map(one => ({ id: one.id ?? '', name: deviceNameOrId(one) }))
}

/** A longer list would be read by nobody. */
const most = 12

import type { Device, Extension } from '@medplum/fhirtypes'
import { isOfTime, resourceTypes, typeOfKind } from '../../access/shared-type.ts'
import { extensions } from '../../fhir/canonical.ts'
import { deviceNameOrId } from '../../fhir/display-name.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Words } from '../../messages/catalogue.ts'
import { displayOf, kindAsked } from '../definition/study-request.ts'
import { type OwnMeasures, ownMeasures } from './own-measures.ts'
import { nameOf, type OwnParts, type OwnRecord } from './own-record.ts'
import type { Sharing } from './own-sharing.ts'
import { findOwnSources, type OwnSource } from './own-sources.ts'
import { type AskedLine, nameOfLine } from './own-study.ts'

/** A kind that somebody may share for their care, from any device or from some. */
export type CareLine = AskedLine & {
  /** Their newest reading of it, by the name of the device that sent it; undefined if they have none. */
  readonly newest: { readonly measured: string | undefined; readonly device: string | undefined } | undefined
  /** Whether they have readings of it, or share it now; the others come after these. */
  readonly isOwn: boolean
}

type Of = {
  readonly record: OwnRecord
  /** What they share with this grantee now. */
  readonly sharings: readonly Sharing[]
  readonly words: Words
}

type CareLines = {
  readonly lines: readonly CareLine[]
  /** Whether it is known that there are no readings of the kinds that are not their own. */
  readonly areAllKnown: boolean
}

/** Their own kinds first, and then all others that the server knows, each by its name. */
export const careLines = async (parts: Pick<OwnParts, 'registry' | 'codeClasses'>, of: Of): Promise<CareLines> => {
  const { codeClasses } = parts
  const { record, sharings, words } = of
  const given = sharings.flatMap(({ kept, lines }) => (kept === undefined ? lines : []))
  const { byKind: measures, areAll } = await ownMeasures(record, parts)
  const own = new Set([...measures.keys(), ...given.map(({ kind }) => kind)])
  const devices = await devicesOf(record)
  const sourcesOf = await findOwnSources(record, codeClasses)
  const toLine = async (kind: string): Promise<CareLine> => {
    const last = measures.get(kind)
    const kindName = words.kind(kind, displayIn(kind, last, codeClasses))
    const used = [...(last?.devices ?? [])].flatMap(id => devices.get(id)?.source ?? [])
    const before = given.flatMap(one => (one.kind === kind ? (one.source ?? []) : []))
    return {
      kind,
      source: undefined,
      extension: asAsked(kind, codeClasses),
      name: nameOfLine({ kind, source: undefined }),
      kindName,
      what: words.say('choose.any-device', { kind: kindName }),
      reason: undefined,
      sources: isOfTime(kind) ? await withNames(record, [...used, ...before], sourcesOf(kind)) : [],
      newest: last && { measured: last.measured, device: devices.get(last.device ?? '')?.name },
      isOwn: own.has(kind),
    }
  }
  const kinds = new Set([...own, ...codeClasses.kinds().map(({ key }) => key)])
  const lines = await Promise.all([...kinds].map(toLine))
  const { compare } = new Intl.Collator(words.code, { numeric: true })
  const sorted = lines.toSorted(
    (one, other) => Number(other.isOwn) - Number(one.isOwn) || compare(one.kindName, other.kindName),
  )
  return { lines: sorted, areAllKnown: areAll }
}

/** Those that are used first. */
const withNames = async (
  record: OwnRecord,
  used: readonly string[],
  offered: readonly OwnSource[],
): Promise<readonly OwnSource[]> => {
  const nameById = new Map(offered.map(({ id, name }) => [id, name]))
  const first = await Promise.all(
    [...new Set(used)].map(async id => ({
      id,
      name: nameById.get(id) ?? (await nameOf(record, `Device/${id}`)) ?? id,
    })),
  )
  return [...first, ...offered.filter(({ id }) => !used.includes(id))]
}

/** As a study would ask for it. */
const asAsked = (kind: string, classes: CodeClasses): Extension => {
  const type = typeOfKind(kind)
  const what: Extension =
    type === undefined ? kindAsked(kind, classes) : { url: 'class', valueCoding: { system: resourceTypes, code: type } }
  return { url: extensions.requestedData, extension: [what] }
}

const displayIn = (kind: string, last: OwnMeasures | undefined, classes: CodeClasses): string =>
  classes.kinds().some(({ key }) => key === kind)
    ? displayOf(kind, classes)
    : (last?.display ?? displayOf(kind, classes))

/** By its id, the name of each Device of theirs, or of a source, and the id of its source. */
const devicesOf = async (record: OwnRecord) => {
  const found = await record.find<Device>('Device', { _count: '1000' })
  return new Map(
    found.map(device => {
      const { id = '', patient, parent } = device
      const source = patient === undefined ? id : namedId(parent, 'Device')
      return [id, { name: deviceNameOrId(device), source }] as const
    }),
  )
}

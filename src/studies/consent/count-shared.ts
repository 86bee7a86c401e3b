import type { Device } from '@medplum/fhirtypes'
import { readForStudy } from '../../access/questions.ts'
import { typeOfKind } from '../../access/shared-type.ts'
import { momentsOf, nearestInstant } from '../../fhir/date.ts'
import { unlessRefused } from '../../fhir/error.ts'
import { kindValueSetUrl } from '../../fhir/measured/kind-value-set.ts'
import { and, type Expression } from '../../search/expression.ts'
import type { Write } from '../../storage/store.ts'
import { type Choice, signingOf } from './own-consent.ts'
import type { OwnRecord } from './own-record.ts'
import type { AskedLine, StudyAsked } from './own-study.ts'

type Counts = ReadonlyMap<AskedLine, number>

/**
 * How many readings of each line, and of its days, the people of the study could see at this moment if these choices were signed: the consent is
 * written, the gate is asked, and the consent is rolled back. There is no count for a line that begins now, and none at all if counting takes too
 * long.
 */
export const countShared = async (asked: StudyAsked, choices: readonly Choice[], language: string): Promise<Counts> => {
  const { study, record, organization, text } = asked
  if (text === undefined) return new Map()
  const signing = signingOf(asked, choices, { hash: text.hash, language })
  return countReadable(record, choices, { signing, readable: readForStudy(organization.id, study.id ?? '') })
}

/** The same for whomever `readable` asks about, if `signing` were written. */
export const countReadable = async (
  record: OwnRecord,
  choices: readonly Choice[],
  { signing, readable }: { readonly signing: Write; readonly readable: Expression },
): Promise<Counts> => {
  const counted = choices.filter(
    ({ line, shares, from }) => shares && from !== '' && typeOfKind(line.kind) === undefined,
  )
  if (counted.length === 0) return new Map()
  const devices = await devicesBySource(record)
  const count = async (as: OwnRecord): Promise<Counts> => {
    const counts = new Map<AskedLine, number>()
    for (const choice of counted)
      counts.set(choice.line, await as.count('Observation', queryOf(choice, devices), and(record.ofHuman, readable)))
    return counts
  }
  return (await unlessRefused(() => record.trying(signing, count))) ?? new Map()
}

type Devices = ReadonlyMap<string | undefined, readonly string[]>

const devicesBySource = async (record: OwnRecord): Promise<Devices> => {
  const own = await record.find<Device>('Device', { _count: '1000' }, record.ofHuman)
  const bySource = Map.groupBy(own, ({ parent }) => parent?.reference)
  return new Map([...bySource].map(([source, devices]) => [source, devices.map(({ id }) => `Device/${id}`)]))
}

/**
 * Only readings of the line's own days: those of other days are seen by another line, or because the study keeps them. One that ends as the next day
 * begins is of its own days; for a search, its end goes on for as long as it is exact, at most a second.
 */
const queryOf = ({ line: { kind, source }, from, until }: Choice, devices: Devices): string[][] => {
  const own = `Device/${source}`
  const [start, end] = [momentsOf(from)?.low, momentsOf(until)?.high]
  return [
    ['code:in', kindValueSetUrl(kind)],
    ...(source === undefined ? [] : [['device', [own, ...(devices.get(own) ?? [])].join(',')]]),
    ...(start === undefined ? [] : [['date', `sa${nearestInstant(start - 1)}`]]),
    ...(end === undefined
      ? []
      : [
          ['date', `lt${nearestInstant(end)}`],
          ['date', `eb${nearestInstant(end + secondMs)}`],
        ]),
  ]
}

const secondMs = 1000

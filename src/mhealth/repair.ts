import { isNumber } from '../fhir/json.ts'
import { openMhealthMaps } from '../fhir/open-mhealth-maps.ts'
import { hasZone, toDateTime } from './date-time.ts'
import { effectiveOf, isConsistentDuration } from './effective.ts'
import { asRecord, type JsonRecord } from './json-tree.ts'

/** A tree as its schema wants it, and what had to be read differently, each with its JSON pointer. */
export type Repaired = { readonly tree: unknown; readonly notes: readonly { pointer: string; message: string }[] }

/**
 * Reads what devices are known to send against their schemas, where the meaning is beyond doubt:
 * other spellings of a unit, a duration beside start and end that agrees with them, a part of the day where the schema
 * wants times, a time without a zone (UTC), and answers that say nothing. The document itself is kept as it came.
 */
export const repair = (tree: unknown): Repaired => {
  const notes: { pointer: string; message: string }[] = []
  return { tree: repairNode(tree, '', (pointer, message) => notes.push({ pointer, message })), notes }
}

type Tell = (pointer: string, message: string) => void

const repairNode = (node: unknown, pointer: string, tell: Tell): unknown => {
  if (Array.isArray(node)) return node.map((one, index) => repairNode(one, `${pointer}/${index}`, tell))
  if (typeof node !== 'object' || node === null || isNumber(node)) return node
  const entries = Object.entries(node).map(([name, value]) => {
    const at = `${pointer}/${name}`
    return [name, repairEntry(name, repairNode(value, at, tell), message => tell(at, message))] as const
  })
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

const repairEntry = (name: string, value: unknown, tell: (message: string) => void): unknown => {
  if (name === 'time_interval') return repairInterval(asRecord(value) ?? {}, tell) ?? value
  if (typeof value !== 'string') return value
  if (name === 'unit') return repairWord(units.get(value), value, tell)
  if (name.endsWith('date_time')) return repairTime(value, tell)
  if (answers.has(name)) return repairAnswer(value, tell)
  return value
}

const units: ReadonlyMap<string, string> = new Map(
  openMhealthMaps.ucum.group
    .filter(({ source }) => source.endsWith('/open-mhealth-unit-variant'))
    .flatMap(({ element }) => element.flatMap(({ code, target }) => target.map(one => [code, one.code] as const))),
)

const repairWord = (meant: string | undefined, value: string, tell: (message: string) => void): string => {
  if (meant === undefined) return value
  tell(`"${value}" was read as "${meant}"`)
  return meant
}

const repairTime = (value: string, tell: (message: string) => void): string => {
  const dateTime = toDateTime(value)
  if (dateTime === undefined || hasZone(value)) return value
  tell(`"${value}" has no time zone and was read as UTC`)
  return dateTime
}

const answers = new Set([
  'temporal_relationship_to_meal',
  'temporal_relationship_to_sleep',
  'temporal_relationship_to_physical_activity',
  'body_posture',
  'measurement_location',
  'specimen_source',
])
const answerMeant = new Map([['during', 'during sleep']])

const repairAnswer = (value: string, tell: (message: string) => void): string | undefined => {
  if (!/^(?:unknown|unspecified|none|n\/a|)$/i.test(value)) return repairWord(answerMeant.get(value), value, tell)
  tell(`"${value}" says nothing and was left out`)
  return undefined
}

const repairInterval = (interval: JsonRecord, tell: (message: string) => void): JsonRecord | undefined => {
  const { start_date_time, end_date_time, duration, part_of_day } = interval
  if (start_date_time !== undefined && end_date_time !== undefined && duration !== undefined) {
    if (!isConsistentDuration(interval)) return undefined
    tell('start, end and duration were given; duration agrees and was left out')
    return { start_date_time, end_date_time }
  }
  return part_of_day === undefined ? undefined : repairPartOfDay(interval, tell)
}

const repairPartOfDay = (interval: JsonRecord, tell: (message: string) => void): JsonRecord | undefined => {
  const { element } = effectiveOf({ effective_time_frame: { time_interval: interval } }) ?? {}
  if (element === undefined || !('effectivePeriod' in element)) return undefined
  tell(`"${interval.part_of_day}" was read as a window of time in UTC`)
  return { start_date_time: element.effectivePeriod.start, end_date_time: element.effectivePeriod.end }
}

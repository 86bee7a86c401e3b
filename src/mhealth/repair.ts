import { isNumber } from '../fhir/json.ts'
import { hasSeconds, hasZone, toDateTime } from './date-time.ts'
import { versionText } from './document.ts'
import { effectiveOf, isConsistentDuration } from './effective.ts'
import { asRecord, type JsonRecord } from './json-tree.ts'
import { unitMeant } from './unit-spelling.ts'

/** A tree that is valid by its schema if possible, and what had to be read differently for that. */
export type Repaired = { readonly tree: unknown; readonly repairs: readonly Repair[] }

/** What was read differently at a JSON pointer. */
export type Repair = {
  readonly code: (typeof repairCodes)[number]
  readonly pointer: string
  readonly message: string
  readonly before: unknown
  /** Absent if it was dropped. */
  readonly after?: unknown
}

export const repairCodes = [
  'unit-spelling',
  'answer-spelling',
  'answer-empty',
  'time-zone-missing',
  'seconds-missing',
  'duration-beside-interval',
  'part-of-day',
  'version-number',
] as const

/**
 * Reads what devices are known to send in breach of their schemas, if the meaning is beyond doubt: other spellings of a unit; a duration beside
 * start and end that agrees with them; a part of the day in the place of times; a time without a zone (UTC) or seconds; a version that is a
 * number; and answers that say nothing. The document itself is kept as it was sent.
 */
export const repair = (tree: unknown): Repaired => {
  const repairs: Repair[] = []
  return { tree: repairNode(tree, { pointer: '', measure: '' }, one => repairs.push(one)), repairs }
}

type Told = Omit<Repair, 'pointer' | 'before'>

/** `measure`: the name of the field that the node is in. */
type Place = { readonly pointer: string; readonly measure: string }

const repairNode = (node: unknown, { pointer, measure }: Place, tell: (repair: Repair) => void): unknown => {
  if (Array.isArray(node))
    return node.map((one, index) => repairNode(one, { pointer: `${pointer}/${index}`, measure }, tell))
  if (typeof node !== 'object' || node === null || isNumber(node)) return node
  const entries = Object.entries(node).map(([name, value]) => {
    const at = `${pointer}/${name}`
    const inside = repairNode(value, { pointer: at, measure: name }, tell)
    const told = repairEntry(name, inside, measure)
    if (told === undefined) return [name, inside] as const
    tell({ ...told, pointer: at, before: value })
    return [name, told.after] as const
  })
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

const repairEntry = (name: string, value: unknown, measure: string): Told | undefined => {
  if (name === 'time_interval') return repairInterval(asRecord(value) ?? {})
  if (name === 'version' && measure === 'schema_id' && isNumber(value)) return repairVersion(value)
  if (typeof value !== 'string') return undefined
  if (name === 'unit') return repairWord('unit-spelling', unitMeant(value, measure), value)
  if (name.endsWith('date_time')) return repairTime(value)
  return answers.has(name) ? repairAnswer(value) : undefined
}

const repairWord = (code: Repair['code'], meant: string | undefined, value: string): Told | undefined =>
  meant === undefined ? undefined : { code, message: `"${value}" was read as "${meant}"`, after: meant }

const repairVersion = (value: unknown): Told => {
  const after = versionText(value)
  return { code: 'version-number', message: `the version is a number and was read as "${after}"`, after }
}

const repairTime = (value: string): Told | undefined => {
  const dateTime = toDateTime(value)
  if (dateTime === undefined) return undefined
  if (!hasZone(value))
    return { code: 'time-zone-missing', message: `"${value}" has no time zone and was read as UTC`, after: dateTime }
  const message = `"${value}" has no seconds and was read as the whole minute`
  return hasSeconds(value) ? undefined : { code: 'seconds-missing', message, after: dateTime }
}

const answers = new Set([
  'temporal_relationship_to_meal',
  'temporal_relationship_to_sleep',
  'temporal_relationship_to_physical_activity',
  'body_posture',
  'measurement_location',
  'specimen_source',
  'modality',
])
/** Other spellings of answers. */
export const answerMeant: ReadonlyMap<string, string> = new Map([
  ['during', 'during sleep'],
  ['self reported', 'self-reported'],
  ['self_reported', 'self-reported'],
])

const repairAnswer = (value: string): Told | undefined =>
  /^(?:unknown|unspecified|none|n\/a|)$/i.test(value)
    ? { code: 'answer-empty', message: `"${value}" says nothing and was left out` }
    : repairWord('answer-spelling', answerMeant.get(value), value)

const repairInterval = (interval: JsonRecord): Told | undefined => {
  const { start_date_time, end_date_time, duration, part_of_day } = interval
  if (start_date_time !== undefined && end_date_time !== undefined && duration !== undefined) {
    if (!isConsistentDuration(interval)) return undefined
    const message = 'start, end and duration were given; duration agrees and was left out'
    return { code: 'duration-beside-interval', message, after: { start_date_time, end_date_time } }
  }
  return part_of_day === undefined ? undefined : repairPartOfDay(interval)
}

/** The hours are not given, and the schema allows no dates, so it becomes any time of that date. */
const repairPartOfDay = (interval: JsonRecord): Told | undefined => {
  const { date, part_of_day } = interval
  const frame = { time_interval: { date, part_of_day } }
  if (effectiveOf({ effective_time_frame: frame }) === undefined) return undefined
  return {
    code: 'part-of-day',
    message: `"${part_of_day}" was read as a time of ${date}`,
    after: { start_date_time: `${date}T00:00:00Z`, end_date_time: `${date}T23:59:59Z` },
  }
}

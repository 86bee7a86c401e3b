import type { RequestedData } from '../definition/requested-data.ts'
import type { AskedLine, StudyAsked } from './own-study.ts'
import type { SharedTime } from './shared-line.ts'

/**
 * For what time the person shares the line now, perhaps as a part of more; `partly` if they share less than the line, several times, or only as long
 * as it may be read; undefined if nothing of it.
 */
export const givenOf = (
  { sharings }: Pick<StudyAsked, 'sharings'>,
  { kind, source }: RequestedData,
): SharedTime | 'partly' | undefined => {
  const ofKind = sharings.flatMap(({ lines }) => lines.filter(line => line.kind === kind))
  const whole = ofKind.find(line => line.source === source) ?? ofKind.find(line => line.source === undefined)
  const [time, ...others] = whole?.times ?? []
  if (time !== undefined && others.length === 0 && !isReadForATime(time)) return time
  return ofKind.some(line => source === undefined || line.source === undefined || line.source === source)
    ? 'partly'
    : undefined
}

/** The sources to which the person has narrowed a line, and for what time; undefined if it is another one from each. */
export const narrowedTo = (
  { sharings, lines }: Pick<StudyAsked, 'sharings' | 'lines'>,
  { kind, source, sources }: AskedLine,
): { readonly sources: readonly string[]; readonly time: SharedTime } | undefined => {
  if (source !== undefined || lines.filter(line => line.kind === kind).length > 1) return undefined
  const given = sharings.flatMap(sharing => sharing.lines.filter(line => line.kind === kind))
  const times = given.flatMap(line => line.times)
  const [time] = times
  const isKnown = given.every(line => sources.some(({ id }) => id === line.source) && line.times.length === 1)
  const isSame = times.every(one => one.from === time?.from && one.until === time?.until && !isReadForATime(one))
  return time !== undefined && isKnown && isSame ? { sources: given.map(line => line.source ?? ''), time } : undefined
}

const isReadForATime = ({ readFrom, readUntil }: SharedTime): boolean => (readFrom ?? readUntil) !== undefined

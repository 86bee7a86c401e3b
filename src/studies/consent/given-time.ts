import type { RequestedData } from '../definition/requested-data.ts'
import type { StudyAsked } from './own-study.ts'
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

const isReadForATime = ({ readFrom, readUntil }: SharedTime): boolean => (readFrom ?? readUntil) !== undefined

import { parseJson } from '../../fhir/json.ts'
import { isEnteredInError } from '../../fhir/measured/mistaken.ts'
import { offsetMs } from '../../fhir/timezone.ts'
import type { Words } from '../../messages/catalogue.ts'
import { isolated } from '../../messages/isolated.ts'
import type { Cell } from '../../operations/rows/csv.ts'
import { openNamedDevices } from '../../operations/rows/named-devices.ts'
import { type Reading, readingRows } from '../../operations/rows/reading-rows.ts'
import { answerNames } from '../page/answer-names.ts'
import { kindNames } from '../page/kind-names.ts'
import type { OwnReadings } from './own-readings-asked.ts'
import { textOf, timeText, valueText } from './reading-text.ts'

/** One Observation as its patient reads it. */
export type ReadingLine = {
  readonly id: string
  /** What was measured; undefined if it does not say so. */
  readonly what: string | undefined
  readonly values: readonly string[]
  /** Where on the body; undefined if it does not say so. */
  readonly bodySite: string | undefined
  readonly when: string
  readonly device: string | undefined
  readonly isMarked: boolean
}

/**
 * A day on which clocks are changed has an hour twice, so that there its times say which one they mean. `under`: the day of the heading below which
 * they stand.
 */
export const readingLines = async (
  own: Pick<OwnReadings, 'registry' | 'store' | 'codeClasses'>,
  found: readonly { readonly content: string }[],
  { timezone, under }: { readonly timezone: string; readonly under?: string },
  words: Words,
): Promise<readonly ReadingLine[]> => {
  const readings = found.map(({ content }) => parseJson(content) as Reading)
  const { learn, nameDevice } = openNamedDevices(own)
  await learn(readings)
  const answers = answerNames(words)
  const named = { nameKind: kindNames(own.codeClasses, words), nameDevice, answers }
  return readings.map(reading => {
    const rows = [...readingRows([reading], named)]
    const [start, end, name, code, , , , device] = (rows[0] ?? []).map(textOf)
    const what = name ?? code
    return {
      id: reading.id,
      what: what && isolated(what),
      values: rows.map(row => partText(row, words)),
      bodySite: reading.bodySite && answers.concept(reading.bodySite),
      when: timeText(start, end, {
        timezone,
        words,
        offset: changesClock(start, end, timezone),
        ...(under !== undefined && { under }),
      }),
      // What has no name, or may not be seen, is not called by its id.
      device: device?.startsWith('Device/') ? undefined : device,
      isMarked: isEnteredInError(reading),
    }
  })
}

const partText = (row: readonly Cell[], words: Words): string => {
  const [, , , , part, value, unit, , , , absent] = row
  return [textOf(part), valueText(value, textOf(unit), textOf(absent), words)]
    .flatMap(text => (text ? isolated(text) : []))
    .join(' ')
}

const changesClock = (start: string | undefined, end: string | undefined, timezone: string): boolean =>
  [start, end].some(time => {
    const moment = Date.parse(time ?? '')
    if (Number.isNaN(moment)) return false
    return offsetMs(moment - halfDayMs, timezone) !== offsetMs(moment + halfDayMs, timezone)
  })

const halfDayMs = 43_200_000

import { isOfTime } from '../../access/shared-type.ts'
import type { Choice } from '../../studies/consent/own-consent.ts'
import type { AskedLine, StudyAsked } from '../../studies/consent/own-study.ts'
import type { SharedLine, SharedTime } from '../../studies/consent/shared-line.ts'
import { boundOf, type Edge } from './period-days.ts'

type Given = Pick<StudyAsked, 'sharings'>

/** What is shared with the study now, and will not be once these choices are signed: a Consent that is signed anew gives nothing but what was chosen. */
export const endingLines = (asked: Given, choices: readonly Choice[]): readonly SharedLine[] => {
  const chosen = choices.filter(({ shares }) => shares)
  return givenLines(asked).flatMap(line => {
    const times = line.times.filter(time => !chosen.some(choice => isWithin(line, choice.line) && covers(choice, time)))
    return times.length === 0 ? [] : { ...line, times }
  })
}

/** What is shared with the study now though it no longer asks for it, so that it ends whatever is chosen. */
export const unaskedLines = (asked: Given & Pick<StudyAsked, 'lines'>): readonly SharedLine[] =>
  givenLines(asked).filter(line => !asked.lines.some(one => isWithin(line, one)))

/** Without what stays with the study after an end, which no signature takes back. */
const givenLines = ({ sharings }: Given): readonly SharedLine[] =>
  sharings.flatMap(({ kept, lines }) => (kept === undefined ? lines : []))

const isWithin = ({ kind, source }: SharedLine, asked: AskedLine): boolean =>
  kind === asked.kind && (asked.source === undefined || asked.source === source)

/** Without a chosen start, it begins with the signature. */
const covers = ({ line, from, until }: Choice, time: SharedTime): boolean =>
  !isOfTime(line.kind) ||
  (edgeAt(from || new Date().toISOString(), 'start') <= edgeAt(time.from, 'start') &&
    edgeAt(time.until, 'end') <= edgeAt(until, 'end'))

const edgeAt = (text: string | undefined, edge: Edge): number =>
  boundOf(text ?? '', edge) ?? (edge === 'start' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY)

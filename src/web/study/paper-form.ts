import { languageName } from '../../fhir/language.ts'
import { isTimezone } from '../../fhir/timezone.ts'
import { languageCodes, wordsFor } from '../../messages/catalogue.ts'
import type { PaperAsked, recordPaper } from '../../studies/consent/paper-consent.ts'
import { reasonAgainstDay } from '../../studies/consent/paper-day.ts'
import type { PaperText } from '../../studies/consent/paper-text.ts'
import { selectField } from '../page/choice-field.ts'
import { field, fileField, type Option, postForm, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import type { SentFile } from '../page/sent-file.ts'
import { typed } from '../page/typed.ts'
import { calendarOf, dayAsked, dayShown } from '../page/typed-day.ts'
import { choiceFields, choiceProblems } from '../sharing/choice-form.ts'
import { type ChoiceState, emptyState, typedChoices } from '../sharing/sharing-choice.ts'

export const mostScanBytes = 10_000_000

export type PaperState = {
  readonly signedOn: string
  readonly language?: string
  readonly choices?: ChoiceState
  readonly isNothing?: boolean
  /** Whether the form was shown with a text that is no longer the one to be signed. */
  readonly isOvertaken?: boolean
  readonly problems?: {
    readonly signedOn?: string | undefined
    readonly language?: string | undefined
    readonly scan?: string | undefined
  }
}

type Signed = Parameters<typeof recordPaper>[1]

type Typed =
  | { readonly kind: 'signed'; readonly signed: Signed }
  | { readonly kind: 'refused'; readonly status: 409 | 413 | 422; readonly state: PaperState }

/** What was typed and sent. The type of a file is recognised by its first bytes. */
export const typedPaper = (body: unknown, paper: PaperAsked, scan: SentFile): Typed => {
  const signedOn = dayAsked(typed(body, 'signedOn'))
  const language = typed(body, 'language')
  const chosen = typedChoices(body, paper.asked, wordsFor('en'), signedOn)
  const { timezone } = chosen.state
  const day = { signedOn, timezone: isTimezone(timezone) ? timezone : 'UTC' }
  const bytes = scan.kind === 'file' ? scan.bytes : Buffer.alloc(0)
  const contentType = typeOf(bytes)
  const problems = {
    signedOn: isPastDay(signedOn)
      ? reasonAgainstDay(paper, day)
      : 'Enter the date on the paper, with its month as a word, such as 31 January 2026',
    language: languagesOf(paper.text).some(({ value }) => value === (language || 'en')) ? undefined : noLanguage,
    scan: problemOf(scan, contentType),
  }
  const state = { signedOn, language, choices: chosen.state }
  if (typed(body, 'text') !== paper.text?.digest)
    return { kind: 'refused', status: 409, state: { ...state, isOvertaken: true } }
  if (chosen.kind === 'chosen' && Object.values(problems).every(one => one === undefined) && contentType !== undefined)
    return { kind: 'signed', signed: { choices: chosen.choices, ...day, scan: { contentType, bytes } } }
  const isNothing = chosen.kind === 'problems' && chosen.isNothing
  const status = scan.kind === 'too-large' ? 413 : 422
  return {
    kind: 'refused',
    status,
    state: { ...state, isNothing, problems: { ...problems, scan: problems.scan ?? scanAgain } },
  }
}

const isPastDay = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) &&
  new Date(`${text}T00:00:00Z`).toJSON()?.slice(0, 10) === text &&
  // Somewhere on earth it is that day already.
  Date.parse(text) <= Date.now() + 14 * 60 * 60 * 1000

/** A text without a language counts as one in each. */
const languagesOf = (text: PaperText | undefined): readonly Option[] => {
  const written = text?.languages ?? []
  return (written.length === 0 ? languageCodes : written).map(code => ({ value: code, label: languageName(code) }))
}

const problemOf = (scan: SentFile, contentType: string | undefined): string | undefined => {
  if (scan.kind === 'too-large') return tooLarge
  if (contentType !== undefined) return undefined
  return scan.kind === 'file' ? otherKind : noScan
}

const noLanguage = 'There is no text in this language, so nobody can have signed it'
const tooLarge = `The file is larger than ${mostScanBytes / 1_000_000} MB: scan it at a lower resolution`
const otherKind = 'The file is no PDF, JPEG or PNG, whatever it is called: save the scan as one of these, and choose it'
const noScan = 'Choose the scan: a PDF, a JPEG or a PNG'
/** A page cannot put a file back into its field. */
const scanAgain = 'Choose the scan again: it was not kept'

const typeOf = (bytes: Buffer): string | undefined =>
  signatures.find(([, start]) => bytes.subarray(0, start.length).equals(start))?.[0]

const signatures = [
  ['application/pdf', Buffer.from('%PDF-')],
  ['image/jpeg', Buffer.from([0xff, 0xd8, 0xff])],
  ['image/png', Buffer.from([0x89, 0x50, 0x4e, 0x47])],
] as const

type Form = {
  readonly page: string
  readonly token: string
  readonly paper: PaperAsked
  readonly state: PaperState
}

export const paperForm = ({ page, token, paper: { asked, text }, state }: Form): Html => {
  const { lines } = asked
  const { signedOn, language = 'en', choices = emptyState, isNothing = false, problems = {} } = state
  const nothing = isNothing ? 'Nothing is shared on this paper, so there is nothing to record' : undefined
  const wrong = [
    { name: 'signedOn', problem: problems.signedOn },
    { name: 'language', problem: problems.language },
    { name: 'choices', problem: nothing },
    ...choiceProblems(lines, choices, wordsFor('en')),
    { name: 'scan', problem: problems.scan },
  ]
  return html`${problemList(wrong)}
${postForm(
  {
    action: page,
    token,
    hidden: { text: text?.digest },
    hasFile: true,
    id: 'choices',
    isTyped: choices.isTyped,
    novalidate: true,
  },
  html`${field({ name: 'signedOn', label: 'Date on the paper', hint: 'Such as 31 January 2026', value: dayShown(signedOn, wordsFor('en')), ...calendarOf(signedOn, wordsFor('en')), problem: problems.signedOn, autocomplete: 'off' })}
${selectField({ name: 'language', label: 'Language of the paper', value: language, problem: problems.language, choices: languagesOf(text) })}
<p>Enter what is on the paper, line by line.</p>
${choiceFields(lines, choices, wordsFor('en'), 'paper')}
${fileField({ name: 'scan', label: 'Scan of the paper', hint: `A PDF, a JPEG or a PNG of at most ${mostScanBytes / 1_000_000} MB, with the signature`, problem: problems.scan, accept: 'application/pdf,image/jpeg,image/png' })}
<button class="btn btn-primary">Record the consent</button>`,
)}`
}

import { languages, wordsFor } from '../messages/catalogue.ts'
import type { StudyAsked } from '../studies/own-study.ts'
import { type PaperAsked, reasonAgainstDay, type recordPaper } from '../studies/paper-consent.ts'
import { selectField } from './choice-field.ts'
import { field, problemList, typed } from './form.ts'
import { type Html, html } from './html.ts'
import type { SentFile } from './sent-file.ts'
import { type ChoiceState, choiceFields, choiceProblems, emptyState, typedChoices } from './sharing-choice.ts'

export const mostScanBytes = 10_000_000

export type PaperState = {
  readonly signedOn: string
  readonly language?: string
  readonly choices?: ChoiceState
  readonly isNothing?: boolean
  readonly problems?: { readonly signedOn?: string | undefined; readonly scan?: string | undefined }
}

type Signed = Parameters<typeof recordPaper>[1]

type Typed =
  | { readonly kind: 'signed'; readonly signed: Signed }
  | { readonly kind: 'problems'; readonly state: PaperState }

/** What was typed and sent; a file says by its first bytes what it is. */
export const typedPaper = (body: unknown, paper: PaperAsked, scan: SentFile): Typed => {
  const signedOn = typed(body, 'signedOn').trim()
  const chosen = typedChoices(body, paper.asked, wordsFor('en'), signedOn)
  const bytes = scan.kind === 'file' ? scan.bytes : Buffer.alloc(0)
  const contentType = typeOf(bytes)
  const problems = {
    signedOn: isPastDay(signedOn)
      ? reasonAgainstDay(paper, signedOn)
      : 'Enter the day on the paper, such as 2026-01-31',
    scan: scan.kind === 'too-large' ? tooLarge : contentType === undefined ? noScan : undefined,
  }
  if (chosen.kind === 'chosen' && problems.signedOn === undefined && contentType !== undefined)
    return { kind: 'signed', signed: { choices: chosen.choices, signedOn, scan: { contentType, bytes } } }
  const isNothing = chosen.kind === 'problems' && chosen.isNothing
  const language = typed(body, 'language')
  return { kind: 'problems', state: { signedOn, language, choices: chosen.state, isNothing, problems } }
}

const isPastDay = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) &&
  new Date(`${text}T00:00:00Z`).toJSON()?.slice(0, 10) === text &&
  // Wherever it is that day already.
  Date.parse(text) <= Date.now() + 14 * 60 * 60 * 1000

const tooLarge = `The file is larger than ${mostScanBytes / 1_000_000} MB: scan it with fewer points`
const noScan = 'Choose the scan: a PDF, a JPEG or a PNG'

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
  readonly asked: StudyAsked
  readonly state: PaperState
}

export const paperForm = ({ page, token, asked: { lines }, state }: Form): Html => {
  const { signedOn, language = 'en', choices = emptyState, isNothing = false, problems = {} } = state
  const nothing = isNothing ? 'Nothing is shared on this paper: then there is nothing to record' : undefined
  const wrong = [
    { name: 'signedOn', problem: problems.signedOn },
    { name: 'choices', problem: nothing },
    ...choiceProblems(lines, choices),
    { name: 'scan', problem: problems.scan },
  ]
  return html`${problemList(wrong)}
<form method="post" action="${page}" enctype="multipart/form-data" id="choices"${choices.isTyped && html` data-typed`} novalidate>
<input type="hidden" name="_csrf" value="${token}">
${field({ name: 'signedOn', label: 'Day on the paper', hint: 'Year, month and day, such as 2026-01-31', value: signedOn, problem: problems.signedOn, autocomplete: 'off' })}
${selectField({ name: 'language', label: 'Language of the paper', value: language, choices: languages.map(({ code, name }) => ({ value: code, label: name })) })}
<p>What is on the paper, line by line.</p>
${choiceFields(lines, choices, wordsFor('en'), 'paper')}
<div class="field mb-4${problems.scan && ' wrong'}">
<label for="scan" class="form-label fw-semibold">Scan of the paper</label>
<p class="form-text mt-0" id="scan-hint">A PDF, a JPEG or a PNG of at most ${mostScanBytes / 1_000_000} MB, with the signature</p>
${problems.scan && html`<p class="invalid-feedback d-block mt-0" id="scan-problem">${problems.scan}</p>`}
<input class="form-control${problems.scan && ' is-invalid'}" id="scan" name="scan" type="file" accept="application/pdf,image/jpeg,image/png" required aria-describedby="scan-hint${problems.scan && ' scan-problem'}">
</div>
<button class="btn btn-primary">Record it</button>
</form>`
}

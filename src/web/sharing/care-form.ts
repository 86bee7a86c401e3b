import { isOfTime } from '../../access/shared-type.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import { type CareAsked, digestOfCare } from '../../studies/consent/care-asked.ts'
import type { CareLine } from '../../studies/consent/care-lines.ts'
import { answerShown } from '../../studies/consent/own-study.ts'
import { postForm, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { dayOrMoment, phrase } from '../page/time.ts'
import { choiceProblems, lineFields, withDays } from './choice-form.ts'
import { type ChoiceState, givenState } from './sharing-choice.ts'

export const carePath = ({ kind, id }: Pick<CareAsked['grantee'], 'kind' | 'id'>): string =>
  `/sharing/with/${kind}/${encodeURIComponent(id)}`

/** What the button says by which they end what they share, or say no to what an app has proposed; undefined if there is nothing to end. */
export const saysNo = (
  { consent, grantee }: Pick<CareAsked, 'consent' | 'grantee'>,
  { say }: Words,
): string | undefined => {
  const key = noTexts[consent?.status ?? '']
  return key && say(key, { who: grantee.name })
}

const noTexts: Readonly<Record<string, Key>> = { active: 'care.stop', proposed: 'care.decline' }
const nothingTexts: Readonly<Record<string, Key>> = { active: 'care.nothing-now', proposed: 'care.nothing-asked' }

/** For links and redirections, if the person acts for several. */
export const careAddress = (
  { grantee, record, whose }: CareAsked,
  told: Readonly<Record<string, string>> = {},
  step: '' | '/copy' = '',
): string => {
  const query = new URLSearchParams({ ...(whose === undefined ? {} : { record: record.patient }), ...told }).toString()
  return `${carePath(grantee)}${step}${query && '?'}${query}`
}

/** What every form about it sends, so that nobody signs what they have not read, or for somebody else. */
export const careHidden = (asked: CareAsked, words: Words, chosen?: Parameters<typeof digestOfCare>[1]) => ({
  record: asked.record.patient,
  shown: digestOfCare(asked, chosen),
  answer: answerShown({ consent: asked.consent, deleted: undefined }),
  language: words.code,
})

/** Of what somebody has readings they say whether they share it. Of all else nothing is shared unless they choose it. */
export const careState = (asked: CareAsked, timezone = ''): ChoiceState => {
  const state = givenState(asked, timezone)
  const others = new Set(othersOf(asked))
  const lines = [...state.lines].map(
    ([name, line]) => [name, others.has(name) ? { ...line, shares: 'no' as const } : line] as const,
  )
  return { ...state, lines: new Map(lines) }
}

/** What was sent, with a no to all else that is not mentioned. */
export const withUnsaid = (body: unknown, asked: CareAsked): unknown => ({
  ...Object.fromEntries(othersOf(asked).map(name => [name, 'no'])),
  ...(typeof body === 'object' ? body : undefined),
})

const othersOf = ({ lines }: CareAsked): readonly string[] => lines.flatMap(({ isOwn, name }) => (isOwn ? [] : name))

type Shown = { readonly token: string; readonly isNothing: boolean; readonly name: string }

/** Going on is beside stopping, or beside cancelling, and looks the same. */
export const careForm = (
  asked: CareAsked,
  state: ChoiceState,
  words: Words,
  { token, isNothing, name }: Shown,
): Html => {
  const { lines, consent, grantee } = asked
  const { say } = words
  const page = carePath(grantee)
  const who = grantee.name
  const nothing = say(nothingTexts[consent?.status ?? ''] ?? 'care.nothing', { who })
  const problems = choiceProblems(lines, state, words)
  const no = saysNo(asked, words)
  const end = no
    ? html`<button formaction="${page}/decline" class="btn btn-primary">${no}</button>`
    : html`<a class="btn btn-primary" href="/sharing">${say('care.cancel')}</a>`
  return html`${problemList([...(isNothing ? [{ name: 'choices', problem: nothing }] : []), ...problems], say('check'))}
${postForm(
  {
    action: page,
    token,
    hidden: { ...careHidden(asked, words), name: name || undefined },
    id: 'choices',
    isTyped: state.isTyped,
    novalidate: true,
  },
  html`${withDays(kindsShown(asked, state, words), state, words)}
<div class="d-flex flex-wrap gap-3 mt-4">
<button class="btn btn-primary">${say('choose.go-on')}</button>
${end}
</div>`,
)}`
}

const kindsShown = ({ lines, areAllKnown }: CareAsked, state: ChoiceState, words: Words): readonly Html[] => {
  const { say } = words
  const shown = (line: CareLine) => lineFields(line, state.lines.get(line.name), words, 'choose', newest(line, words))
  const own = lines.filter(({ isOwn }) => isOwn)
  const others = lines.filter(({ isOwn }) => !isOwn)
  return [
    ...(own.length > 0 ? [html`<h3 class="fs-4">${say('care.own')}</h3>`] : []),
    ...own.map(shown),
    html`<details class="mb-4"${(own.length === 0 || others.some(one => isOpen(one, state))) && html` open`}>
<summary class="fs-4 fw-semibold">${say(areAllKnown ? 'care.others' : 'care.others-unknown')}</summary>
${others.map(
  one => html`<details class="ms-3 my-2"${isOpen(one, state) && html` open`}>
<summary>${one.kindName}</summary>
${shown(one)}
</details>`,
)}
</details>`,
  ]
}

/** Nothing that was chosen, and nothing that is wrong, is hidden. */
const isOpen = ({ name }: CareLine, { lines }: ChoiceState): boolean => {
  const { shares, problem } = lines.get(name) ?? {}
  return problem !== undefined || shares !== 'no'
}

const newest = ({ kind, newest: last }: CareLine, words: Words): Html | undefined => {
  if (last?.measured === undefined || !isOfTime(kind)) return undefined
  const when = dayOrMoment(last.measured, words)
  const said =
    last.device === undefined
      ? phrase(words, 'care.newest', { when })
      : phrase(words, 'care.newest-device', { when, device: last.device })
  return html`<p class="text-body-secondary">${said}</p>`
}

import { isOfTime } from '../../access/shared-type.ts'
import type { Words } from '../../messages/catalogue.ts'
import { type AskedLine, answerShown, digestOfShown, type StudyAsked } from '../../studies/consent/own-study.ts'
import { box, field, postForm, problemList, putBack } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { calendarOf } from '../page/typed-day.ts'
import { edgeShown } from './period-days.ts'
import {
  type ChoiceState,
  type DayField,
  declineKey,
  type Filling,
  type LineState,
  sourceField,
} from './sharing-choice.ts'

/** Saying no is beside going on, and looks the same. */
export const choiceForm = (
  asked: StudyAsked,
  state: ChoiceState,
  words: Words,
  { token, isNothing, name }: { readonly token: string; readonly isNothing: boolean; readonly name: string },
): Html => {
  const { study, lines } = asked
  const { say } = words
  const page = `/sharing/${study.id}`
  const problems = choiceProblems(lines, state, words)
  const nothing = isNothing ? [{ name: 'choices', problem: say('choose.nothing') }] : []
  return html`${problemList([...nothing, ...problems], say('check'))}
${postForm(
  {
    action: page,
    token,
    hidden: {
      shown: digestOfShown(asked),
      hash: asked.text?.hash,
      answer: answerShown(asked),
      language: words.code,
      name: name || undefined,
    },
    id: 'choices',
    isTyped: state.isTyped,
    novalidate: true,
  },
  html`${choiceFields(lines, state, words)}
<div class="d-flex flex-wrap gap-3 mt-4">
<button class="btn btn-primary">${say('choose.go-on')}</button>
<button formaction="${page}/decline" class="btn btn-primary">${say(declineKey(asked))}</button>
</div>`,
)}`
}

export const choiceProblems = (lines: StudyAsked['lines'], state: ChoiceState, { say }: Words) => [
  ...lines.flatMap(({ name }) => {
    const { problem, wrong = [] } = state.lines.get(name) ?? {}
    if (wrong.length === 0) return [{ name: `${name}-yes`, problem }]
    return wrong.map(day => ({ name: `${name}-${day}`, label: say(`choose.${day}`), problem }))
  }),
  { name: 'timezone', problem: state.timezoneProblem },
]

/** The part of a form with all lines: whether each is shared, from when and until when, and the time zone of the days. */
export const choiceFields = (
  lines: StudyAsked['lines'],
  state: ChoiceState,
  words: Words,
  filling: Filling = 'choose',
): readonly Html[] => {
  const fieldsets = lines.map(line => lineFields(line, state.lines.get(line.name), words, filling))
  return lines.some(({ kind }) => isOfTime(kind)) ? withDays(fieldsets, state, words, filling) : fieldsets
}

/** How days are written and what they mean, then the lines, and then the time zone of their days. */
export const withDays = (
  lines: readonly Html[],
  state: ChoiceState,
  { say }: Words,
  filling: Filling = 'choose',
): readonly Html[] => {
  const hints = [
    say('choose.days-hint'),
    ...([...state.lines.values()].some(hasMoment) ? [say('choose.moment-hint')] : []),
  ]
  return [
    html`<p>${hints.join(' ')}</p>`,
    ...(filling === 'choose' ? [html`<p>${say('choose.days-text')}</p>`] : []),
    ...lines,
    field({
      name: 'timezone',
      label: say('chart.timezone'),
      hint: say('choose.timezone-hint'),
      value: state.timezone,
      problem: state.timezoneProblem,
      autocomplete: putBack,
      optional: true,
    }),
  ]
}

const hasMoment = ({ from, until }: LineState): boolean => from.includes(':') || until.includes(':')

/** What was to end would go on if the browser put back the radio buttons and not the days, so these are put back as well. */
export const lineFields = (
  line: AskedLine,
  state: LineState | undefined,
  words: Words,
  filling: Filling,
  /** What else is said of it. */
  note?: Html,
): Html => {
  const { say } = words
  const { name, what, kind } = line
  const { problem, wrong = [] } = state ?? {}
  const isChoice = problem !== undefined && wrong.length === 0
  const radio = (value: 'yes' | 'some' | 'no', label: string) =>
    box({ type: 'radio', id: `${name}-${value}`, name, value, isChosen: state?.shares === value, label })
  const dayField = (one: DayField): Html => {
    const [value, before] = [state?.[one] ?? '', state?.given[one] ?? '']
    const hint = say(`${filling}.${one}-hint`)
    const label = say(`choose.${one}`)
    return html`${before !== '' && html`<input type="hidden" name="${name}-given-${one}" value="${before}">`}
${field({ name: `${name}-${one}`, label, hint, value: edgeShown(value, words), ...calendarOf(value, words), problem: wrong.includes(one) ? problem : undefined, autocomplete: putBack, optional: true })}`
  }
  return html`<fieldset class="field${isChoice && ' wrong'}"${isChoice && html` aria-describedby="${name}-problem"`}>
<legend class="fs-5 fw-semibold">${what}</legend>
${note}
${isChoice && html`<p class="invalid-feedback d-block" id="${name}-problem">${problem}</p>`}
${radio('yes', say(`${filling}.share`))}
${
  line.sources.length > 0 &&
  html`${radio('some', say(`${filling}.some`))}
<div class="ms-4" role="group" aria-label="${say(`${filling}.some`)}">${line.sources.map(({ id, name: label }) => box({ type: 'checkbox', name: sourceField(line, id), value: 'yes', label, isChosen: state?.sources.includes(id) === true }))}</div>`
}
${radio('no', say(`${filling}.not`))}
${isOfTime(kind) && html`<div class="columns pair mt-2">${dayField('from')}${dayField('until')}</div>`}
</fieldset>`
}

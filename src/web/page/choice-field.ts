import { wordsFor } from '../../messages/catalogue.ts'
import { box, type Field, type Option } from './form.ts'
import { type Html, html } from './html.ts'

export type ChoiceField = Pick<Field, 'name' | 'label' | 'value' | 'hint' | 'problem'> & {
  /** A hint is shown below its choice, if all choices are visible. */
  readonly choices: readonly (Option & { readonly hint?: string })[]
}

/** One of many choices, in a list that opens. */
export const selectField = (one: ChoiceField): Html => {
  const { name, label, value, choices } = one
  return html`<div class="field mb-4${one.problem && ' wrong'}">
<label for="${name}" class="form-label fw-semibold">${label}</label>
${told(one)}
<select id="${name}" name="${name}" class="form-select${one.problem && ' is-invalid'}"${about(one)}${invalid(one)}>${choices.map(
    choice =>
      html`<option value="${choice.value}"${choice.language && html` lang="${choice.language}"`}${choice.value === value && html` selected`}>${choice.label}</option>`,
  )}</select>
</div>`
}

/** One of a few choices, all of which are visible. None is selected at first unless `value` is one of them. */
export const radioField = (one: ChoiceField): Html => {
  const { name, label, value, choices } = one
  return html`<fieldset role="radiogroup" class="field mb-4${one.problem && ' wrong'}"${about(one)}${invalid(one)}>
<legend class="form-label fw-semibold fs-6">${label}</legend>
${told(one)}
${choices.map((choice, index) =>
  box({ type: 'radio', name, ...choice, isChosen: choice.value === value, ...(index === 0 && { id: name }) }),
)}
</fieldset>`
}

/** What is wrong with what an address asks for: that it is none of the choices. */
export const choiceProblem = (asked: string, choices: readonly Option[]): string | undefined =>
  choices.some(({ value }) => value === asked)
    ? undefined
    : wordsFor('en').say('list.no-choice', { choices: choices.map(({ label }) => label).join('; ') })

const told = ({ name, hint, problem }: ChoiceField): Html => html`
${hint && html`<p class="form-text mt-0" id="${name}-hint">${hint}</p>`}
${problem && html`<p class="invalid-feedback d-block mt-0" id="${name}-problem">${problem}</p>`}`

const about = ({ name, hint, problem }: ChoiceField): Html | undefined => {
  const described = [hint && `${name}-hint`, problem && `${name}-problem`].filter(Boolean).join(' ')
  return described === '' ? undefined : html` aria-describedby="${described}"`
}

const invalid = ({ problem }: ChoiceField): Html | undefined =>
  problem === undefined ? undefined : html` aria-invalid="true"`

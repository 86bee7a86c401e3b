import type { Choice } from './form.ts'
import { type Html, html } from './html.ts'

export type SelectField = {
  readonly name: string
  readonly label: string
  readonly value: string
  readonly hint?: string
  /** What is wrong with what was chosen. */
  readonly problem?: string | undefined
  readonly choices: readonly Choice[]
}

/** One labelled choice of several. */
export const selectField = ({ name, label, value, hint, problem, choices }: SelectField): Html => {
  const described = [hint && `${name}-hint`, problem && `${name}-problem`].filter(Boolean).join(' ')
  return html`<div class="field mb-4${problem && ' wrong'}">
<label for="${name}" class="form-label fw-semibold">${label}</label>
${hint && html`<p class="form-text mt-0" id="${name}-hint">${hint}</p>`}
${problem && html`<p class="invalid-feedback d-block mt-0" id="${name}-problem">${problem}</p>`}
<select class="form-select${problem && ' is-invalid'}" id="${name}" name="${name}"${described !== '' && html` aria-describedby="${described}"`}${problem && html` aria-invalid="true"`}>${choices.map(
    one => html`<option value="${one.value}"${one.value === value && html` selected`}>${one.label}</option>`,
  )}</select>
</div>`
}

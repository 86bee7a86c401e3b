import type { HumanName, Patient } from '@medplum/fhirtypes'
import { type Html, html } from './html.ts'

/** Who a patient is, for people. */
export const patientFacts = ({ name = [], birthDate, gender, identifier = [] }: Patient): Html => html`<dl>
<dt>Name</dt>${name.length === 0 ? html`<dd>not known</dd>` : name.map(one => html`<dd>${nameText(one)}</dd>`)}
<dt>Birth date</dt><dd>${birthDate ?? 'not known'}</dd>
<dt>Gender</dt><dd>${gender ?? 'not known'}</dd>
<dt>Identifiers</dt>${identifier.length === 0 ? html`<dd>none</dd>` : identifier.map(({ system, value }) => html`<dd>${value}${system !== undefined && html` <span class="text-body-secondary">(${system})</span>`}</dd>`)}
</dl>`

export const nameText = ({ text, given = [], family }: HumanName): string =>
  text ?? [...given, family].filter(part => part !== undefined).join(' ')

import type { HumanName, Patient } from '@medplum/fhirtypes'
import { type Words, wordsFor } from '../messages/catalogue.ts'
import { type Html, html } from './html.ts'

/** Who a patient is, for people. */
export const patientFacts = (
  { name = [], birthDate, gender, identifier = [] }: Patient,
  { say }: Words = wordsFor('en'),
): Html => html`<dl>
<dt>${say('chart.name')}</dt>${name.length === 0 ? html`<dd>${say('chart.not-known')}</dd>` : name.map(one => html`<dd>${nameText(one)}</dd>`)}
<dt>${say('chart.birth-date')}</dt><dd>${birthDate ?? say('chart.not-known')}</dd>
<dt>${say('chart.gender')}</dt><dd>${gender === undefined ? say('chart.not-known') : say(`chart.gender-${gender}`)}</dd>
<dt>${say('chart.identifiers')}</dt>${identifier.length === 0 ? html`<dd>${say('chart.none')}</dd>` : identifier.map(({ system, value }) => html`<dd>${value}${system !== undefined && html` <span class="text-body-secondary">(${system})</span>`}</dd>`)}
</dl>`

export const nameText = ({ text, given = [], family }: HumanName): string =>
  text ?? [...given, family].filter(part => part !== undefined).join(' ')

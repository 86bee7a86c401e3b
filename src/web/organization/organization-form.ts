import type { Organization } from '@medplum/fhirtypes'
import {
  asksSecondFactor,
  type OrganizationProblems,
  organizationProblems,
  type SaidOrganization,
  typeOfOrganization,
} from '../../accounts/organization/organization-change.ts'
import { organizationTypes } from '../../fhir/organization-type.ts'
import { selectField } from '../page/choice-field.ts'
import { box, field, notice, postForm, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { type Alike, alikeNotice, anotherButton } from '../page/made-already.ts'
import { overtaken } from '../page/overtaken.ts'
import { nowItSays } from '../page/said-meanwhile.ts'
import { typed } from '../page/typed.ts'

/** The values of the fields, and what is wrong with them. */
export type OrganizationState = {
  readonly said: SaidOrganization
  readonly problems: OrganizationProblems
  /** The version of the Organization that was shown; absent for a new one. */
  readonly version?: string
  /** What somebody else has saved since it was shown. */
  readonly now?: SaidOrganization
  /** One with the same name that is there already. */
  readonly alike?: Alike
}

export const emptyOrganization: OrganizationState = { said: { name: '', type: '', secondFactor: false }, problems: {} }

export const stateOfOrganization = (organization: Organization, version: string): OrganizationState => ({
  said: {
    name: organization.name ?? '',
    type: typeOfOrganization(organization),
    secondFactor: asksSecondFactor(organization),
  },
  problems: {},
  version,
})

export const typedOrganization = (body: unknown): OrganizationState => {
  const [name, type] = [typed(body, 'name'), typed(body, 'type')]
  const said = { name, type, secondFactor: typed(body, 'second-factor') === 'yes' }
  return { said, problems: organizationProblems(said), version: typed(body, 'version') }
}

export const isWrong = ({ problems }: OrganizationState): boolean => Object.keys(problems).length > 0

/** Its type in FHIR's words; undefined if it is none of FHIR's. */
export const typeText = (organization: Organization): string | undefined => {
  const type = typeOfOrganization(organization)
  return organizationTypes().find(({ code }) => code === type)?.display
}

type Form = {
  readonly action: string
  readonly token: string
  readonly button: string
  readonly state: OrganizationState
}

export const organizationForm = ({ action, token, button, state }: Form): Html => {
  const { said, version = '', now, alike } = state
  const problems = { name: nameProblems[state.problems.name ?? ''], type: typeProblems[state.problems.type ?? ''] }
  return html`${now && notice('problem', overtaken)}${alike && alikeNotice(alike, 'an organization')}
${problemList([
  { name: 'name', problem: problems.name },
  { name: 'type', problem: problems.type },
])}
${postForm(
  { action, token, hidden: { version }, novalidate: true },
  html`${field({ ...asked(said, now, 'name'), label: 'Name', problem: problems.name, autocomplete: 'organization' })}
${selectField({ ...asked(said, now, 'type'), label: 'Type', problem: problems.type, choices: types() })}
${box({
  type: 'checkbox',
  name: 'second-factor',
  value: 'yes',
  label: 'Require a second factor',
  hint: html`${now && now.secondFactor !== said.secondFactor && html`${nowItSays(now.secondFactor ? 'Yes' : 'No')}. `}Everybody who works in it, or below it, also needs a code from an app to sign in. Anybody who has not set one up is signed out, and does so at the next sign-in.`,
  isChosen: said.secondFactor,
})}
<div class="d-flex flex-wrap gap-2 mt-3">
<button class="btn btn-primary">${button}</button>
${alike && anotherButton(alike)}
</div>`,
)}`
}

/** A field with what was typed, and if somebody else has saved something else, that beside it. */
const asked = (said: SaidOrganization, now: SaidOrganization | undefined, name: 'name' | 'type') => {
  const saved = now === undefined || now[name] === said[name] ? undefined : now[name]
  const label = types().find(({ value }) => name === 'type' && value === saved)?.label ?? saved
  return { name, value: said[name], ...(label !== undefined && { hint: nowItSays(label) }) }
}

const types = () => [
  { value: '', label: 'Not specified' },
  ...organizationTypes().map(({ code, display }) => ({ value: code, label: display })),
]

const nameProblems: Readonly<Record<string, string>> = {
  missing: 'Enter a name',
  'too-long': 'Enter a name of at most 200 characters',
}

const typeProblems: Readonly<Record<string, string>> = { unknown: 'Choose one from the list' }

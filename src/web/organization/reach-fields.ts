import type { Reach, ReachProblems } from '../../accounts/contact/reach.ts'
import type { Field } from '../page/form.ts'

/** Fields for how an organization, or somebody who works in it, is reached. All may be empty. */
export const reachFields = <Name extends keyof Reach>(
  sent: Readonly<Record<Name, string>>,
  problems: ReachProblems,
  names: readonly Name[],
): readonly Field[] =>
  names.map(name => ({ name, ...fields[name], value: sent[name], problem: problems[name], optional: true }))

// What browsers would fill in is the contact of whoever types.
const fields: Readonly<Record<keyof Reach, Omit<Field, 'name'>>> = {
  phone: { label: 'Phone number', hint: 'Optional, such as +1 500 555 0006', autocomplete: 'off' },
  email: { label: 'E-mail address', hint: 'Optional', type: 'email', autocomplete: 'off' },
  url: { label: 'Website', hint: 'Optional, such as https://www.example.org', inputmode: 'url', autocomplete: 'off' },
}

import {
  mostCharacters,
  mostLines,
  type PostalFields,
  type PostalProblems,
  postalFieldNames,
} from '../../accounts/contact/postal-address.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Field } from './form.ts'
import { typed } from './typed.ts'

/** A part for which the form had no field stays. */
export const typedPostal = (body: unknown, before: PostalFields): PostalFields =>
  Object.fromEntries(
    postalFieldNames.map(name => [name, isSent(body, name) ? typed(body, name) : before[name]]),
  ) as PostalFields

const isSent = (body: unknown, name: string): boolean => typeof body === 'object' && body !== null && name in body

/** The fields of a postal address. All may be empty. */
export const postalFields = (fields: PostalFields, problems: PostalProblems, { say }: Words): readonly Field[] =>
  postalFieldNames.map(name => {
    const problem = problems[name]
    return {
      name,
      label: say(`postal.${name}`),
      value: fields[name],
      problem:
        problem === 'missing' && (name === 'line' || name === 'city')
          ? say(`postal.${name}-missing`)
          : problem &&
            say(name === 'line' ? 'postal.line-too-long' : 'postal.too-long', {
              field: say(`postal.${name}`),
              mostLines,
              mostCharacters,
            }),
      autocomplete: autocompleteOf[name],
      optional: true,
      isProse: true,
      ...(name === 'line' && { hint: say('postal.line-hint'), rows: 3 }),
    }
  })

/** https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill */
const autocompleteOf = {
  line: 'street-address',
  city: 'address-level2',
  district: 'address-level3',
  state: 'address-level1',
  postalCode: 'postal-code',
  country: 'country-name',
} as const

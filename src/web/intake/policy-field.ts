import { defaultPolicy, policyMeanings, type ValidationPolicy, validationPolicies } from '../../mhealth/policy.ts'
import { radioField } from '../page/choice-field.ts'
import type { Html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { nowItSays } from '../page/said-meanwhile.ts'
import { typed } from '../page/typed.ts'

/** A choice of how strictly documents are judged, which also says what applies if nothing is chosen. `now`: what somebody else has chosen meanwhile. */
export const policyField = (policy: string, { problem, now }: Beside = {}): Html =>
  radioField({
    name: 'policy',
    label: 'What becomes of documents that are not as they should be',
    value: policy,
    problem,
    ...(now !== undefined &&
      now !== policy && { hint: nowItSays(now === 'none' ? notSpecified : (namedIn(policyLabels, now) ?? now)) }),
    choices: [
      {
        value: 'none',
        label: notSpecified,
        hint: `What is chosen elsewhere applies: the strictest of the choices of the source and of the studies that its data goes to. If there is none, “${policyLabels[defaultPolicy]}” applies.`,
      },
      ...validationPolicies.map(value => ({
        value,
        label: policyLabels[value],
        hint: sentence(policyMeanings[value]),
      })),
    ],
  })

type Beside = { readonly problem?: string | undefined; readonly now?: string | undefined }

const notSpecified = 'Not specified here'

/** Undefined if none of the choices was sent. */
export const policyIn = (body: unknown): ValidationPolicy | 'none' | undefined => {
  const value = typed(body, 'policy')
  return value === 'none' ? value : validationPolicies.find(policy => policy === value)
}

export const policyProblem = 'Choose one of these'

export const policyLabels: Readonly<Record<ValidationPolicy, string>> = {
  strict: 'Strict',
  normalise: 'Normalise',
  'accept-with-warning': 'Accept with warning',
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

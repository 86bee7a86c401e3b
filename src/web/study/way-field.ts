import type { Way } from '../../studies/invitation/addresses-for.ts'
import { selectField } from '../page/choice-field.ts'
import type { Html } from '../page/html.ts'
import { typed } from '../page/typed.ts'

/** The channel by which messages are sent; nothing if there is no choice. */
export const wayField = (ways: readonly Way[]): Html | undefined =>
  ways.length < 2
    ? undefined
    : selectField({
        name: 'way',
        label: 'How to send messages',
        value: 'any',
        choices: ways.map(way => ({ value: way, label: labels[way] })),
      })

const labels: Readonly<Record<Way, string>> = {
  any: 'By e-mail, else by text message',
  email: 'By e-mail',
  sms: 'By text message',
  both: 'By both',
}

/** The chosen channel, if it exists. */
export const wayIn = (body: unknown, ways: readonly Way[]): Way => ways.find(way => way === typed(body, 'way')) ?? 'any'

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
        hint: 'Whoever has only an e-mail address, or only a mobile number, gets what is sent to both there alone. What was sent stands beside each name.',
        value: 'any',
        choices: ways.map(way => ({ value: way, label: labels[way] })),
      })

const labels: Readonly<Record<Way, string>> = {
  any: 'By e-mail, else by text message',
  email: 'By e-mail',
  sms: 'By text message',
  both: 'By e-mail and by text message',
}

/** The chosen channel, if it exists. */
export const wayIn = (body: unknown, ways: readonly Way[]): Way => ways.find(way => way === typed(body, 'way')) ?? 'any'

import { isBlank } from '../../fhir/blank.ts'
import type { Words } from '../../messages/catalogue.ts'
import { form } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'

type Shown = {
  /** The page on which it was chosen. */
  readonly page: string
  readonly token: string
  readonly hidden: Readonly<Record<string, string | undefined>>
  /** As it was typed. */
  readonly name: string
  readonly isUnsigned: boolean
  readonly hint?: string
}

/** Where the name is typed by which something is signed. */
export const signatureForm = ({ page, token, hidden, name, isUnsigned, hint }: Shown, { say }: Words): Html =>
  html`<h2>${say('sign.title')}</h2>
<p>${say('sign.text')}</p>
${form({
  action: `${page}/sign`,
  token,
  hidden,
  problemTitle: say('check'),
  fields: [
    {
      name: 'name',
      label: say('sign.name'),
      ...(hint === undefined ? {} : { hint }),
      value: name,
      autocomplete: 'name',
      problem: isUnsigned ? say(isBlank(name) ? 'sign.missing' : 'account.name-missing') : undefined,
    },
  ],
  button: say('sign.sign'),
})}`

import type { FastifyRequest } from 'fastify'
import { notice } from './form.ts'
import { type Html, html } from './html.ts'
import { idByForm } from './id-by-form.ts'
import { typed } from './typed.ts'

export type Alike = { readonly id: string; readonly name: string; readonly address: string }

/**
 * Which of those with the same name its sender is asked about before the form makes another: whoever goes back to a form that they have sent, and
 * sends it again, is given another form by the browser. None if this very form has made one of them, or its sender knows of it.
 */
export const alikeToAskAbout = (request: FastifyRequest, found: readonly Alike[]): Alike | undefined => {
  const own = idByForm(request)
  const known = typed(request.body, 'anyway')
  return found.some(({ id }) => id === own || id === known) ? undefined : found[0]
}

/** `what`: such as "a study". */
export const alikeNotice = ({ name, address }: Alike, what: string): Html =>
  notice(
    'problem',
    html`<p>There is ${what} with this name already: <a href="${address}">${name}</a>. Nothing was made now. If that is what you mean, go on there; if you need another with the same name, make it below.</p>`,
  )

/** Beside the button of the form. */
export const anotherButton = ({ id }: Alike): Html =>
  html`<button class="btn btn-outline-primary" name="anyway" value="${id}">Make another with the same name</button>`

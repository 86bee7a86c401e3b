import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { type ChangeableStudy, changeStudy, findChangeableStudy } from '../../studies/definition/study-change.ts'
import type { PageOptions } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'

export type OfStudy = { readonly Params: { readonly id: string } }

/** The study of the address. Throws `not-found` for whoever may not do this to it, as if there were none. */
export const studyOf = async (
  request: FastifyRequest<OfStudy>,
  options: PageOptions,
  may: 'mayChange' | 'mayNameStaff' | 'either',
): Promise<ChangeableStudy> => {
  const changeable = await findChangeableStudy(options, sessionOf(request).person, request.params.id)
  if (may !== 'either' && !changeable[may]) throw new FhirError('not-found', 'There is no such study')
  return changeable
}

type Outcome =
  | { readonly kind: 'changed' }
  /** Nothing was written: somebody else was faster. `now` is what the study is. */
  | { readonly kind: 'conflict'; readonly now: ChangeableStudy }

/** Writes what comes after the version that the form was shown with. */
export const changing = async (
  request: FastifyRequest<OfStudy>,
  options: PageOptions,
  changeable: ChangeableStudy,
  change: (study: ResearchStudy) => ResearchStudy,
): Promise<Outcome> => {
  const version = typed(request.body, 'version')
  const outcome =
    version === changeable.version
      ? await changeStudy(options, changeable, version, change(changeable.study))
      : 'conflict'
  if (outcome === 'changed') return { kind: 'changed' }
  return { kind: 'conflict', now: await findChangeableStudy(options, sessionOf(request).person, changeable.id) }
}

/** Where somebody else was faster than whoever has typed something. */
export const notSaved: Html = notice(
  'problem',
  html`<p>Somebody else has changed this study in the meantime, so your changes were not saved. What you typed is still here: look at what the study says now, and save again if it is still right.</p>`,
)

/** The same where nothing was typed. */
export const notDone: Html = notice(
  'problem',
  html`<p>Somebody else has changed this study in the meantime, so this was not done. Look at what the study says now, and do it again if it is still right.</p>`,
)

type ChangePage = {
  readonly title: string
  /** Where the form is sent; to the address that was asked for unless said. */
  readonly action?: string
  readonly isProblem?: boolean
  readonly notices?: Html | undefined
  readonly fields: readonly Html[]
  readonly button?: string
  /** Of the study, when its form was first shown; the present one unless said. */
  readonly version?: string
  /** Before the form, and after it. */
  readonly before?: Html | undefined
  readonly after?: Html | undefined
  /** The way to what it is a part of; to the settings unless said. */
  readonly above?: Html
}

/** A page with a form for one part of a study. */
export const sendChangePage = (reply: FastifyReply, changeable: ChangeableStudy, page: ChangePage): FastifyReply => {
  const { id, study } = changeable
  const { title, isProblem = false, notices, fields, button = 'Save', before, after } = page
  const token = ownToken(reply)
  const { above = html`<a href="/studies/${id}/settings">Settings of ${titleOf(study)}</a>` } = page
  const { action = reply.request.url.split('?')[0] ?? '', version = changeable.version } = page
  return sendStaffPage(reply, {
    title: `${title}: ${titleOf(study)}`,
    isProblem,
    content: html`<p>${above}</p>
<h1>${title}</h1>
${notices}
${before}
${
  fields.length > 0 &&
  postForm(
    { action, token, hidden: { version }, novalidate: true },
    html`${fields}
<button class="btn btn-primary">${button}</button>`,
  )
}
${after}`,
  })
}

export const titleOf = ({ title }: ResearchStudy): string => title ?? 'A study without a title'

import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { type ChangeableStudy, changeStudy, findChangeableStudy } from '../../studies/definition/study-change.ts'
import { titleOf } from '../../studies/definition/study-title.ts'
import type { PageOptions } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'

export type OfStudy = { readonly Params: { readonly id: string } }

/** The study in the address. Throws `not-found` for anybody who may not do this to it, as if it did not exist. */
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
  /** Nothing was written, because somebody else was faster. `now`: the study as it is now. */
  | { readonly kind: 'conflict'; readonly now: ChangeableStudy }

/** Writes the version after the one with which the form was shown. */
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

/** For when somebody else was faster than a person who typed something. */
export const notSaved: Html = notice(
  'problem',
  html`<p>Somebody else has changed this study in the meantime, so your changes were not saved. What you typed is still here: look at what the study says now, and save again if it is still right.</p>`,
)

/** The same where nothing was typed. */
export const notDone: Html = notice(
  'problem',
  html`<p>Somebody else has changed this study in the meantime, so this was not done. Look at what the study says now, and do it again if it is still right.</p>`,
)

/** What was just done, if an address that a change led to says so. */
export const justDone = (request: FastifyRequest): Html | undefined => {
  const text = namedIn(doneTexts, queryOf(request).get('done'))
  return text === undefined ? undefined : notice('done', html`<p>${text}</p>`)
}

const doneTexts: Readonly<Record<string, string>> = {
  added: 'It has been added.',
  saved: 'Saved.',
  removed: 'It has been removed.',
  named: 'They have been added to the staff.',
  left: 'They have been removed from the staff.',
}

type ChangePage = {
  readonly title: string
  /** Where the form is sent; by default, to the address of the page. */
  readonly action?: string
  /** The address of the page, if it says more than its path. */
  readonly address?: string
  readonly notices?: Html | undefined
  readonly fields: readonly Html[]
  readonly button?: string
  /** Before the form, and after it. */
  readonly before?: Html | undefined
  readonly after?: Html | undefined
  /** The link to what it is a part of; by default, the settings. */
  readonly above?: Html
}

/** A page with a form for one part of a study. A refused form is still about the version for which it was first shown; all others are about the present one. */
export const sendChangePage = (reply: FastifyReply, changeable: ChangeableStudy, page: ChangePage): FastifyReply => {
  const { id, study } = changeable
  const { title, address, notices, fields, button = 'Save', before, after } = page
  const token = ownToken(reply)
  const { above = html`<a href="/studies/${id}/settings">Settings of ${titleOf(study)}</a>` } = page
  const { action = reply.request.url.split('?')[0] ?? '' } = page
  const version = reply.statusCode === 422 ? typed(reply.request.body, 'version') : changeable.version
  return sendStaffPage(reply, {
    title: `${title}: ${titleOf(study)}`,
    isProblem: reply.statusCode >= 400,
    ...(address !== undefined && { address }),
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

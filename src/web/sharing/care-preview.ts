import type { FastifyReply } from 'fastify'
import { readForCare } from '../../access/questions.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { CareAsked } from '../../studies/consent/care-asked.ts'
import { careSigning } from '../../studies/consent/care-consent.ts'
import { countReadable } from '../../studies/consent/count-shared.ts'
import type { Choice } from '../../studies/consent/own-consent.ts'
import { postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { sendTranslatedPage } from '../page/translated-page.ts'
import { careHidden, carePath, saysNo } from './care-form.ts'
import { endingLines } from './ending-lines.ts'
import { type ChoiceState, hiddenChoices } from './sharing-choice.ts'
import { textShown } from './sharing-facts.ts'
import { endingShown, readingsShown } from './sharing-preview.ts'
import { signatureForm } from './signature-form.ts'

type Shown = {
  readonly choices: readonly Choice[]
  /** As they were typed. */
  readonly state: ChoiceState
  readonly name?: string
  readonly isUnsigned?: boolean
}

/** Who could see what, before anything is signed. */
export const sendCarePreview = async (
  reply: FastifyReply,
  asked: CareAsked,
  words: Words,
  { choices, state, name = '', isUnsigned = false }: Shown,
): Promise<FastifyReply> => {
  const { grantee, record, text, whose } = asked
  const { say } = words
  const [page, who, token] = [carePath(grantee), grantee.name, ownToken(reply)]
  const hidden = { ...hiddenChoices(state), ...careHidden(asked, words, choices) }
  const signing = careSigning(asked, choices)
  const counts = await countReadable(record, choices, { signing, readable: readForCare(grantee) })
  const no = saysNo(asked, words)
  const end =
    no === undefined
      ? html`<p><a class="btn btn-primary" href="/sharing">${say('care.cancel')}</a></p>`
      : postForm(
          { action: `${page}/decline`, token, hidden: careHidden(asked, words) },
          html`<button class="btn btn-primary">${no}</button>`,
        )
  return sendTranslatedPage(reply, words, {
    title: say('preview.title'),
    isProblem: isUnsigned,
    content: html`<h1>${say('preview.title')}</h1>
${whose !== undefined && html`<dl><dt>${say('care.of')}</dt><dd>${whose}</dd></dl>`}
<p>${say('preview.lead')}</p>
<h2>${say('preview.people')}</h2>
<ul><li>${grantee.kind === 'organization' ? say('care.everybody', { organization: who }) : who}</li></ul>
<p>${say('preview.apps')}</p>
<h2>${say('preview.readings')}</h2>
${readingsShown(choices, counts, words)}
${endingShown(endingLines(asked, choices), words, say('care.ends-text', { who }))}
<h2>${say('care.known')}</h2>
<p>${say('care.known-name')}</p>
<h2>${say('study.text')}</h2>
${textShown(text.attachment)}
${signatureForm({ page, token, hidden, name, isUnsigned, hint: say('care.name-hint', { who }) }, words)}
${end}
${postForm({ action: page, token, hidden: { ...hidden, change: 'yes' } }, html`<button class="btn btn-outline-primary">${say('preview.back')}</button>`)}`,
  })
}

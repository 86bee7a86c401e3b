import type { FastifyReply } from 'fastify'
import { recoveryCodeText } from '../../accounts/sign-in/authenticator.ts'
import { html } from '../page/html.ts'
import { printedLine } from '../page/printed-line.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'

/** They are not shown again, since only their hashes are stored. */
export const sendRecoveryCodes = (
  reply: FastifyReply,
  { recoveryCodes, goOn }: { readonly recoveryCodes: readonly string[]; readonly goOn: string },
): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply, words, {
    title: say('recovery.title'),
    content: html`<h1>${say('recovery.title')}</h1>
${printedLine(words, 'Sharewell')}
<p>${say('recovery.text')}</p>
<ol class="codes columns" data-codes data-copied-text="${say('recovery.copied')}" data-refused-text="${say('recovery.not-copied')}">${recoveryCodes.map(code => html`<li><code>${recoveryCodeText(code)}</code></li>`)}</ol>
<p class="d-flex flex-wrap gap-3 mt-4"><button type="button" class="btn btn-outline-primary" data-copy hidden>${say('recovery.copy')}</button> <button type="button" class="btn btn-outline-primary" data-print hidden>${say('recovery.print')}</button></p>
<p role="status" data-copied></p>
<p class="no-print"><a href="${goOn}">${say('recovery.kept')}</a></p>
<script type="module" src="/static/recovery-codes.js"></script>`,
  })
}

import type { FastifyReply } from 'fastify'
import { recoveryCodeText } from '../accounts/authenticator.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'

/** They are shown this once: only their hashes are kept. */
export const sendRecoveryCodes = (
  reply: FastifyReply,
  { recoveryCodes, goOn }: { readonly recoveryCodes: readonly string[]; readonly goOn: string },
): FastifyReply =>
  sendPage(reply, {
    title: 'Keep your recovery codes',
    signOut: { token: ownToken(reply) },
    content: html`<h1>Keep your recovery codes</h1>
<p>If you lose your phone, one of these codes lets you in instead of a code of the app. Each works once. We show them only now: print them, or write them down, and keep them where nobody else finds them.</p>
<ol class="codes columns" data-codes>${recoveryCodes.map(code => html`<li><code>${recoveryCodeText(code)}</code></li>`)}</ol>
<p class="d-flex flex-wrap gap-3 mt-4"><button type="button" class="btn btn-outline-primary" data-copy hidden>Copy the codes</button> <button type="button" class="btn btn-outline-primary" data-print hidden>Print this page</button></p>
<p role="status" data-copied></p>
<p><a href="${goOn}">I have kept them: go on</a></p>
<script type="module" src="/static/recovery-codes.js"></script>`,
  })

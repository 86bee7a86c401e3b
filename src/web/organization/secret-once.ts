import type { FastifyReply } from 'fastify'
import { copyButton, copyScript } from '../page/copy-button.ts'
import { notice } from '../page/form.ts'
import { html } from '../page/html.ts'
import { sendStaffPage } from '../page/staff-page.ts'

type Shown = { readonly client_id: string; readonly client_secret: string; readonly page: string }

/** Shows a secret that was just made. Only its hash is stored, so it is never shown again. */
export const sendSecret = (reply: FastifyReply, { client_id, client_secret, page }: Shown): FastifyReply =>
  sendStaffPage(reply, {
    title: 'Save this client secret',
    content: html`<h1>Save this client secret</h1>
${notice('done', html`<p>Copy it now to where the app needs it: it is shown only this once.</p>`)}
<dl>
<dt>client_id</dt><dd><code id="client-id">${client_id}</code> ${copyButton('client-id', 'the client_id')}</dd>
<dt>client_secret</dt><dd><code id="client-secret">${client_secret}</code> ${copyButton('client-secret', 'the client_secret')}</dd>
</dl>
${copyScript}
<p><a href="${page}">I have saved it</a></p>`,
  })

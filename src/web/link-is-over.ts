import type { FastifyReply } from 'fastify'
import { html } from './html.ts'
import { sendPage } from './page.ts'

/** For links that were used, are too old, or never were. */
export const sendLinkIsOver = (reply: FastifyReply): FastifyReply =>
  sendPage(reply.code(410), {
    title: 'This link no longer works',
    content: html`<h1>This link no longer works</h1>
<p>A link works once, and only for a short time. If you used it already, you can sign in. If not, ask for a new one.</p>
<p><a href="/sign-in">Go to sign-in</a></p>`,
  })

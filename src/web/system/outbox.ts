import { FhirError } from '../../fhir/error.ts'
import type { AddPage } from '../page/add-page.ts'
import { html } from '../page/html.ts'
import { sendPage } from '../page/page.ts'
import { moment } from '../page/time.ts'

/** Shows messages instead of sending them, on a server that is being tried out. */
export const outboxPage: AddPage = (server, { outbox }) => {
  server.get('/outbox', async (request, reply) => {
    if (outbox === undefined || request.hasOutbox !== true) throw new FhirError('not-found', 'There is no such page')
    const messages = outbox.messages()
    return sendPage(reply, {
      title: 'Outbox',
      content: html`<h1>Outbox</h1>
<p>No way of sending messages is configured, so what invitations send is shown here, on this machine alone: the newest hundred, until the server stops. Set <code>SMTP_URL</code> to send e-mail, and <code>TWILIO_ACCOUNT_SID</code> or <code>SMS_GATEWAY_URL</code> to send text messages. Letters about accounts, such as for a new password, are not shown here, since nobody is asked who they are: with <code>SMTP_URL=log</code> they are in the log.</p>
${
  messages.length === 0
    ? html`<p>There is nothing yet, or not since the server was started. Invite somebody to a study, or invite them again.</p>`
    : html`<ul class="list-group list-group-flush mb-4">${messages.map(
        message => html`<li class="list-group-item px-0 py-3">
<h2>${message.channel === 'email' ? message.subject : 'Text message'}</h2>
<p class="text-body-secondary">To ${message.to}, ${moment(message.at)}</p>
<div class="as-written">${linked(message.text)}</div>
</li>`,
      )}</ul>`
}`,
    })
  })
}

const linked = (text: string) =>
  text.split(/(https?:\/\/\S+)/).map((part, index) => (index % 2 === 1 ? html`<a href="${part}">${part}</a>` : part))

import type { Patient } from '@medplum/fhirtypes'
import { callerOfSession } from '../storage/account/session.ts'
import type { AddPage } from './add-page.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'
import { nameText, patientFacts } from './patient-facts.ts'
import { requireSession, sessionOf } from './signed-in.ts'

type Asked = { readonly Params: { readonly id: string } }

/** A patient, as whoever is signed in may read them over FHIR; all others are told that there is no such page. */
export const patientPage: AddPage = (server, { accounts, openStoreFor }) => {
  server.get<Asked>('/patients/:id', { onRequest: requireSession }, async (request, reply) => {
    const caller = await callerOfSession(accounts.database, sessionOf(request))
    if (caller === undefined) return reply.redirect('/sign-in', 303)
    const { content } = await openStoreFor(caller).read('Patient', request.params.id)
    const patient: Patient = JSON.parse(content)
    const [name = {}] = patient.name ?? []
    const title = nameText(name) || 'Patient'
    return sendPage(reply, {
      title,
      signOut: { token: reply.generateCsrf() },
      content: html`<h1>${title}</h1>
${patientFacts(patient)}`,
    })
  })
}

import { queryOf } from '../../http/fhir/presentation.ts'
import type { AddPage } from '../page/add-page.ts'
import { sendLinkIsOver } from '../page/link-is-over.ts'

/** Where a partner of CommonHealth Cloud Storage sends a patient. It leads on to the page that asks about any app. */
export const partnerLinkPage: AddPage = server => {
  server.get('/m/phr/cloud-sharing/authorize', async (request, reply) => {
    const location = await server.authorization.sharingPartners.open(
      queryOf(request).get('authorization_request') ?? '',
    )
    return location === undefined ? sendLinkIsOver(reply, { isOfMessage: false }) : reply.redirect(location, 303)
  })
}

import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import type { Config } from '../config.ts'

type Apps = Pick<Config, 'androidApps' | 'appleApps'>

/** Which apps open the links of invitations instead of a browser. Phones follow no redirects here. */
export const appLinkRoutes: FastifyPluginAsync<Apps> = async (server, { androidApps, appleApps }) => {
  const answer = (reply: FastifyReply, statements: object | undefined) =>
    statements === undefined ? reply.callNotFound() : reply.type('application/json').send(JSON.stringify(statements))
  server.get('/.well-known/assetlinks.json', async (_request, reply) =>
    answer(reply, androidApps && assetLinks(androidApps)),
  )
  server.get('/.well-known/apple-app-site-association', async (_request, reply) =>
    answer(reply, appleApps && siteAssociation(appleApps)),
  )
}

/** https://developer.android.com/training/app-links/configure-assetlinks */
const assetLinks = (apps: NonNullable<Apps['androidApps']>) =>
  apps.map(({ packageName, fingerprint }) => ({
    relation: ['delegate_permission/common.handle_all_urls'],
    target: { namespace: 'android_app', package_name: packageName, sha256_cert_fingerprints: [fingerprint] },
  }))

/** https://developer.apple.com/documentation/xcode/supporting-associated-domains: only an invitation's link, none of our other pages. */
const siteAssociation = (apps: NonNullable<Apps['appleApps']>) => ({
  applinks: { details: [{ appIDs: apps, components: [{ '/': '/invitation', '?': { link: '?*' } }] }] },
})

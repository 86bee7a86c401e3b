import { keepClient } from '../../src/storage/authorization/client-registration.ts'
import type { Connection } from '../../src/storage/database.ts'

type Service = { readonly id: string; readonly scope: string; readonly organization: string }

/** A client that works without a person, named like its id. Kept again, it has these scopes. */
export const keepService = (connection: Connection, service: Service) =>
  keepClient(connection, {
    ...service,
    name: service.id,
    policies: [],
    selfRegistered: false,
    metadata: {
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
    },
  })
